#include "base/digest.h"

#include <openssl/evp.h>

#include <cstdlib>
#include <memory>

namespace fenqi {
namespace {

// OpenSSL allocates a context's inner state at its first digest and keeps it for the next ones.
struct Hasher {
  std::unique_ptr<EVP_MD, decltype(&EVP_MD_free)> algorithm{
      EVP_MD_fetch(nullptr, "SHA256", nullptr), EVP_MD_free};
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  EVP_MD_CTX_free};
};

}  // namespace

Digest sha256(std::string_view salt, std::string_view text) {
  thread_local const Hasher hasher;
  EVP_MD_CTX* const context = hasher.context.get();
  Digest digest{};
  // Fails only where there is no memory or no SHA-256 at all; then no answer is better than one
  // that takes a listed person for an unlisted one.
  if (context == nullptr || EVP_DigestInit_ex(context, hasher.algorithm.get(), nullptr) != 1 ||
      EVP_DigestUpdate(context, salt.data(), salt.size()) != 1 ||
      EVP_DigestUpdate(context, text.data(), text.size()) != 1 ||
      EVP_DigestFinal_ex(context, digest.data(), nullptr) != 1) {
    std::abort();
  }
  return digest;
}

}  // namespace fenqi
