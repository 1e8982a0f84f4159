// What a person can carry: the room for an instalment, and the limit on a loan.
//
// Missing is never zero: an income that nobody verified, or a debt that nobody knows the size of,
// makes the result missing, and a limit that is missing is no limit that passed.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "offers/loan.h"
#include "offers/rounding.h"

namespace fenqi::offers {

// A debt that somebody already serves, fen a month.
struct Debt {
  std::optional<std::int64_t> monthly_fen;       // the instalment, or the stated minimum of a card
  std::optional<std::int64_t> card_balance_fen;  // a card without a stated minimum: 10 % of it
};

// What the debts take a month; missing where one of them is unknown.
std::optional<std::int64_t> debt_service(std::span<const Debt> debts);

struct Affordability {
  std::optional<std::int64_t> monthly_income_fen;   // verified, net
  std::optional<std::int64_t> debt_service_fen;     // of all known debts, a month
  std::int64_t max_debt_service_ratio = kRateUnit;  // of income, units of 10^-12, up to 1
  std::int64_t residual_income_fen = 0;             // what must be left to live on, a month
};

// The largest additional monthly instalment that keeps the debt service ratio and the residual
// income; 0 where there is no room; missing where income or debts are.
std::optional<std::int64_t> instalment_room(const Affordability& affordability);

// (debts + instalment) / income; missing where a part of it is, or income is not positive.
std::optional<double> debt_service_ratio(const Affordability& affordability,
                                         std::int64_t instalment_fen);

enum class LimitKind : std::uint8_t {
  kProduct,         // the product's largest amount
  kLegalCap,        // the rule pack's
  kAffordability,   // the largest principal for the instalment room
  kIncomeMultiple,  // k x monthly income, k by grade
  kExpectedLoss,    // the amount whose expected loss is the budget
  kLadder,          // the step that a thin file has reached by good repayment
};

// One of the limits that apply. A limit that does not apply is left out; one that applies and
// cannot be computed is missing.
struct Limit {
  LimitKind kind = LimitKind::kProduct;
  std::optional<std::int64_t> amount_fen;
};

struct LoanLimit {
  std::optional<std::int64_t> amount_fen;   // rounded down to the step; missing where a limit is
  LimitKind binding = LimitKind::kProduct;  // the smallest, the first of equals; or the missing one
};

// The smallest of `limits` (at least one), rounded down to a multiple of `step_fen` (>= 1).
LoanLimit smallest_limit(std::span<const Limit> limits, std::int64_t step_fen);

// The principal whose expected loss over the loan's life (profit.h) is the budget, at the loan's
// own rate, on the plan without rounding; at most 2^53. Needs SmoothPlan::check_smooth(loan).
std::int64_t expected_loss_limit(std::int64_t budget_fen, const Loan& loan, double pd12,
                                 double lgd);

// The amount of the step that `good_repayments` reaches: step k needs `needed[k]` of them
// (ascending), and the first one none. Spans of one size, at least one.
std::int64_t ladder_limit(std::span<const std::int64_t> amounts_fen,
                          std::span<const std::int32_t> needed, std::int32_t good_repayments);

}  // namespace fenqi::offers
