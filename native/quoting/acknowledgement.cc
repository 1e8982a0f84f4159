#include "quoting/acknowledgement.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

namespace fenqi::quoting {
namespace {

// The layout of the rest, so that another one can follow.
constexpr char kVersion = 1;
constexpr std::size_t kSignedBytes = kTokenBytes - sizeof(Digest);
constexpr std::size_t kMostCustomerKey = 256;

template <typename Number>
char* put(char* at, Number number) {
  for (int shift = 8 * (sizeof(Number) - 1); shift >= 0; shift -= 8) {
    *at++ = static_cast<char>(static_cast<std::uint64_t>(number) >> shift);
  }
  return at;
}

template <typename Number>
const char* take(const char* at, Number& number) {
  std::uint64_t bits = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    bits = bits << 8 | static_cast<unsigned char>(*at++);
  number = static_cast<Number>(bits);
  return at;
}

// The terms have a fixed length, so no customer's key can be mistaken for a part of them.
Digest signature(const AcknowledgementKey& key, const char* terms, std::string_view customer_key) {
  std::array<char, kSignedBytes + kMostCustomerKey> message;
  std::memcpy(message.data(), terms, kSignedBytes);
  const std::size_t size = std::min(customer_key.size(), kMostCustomerKey);
  std::memcpy(message.data() + kSignedBytes, customer_key.data(), size);
  return key.sign({message.data(), kSignedBytes + size});
}

}  // namespace

std::optional<AcknowledgementKey> AcknowledgementKey::create(std::string_view secret) {
  if (secret.size() < kFewestBytes || secret.size() > kMostBytes) return std::nullopt;
  AcknowledgementKey key;
  key.inner_.fill(0x36);
  key.outer_.fill(0x5c);
  for (std::size_t i = 0; i < secret.size(); ++i) {
    key.inner_[i] = static_cast<char>(key.inner_[i] ^ secret[i]);
    key.outer_[i] = static_cast<char>(key.outer_[i] ^ secret[i]);
  }
  return key;
}

Digest AcknowledgementKey::sign(std::string_view message) const {
  const Digest inside = sha256({inner_.data(), inner_.size()}, message);
  return sha256({outer_.data(), outer_.size()},
                {reinterpret_cast<const char*>(inside.data()), inside.size()});
}

Token issue_token(const AcknowledgementKey& key, const QuoteTerms& terms,
                  std::string_view customer_key) {
  Token token;
  char* at = token.data();
  *at++ = kVersion;
  std::memcpy(at, terms.quote_hash.data(), sizeof(Digest));
  at = put(at + sizeof(Digest), terms.quoted_at_seconds);
  at = put(at, terms.minimum_reading_seconds);
  at = put(at, terms.principal_fen);
  at = put(at, terms.term_months);
  const Digest signed_by = signature(key, token.data(), customer_key);
  std::memcpy(at, signed_by.data(), sizeof(Digest));
  return token;
}

std::optional<QuoteTerms> verify_token(const AcknowledgementKey& key, std::string_view token,
                                       std::string_view customer_key) {
  if (token.size() != kTokenBytes || token.front() != kVersion) return std::nullopt;
  if (customer_key.size() > kMostCustomerKey) return std::nullopt;
  const Digest expected = signature(key, token.data(), customer_key);
  if (CRYPTO_memcmp(expected.data(), token.data() + kSignedBytes, sizeof(Digest)) != 0) {
    return std::nullopt;
  }
  QuoteTerms terms;
  const char* at = token.data() + 1;
  std::memcpy(terms.quote_hash.data(), at, sizeof(Digest));
  at = take(at + sizeof(Digest), terms.quoted_at_seconds);
  at = take(at, terms.minimum_reading_seconds);
  at = take(at, terms.principal_fen);
  take(at, terms.term_months);
  return terms;
}

}  // namespace fenqi::quoting
