// What a policy lends, as a release holds it: products, limits and what a price rests on.
//
// Immutable and shared. It looks at itself, so that it is not copied.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/clock.h"
#include "offers/affordability.h"
#include "offers/repayment.h"
#include "offers/search.h"
#include "quoting/loan_terms.h"

namespace fenqi::engine {

// A kind of loan.
struct LentProduct {
  std::string code;
  std::uint32_t eligible_register = UINT32_MAX;  // no register: everybody
  std::int64_t from_fen = 0;
  std::int64_t to_fen = 0;
  std::int64_t step_fen = 0;
  std::vector<std::int32_t> terms_months;
  std::vector<offers::Method> methods;
  std::vector<std::uint8_t> loan_bytes;  // fenqi.v1.LoanTerms, which `loan` looks at
  quoting::LoanTerms loan;
  offers::ServicingTerms servicing;
  std::string lender;
  std::string currency = "CNY";
};

// How far a customer may go who has repaid so often.
struct OfferLadder {
  std::vector<std::int64_t> amounts_fen;
  std::vector<std::int32_t> good_repayments;
  std::uint32_t reached_register = UINT32_MAX;
};

struct OfferPlan {
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::size_t kMostOffers = 10;
  static constexpr std::size_t kLimitKinds = 9;  // above every fenqi.v1.LimitKind

  // From a serialized fenqi.internal.v1.OfferPlan. Fails with FAILED_PRECONDITION where something
  // in it cannot be: afterwards only registers, slots and reasons may point nowhere.
  static Result<std::unique_ptr<const OfferPlan>> parse(std::span<const std::uint8_t> bytes);

  OfferPlan() = default;
  OfferPlan(const OfferPlan&) = delete;
  OfferPlan& operator=(const OfferPlan&) = delete;

  // The product of a code; null where there is none.
  const LentProduct* find(std::string_view code) const;

  std::vector<LentProduct> products;
  std::vector<offers::Product> candidates;  // of each product what a search reads
  offers::Lending lending;
  std::uint32_t income_register = kNone;
  std::uint32_t debt_service_register = kNone;
  std::int64_t debt_service_ratio = 0;  // units of 10^-12
  std::int64_t residual_income_fen = 0;
  std::uint32_t income_multiple_register = kNone;
  std::optional<OfferLadder> ladder;
  std::int64_t legal_cap_fen = 0;  // 0: none
  std::uint32_t when_missing = 0;  // fenqi.v1.RuleAction
  std::uint32_t horizon_months = 0;
  std::uint32_t most_offers = 0;
  std::array<std::uint32_t, kLimitKinds> reasons{};  // by fenqi.v1.LimitKind; kNone: none
  std::uint32_t product_slot = kNone;
  std::uint32_t term_months_slot = kNone;
  std::uint32_t repayment_method_slot = kNone;
  Clock clock;

  // The probability of default of twelve months for one of the model's horizon, below 1.
  double of_twelve_months(double probability) const;
  // The day on which a moment falls, by the policy's clock; kNoDate where the calendar ends.
  offers::Date day_of(std::int64_t seconds) const;
};

}  // namespace fenqi::engine
