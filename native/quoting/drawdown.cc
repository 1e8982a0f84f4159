#include "quoting/drawdown.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::quoting {
namespace {

struct Claim {
  std::string_view token;
  std::string_view quote_hash;
  std::optional<std::int64_t> acknowledged_at_seconds;
  std::string_view customer_key;
  std::optional<std::int64_t> amount_fen;
  std::optional<std::int32_t> term_months;
};

void read_loan(std::span<const std::uint8_t> bytes, Claim& claim) {
  wire::MessageReader fields(bytes);
  while (fields.next()) {
    if (fields.number() == contract::loan_request::kAmountFen) {
      claim.amount_fen = static_cast<std::int64_t>(fields.bits());
    } else if (fields.number() == contract::loan_request::kTermMonths) {
      claim.term_months = static_cast<std::int32_t>(fields.bits());
    }
  }
}

void read_application(std::span<const std::uint8_t> bytes, Claim& claim) {
  wire::MessageReader fields(bytes);
  while (fields.next()) {
    if (fields.number() == contract::application::kCustomerKey) {
      claim.customer_key = fields.text();
    } else if (fields.number() == contract::application::kLoan) {
      read_loan(fields.payload(), claim);
    }
  }
}

void read_acknowledgement(std::span<const std::uint8_t> bytes, Claim& claim) {
  namespace field = contract::acknowledgement;
  wire::MessageReader fields(bytes);
  while (fields.next()) {
    switch (fields.number()) {
      case field::kToken:
        claim.token = fields.text();
        break;
      case field::kQuoteHash:
        claim.quote_hash = fields.text();
        break;
      case field::kAcknowledgedAtSeconds:
        claim.acknowledged_at_seconds = static_cast<std::int64_t>(fields.bits());
        break;
      default:
        break;
    }
  }
}

Claim read_claim(std::span<const std::uint8_t> request) {
  Claim claim;
  wire::MessageReader fields(request);
  while (fields.next()) {
    if (fields.number() == contract::score_request::kApplication) {
      read_application(fields.payload(), claim);
    } else if (fields.number() == contract::score_request::kAcknowledgement) {
      read_acknowledgement(fields.payload(), claim);
    }
  }
  return claim;
}

}  // namespace

const char* acknowledgement_fault(std::span<const std::uint8_t> request,
                                  std::int64_t decided_at_seconds, const AcknowledgementKey* key,
                                  const ReadingTime& time) {
  const Claim claim = read_claim(request);
  if (claim.token.empty()) return "no quote was acknowledged";
  if (key == nullptr) return "the server has no acknowledgement_key to check the token with";
  const std::optional<QuoteTerms> quote = verify_token(*key, claim.token, claim.customer_key);
  if (!quote) return "the token was not issued for this customer with this server's key";
  const std::string_view hash(reinterpret_cast<const char*>(quote->quote_hash.data()),
                              quote->quote_hash.size());
  if (claim.quote_hash != hash) return "the token is of another quote than quote_hash";
  if (claim.amount_fen != quote->principal_fen) return "the loan is not of the amount quoted";
  if (quote->term_months != 0 && claim.term_months != quote->term_months) {
    return "the loan is not of the term quoted";
  }
  // No difference of two times from 0 to 2^63 leaves 64 bits.
  const std::int64_t quoted_at = quote->quoted_at_seconds;
  if (!claim.acknowledged_at_seconds) return "acknowledged_at_seconds is missing";
  if (*claim.acknowledged_at_seconds < quoted_at) return "acknowledged before it was quoted";
  if (*claim.acknowledged_at_seconds > decided_at_seconds) return "acknowledged in the future";
  if (*claim.acknowledged_at_seconds - quoted_at <
      std::max(time.minimum_seconds, quote->minimum_reading_seconds)) {
    return "acknowledged sooner than the quote can be read";
  }
  if (decided_at_seconds - quoted_at > time.valid_seconds) return "the quote is no longer valid";
  return nullptr;
}

}  // namespace fenqi::quoting
