// A non-blocking byte stream over one accepted socket, in cleartext or TLS.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "server/file_descriptor.h"

namespace fenqi::server {

class Transport {
 public:
  enum class Result : std::uint8_t { kDone, kWouldBlock, kClosed };

  // `tls` may be null: cleartext.
  Transport(FileDescriptor socket, SSL_CTX* tls);

  int fd() const { return socket_.get(); }
  bool is_tls() const { return ssl_ != nullptr; }
  // The TLS handshake, if there is one, is over: writing makes sense.
  bool established() const { return ssl_ == nullptr || SSL_is_init_finished(ssl_.get()) == 1; }
  // Both set `n` to what was moved. kClosed on end of stream and on every error. The TLS handshake
  // happens inside the first reads.
  Result read(std::span<std::uint8_t> buffer, std::size_t& n);
  Result write(std::span<const std::uint8_t> data, std::size_t& n);
  // Says that nothing more will be written.
  void finish_writing();

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  Result tls_result(int rc) const;

  FileDescriptor socket_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
};

}  // namespace fenqi::server
