// The token by which a borrower's acknowledgement of a quote comes back at the drawdown (R37).
//
// A token says which quote it is of, when it was issued, how long it is to be read and what is
// lent; it is signed with HMAC-SHA256 (RFC 2104) over all of that and the customer's key, which is
// not in it. Whoever holds the key can check it: nothing is stored.
//
// Everything is pure and takes nothing from the heap once a thread is warm; checking costs four
// rounds of SHA-256.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/digest.h"

namespace fenqi::quoting {

// The server's secret: 32 to 64 bytes, the more of them random the better. Immutable, shared.
class AcknowledgementKey {
 public:
  static constexpr std::size_t kFewestBytes = 32;
  static constexpr std::size_t kMostBytes = 64;  // SHA-256's block: a longer key would be hashed

  // Nothing where `secret` is shorter or longer.
  static std::optional<AcknowledgementKey> create(std::string_view secret);

  Digest sign(std::string_view message) const;

 private:
  AcknowledgementKey() = default;
  std::array<char, kMostBytes> inner_;
  std::array<char, kMostBytes> outer_;
};

// What a token binds.
struct QuoteTerms {
  Digest quote_hash{};
  std::int64_t quoted_at_seconds = 0;
  std::int32_t minimum_reading_seconds = 0;
  std::int64_t principal_fen = 0;
  std::int32_t term_months = 0;  // 0: its instalments are not monthly
};

inline constexpr std::size_t kTokenBytes = 1 + 32 + 8 + 4 + 8 + 4 + 32;
using Token = std::array<char, kTokenBytes>;

// `customer_key`: at most 256 bytes.
Token issue_token(const AcknowledgementKey& key, const QuoteTerms& terms,
                  std::string_view customer_key);

// The terms of a token that was issued with this key for this customer; nothing for any other
// bytes. Takes the same time whichever byte of the signature is wrong.
std::optional<QuoteTerms> verify_token(const AcknowledgementKey& key, std::string_view token,
                                       std::string_view customer_key);

}  // namespace fenqi::quoting
