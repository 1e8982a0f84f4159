#include "server/transport.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace fenqi::server {
namespace {

constexpr std::size_t kMaxTlsCall = 1 << 30;

bool would_block() {
  return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

}  // namespace

Transport::Transport(FileDescriptor socket, SSL_CTX* tls) : socket_(std::move(socket)) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  SSL_set_fd(ssl_.get(), socket_.get());
  SSL_set_accept_state(ssl_.get());
}

Transport::Result Transport::tls_result(int rc) const {
  const int reason = SSL_get_error(ssl_.get(), rc);
  ERR_clear_error();
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? Result::kWouldBlock
                                                                         : Result::kClosed;
}

Transport::Result Transport::read(std::span<std::uint8_t> buffer, std::size_t& n) {
  n = 0;
  if (ssl_) {
    const int rc = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &n);
    return rc == 1 ? Result::kDone : tls_result(rc);
  }
  const ssize_t got = ::recv(socket_.get(), buffer.data(), buffer.size(), 0);
  if (got > 0) {
    n = static_cast<std::size_t>(got);
    return Result::kDone;
  }
  return got < 0 && would_block() ? Result::kWouldBlock : Result::kClosed;
}

Transport::Result Transport::write(std::span<const std::uint8_t> data, std::size_t& n) {
  n = 0;
  if (ssl_) {
    const int rc = SSL_write_ex(ssl_.get(), data.data(), std::min(data.size(), kMaxTlsCall), &n);
    return rc == 1 ? Result::kDone : tls_result(rc);
  }
  const ssize_t put = ::send(socket_.get(), data.data(), data.size(), MSG_NOSIGNAL);
  if (put >= 0) {
    n = static_cast<std::size_t>(put);
    return Result::kDone;
  }
  return would_block() ? Result::kWouldBlock : Result::kClosed;
}

void Transport::finish_writing() {
  if (ssl_) {
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  ::shutdown(socket_.get(), SHUT_WR);
}

}  // namespace fenqi::server
