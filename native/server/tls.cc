#include "server/tls.h"

#include <openssl/err.h>

#include <array>
#include <string_view>

namespace fenqi::server {
namespace {

Status file_error(const std::string& what, const std::string& file) {
  std::array<char, 256> reason{};
  ERR_error_string_n(ERR_get_error(), reason.data(), reason.size());
  ERR_clear_error();
  return error(StatusCode::kFailedPrecondition, what + " " + file + ": " + reason.data());
}

int select_h2(SSL*, const unsigned char** out, unsigned char* out_size,
              const unsigned char* offered, unsigned int offered_size, void*) {
  static constexpr std::array<unsigned char, 3> kH2{2, 'h', '2'};
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kH2.data(), kH2.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED) {
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  }
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

Status make_tls_context(const TlsFiles& files, SslContext& context) {
  SslContext made(SSL_CTX_new(TLS_server_method()));
  SSL_CTX* ctx = made.get();
  if (ctx == nullptr) return file_error("cannot set up TLS for", files.certificate_chain);
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(
      ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                            SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_alpn_select_cb(ctx, select_h2, nullptr);
  // RFC 9113 section 9.2.2: only forward-secret AEAD suites go with HTTP/2.
  SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM:ECDHE+CHACHA20");
  if (SSL_CTX_use_certificate_chain_file(ctx, files.certificate_chain.c_str()) != 1) {
    return file_error("cannot use TLS certificate", files.certificate_chain);
  }
  if (SSL_CTX_use_PrivateKey_file(ctx, files.private_key.c_str(), SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_check_private_key(ctx) != 1) {
    return file_error("cannot use TLS private key", files.private_key);
  }
  if (!files.client_ca.empty()) {
    if (SSL_CTX_load_verify_locations(ctx, files.client_ca.c_str(), nullptr) != 1) {
      return file_error("cannot use TLS client authority", files.client_ca);
    }
    SSL_CTX_set_client_CA_list(ctx, SSL_load_client_CA_file(files.client_ca.c_str()));
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    constexpr std::string_view kSessions = "fenqi";
    SSL_CTX_set_session_id_context(ctx, reinterpret_cast<const unsigned char*>(kSessions.data()),
                                   kSessions.size());
  }
  context = std::move(made);
  return {};
}

}  // namespace fenqi::server
