// What a person may have, as far as it does not depend on the loan: limits on the amount, and the
// room for an instalment. Missing is never zero (offers/affordability.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "base/value.h"
#include "engine/offer_plan.h"
#include "engine/verdict.h"

namespace fenqi::engine {

// What an applicant is known to have; and, changed, what would be if that were otherwise.
struct Circumstances {
  // What the program worked out; missing also where it failed, for what is not known is not known.
  static Circumstances read(const OfferPlan& plan, std::span<const Value> registers,
                            const Verdict& verdict);

  // How much may be lent, and which limit says so; missing where one of them is.
  offers::LoanLimit amount_limit(const OfferPlan& plan) const;

  // What is left of the income for an instalment; missing where income or debts are.
  std::optional<std::int64_t> instalment_room(const OfferPlan& plan) const;

  std::optional<std::int64_t> income_fen;
  std::optional<std::int64_t> debt_service_fen;
  std::optional<double> income_multiple;
  std::optional<std::int64_t> good_repayments;
  std::optional<std::int64_t> cap_fen;  // of rules and exploration; none: no cap
  bool any_income = false;              // as much as it takes
};

}  // namespace fenqi::engine
