#include "offers/affordability.h"

#include <algorithm>
#include <cmath>

#include "offers/break_even.h"
#include "offers/profit.h"
#include "offers/smooth_plan.h"

namespace fenqi::offers {

std::optional<std::int64_t> debt_service(std::span<const Debt> debts) {
  std::int64_t total = 0;
  for (const Debt& debt : debts) {
    if (debt.monthly_fen.has_value()) {
      total += *debt.monthly_fen;
    } else if (debt.card_balance_fen.has_value()) {
      total += static_cast<std::int64_t>(divide(*debt.card_balance_fen, 10, Rounding::kUp));
    } else {
      return std::nullopt;
    }
  }
  return total;
}

std::optional<std::int64_t> instalment_room(const Affordability& given) {
  if (!given.monthly_income_fen.has_value() || !given.debt_service_fen.has_value()) {
    return std::nullopt;
  }
  const std::int64_t income = *given.monthly_income_fen;
  const std::int64_t debts = *given.debt_service_fen;
  const Fraction ratio = fraction(given.max_debt_service_ratio, kRateUnit);
  const std::int64_t by_ratio =
      share(std::max<std::int64_t>(0, income), ratio, Rounding::kDown) - debts;
  const std::int64_t by_residual = income - debts - given.residual_income_fen;
  return std::max<std::int64_t>(0, std::min(by_ratio, by_residual));
}

std::optional<double> debt_service_ratio(const Affordability& given, std::int64_t instalment_fen) {
  if (!given.monthly_income_fen.has_value() || !given.debt_service_fen.has_value() ||
      *given.monthly_income_fen <= 0) {
    return std::nullopt;
  }
  return static_cast<double>(*given.debt_service_fen + instalment_fen) /
         static_cast<double>(*given.monthly_income_fen);
}

LoanLimit smallest_limit(std::span<const Limit> limits, std::int64_t step_fen) {
  LoanLimit smallest{limits.front().amount_fen, limits.front().kind};
  for (const Limit& limit : limits) {
    if (!limit.amount_fen.has_value()) return {std::nullopt, limit.kind};
    if (*limit.amount_fen < *smallest.amount_fen) smallest = {limit.amount_fen, limit.kind};
  }
  const std::int64_t amount = std::max<std::int64_t>(0, *smallest.amount_fen);
  smallest.amount_fen = amount - amount % step_fen;
  return smallest;
}

std::int64_t expected_loss_limit(std::int64_t budget_fen, const Loan& loan, double pd12,
                                 double lgd) {
  SmoothPlan plan(loan, {});
  const bool flat = loan.method == Method::kFlatFee;
  plan.at(static_cast<double>(flat ? loan.flat_rate : loan.annual_rate) / kRateUnit);
  const double survival = std::pow(1.0 - pd12, 1.0 / instalments_in_year(loan));
  // A plan without rounding, and so its loss, grows evenly with the principal.
  const double loss = expected_loss(plan.opening_fen(), survival, lgd);
  const double amount =
      static_cast<double>(budget_fen) / loss * static_cast<double>(loan.principal_fen);
  // Also where nothing is lost: the quotient is then infinite, or not a number.
  if (!(amount < static_cast<double>(kMaxAmountFen))) return kMaxAmountFen;
  return static_cast<std::int64_t>(amount);
}

std::int64_t ladder_limit(std::span<const std::int64_t> amounts_fen,
                          std::span<const std::int32_t> needed, std::int32_t good_repayments) {
  std::size_t step = 0;
  while (step + 1 < needed.size() && needed[step + 1] <= good_repayments) ++step;
  return amounts_fen[step];
}

}  // namespace fenqi::offers
