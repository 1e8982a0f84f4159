// TLS for the data port: TLS 1.2 and later, ALPN "h2" only, client certificates when asked for.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "base/status.h"

namespace fenqi::server {

struct TlsFiles {
  std::string certificate_chain;  // PEM, the leaf first
  std::string private_key;        // PEM
  // PEM; when set, a client without a certificate from one of these does not get in.
  std::string client_ca;
};

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

// kFailedPrecondition with the file and OpenSSL's reason when a file cannot be used.
Status make_tls_context(const TlsFiles& files, SslContext& context);

}  // namespace fenqi::server
