#include "offers/lending.h"

#include <algorithm>
#include <cmath>

#include "offers/smooth_plan.h"

namespace fenqi::offers {
namespace {

// Charges take what the borrower gets: a smaller loan may be impossible, a larger one not.
Fault check_product(const Lending& lending, const Product& product) {
  if (product.from_fen < 1 || product.to_fen < product.from_fen || product.to_fen > kMaxAmountFen ||
      product.step_fen < 1) {
    return {"amounts", "must ascend in steps of at least a fen, 1 to 2^53"};
  }
  if ((product.to_fen - product.from_fen) / product.step_fen >= kMostAmounts) {
    return {"amounts", "must be at most 1,000,000"};
  }
  if (product.loan.frequency != Frequency::kMonthly || product.loan.disbursed != kNoDate ||
      product.loan.first_due != kNoDate || product.loan.due_day != 0) {
    return {"loan", "must be monthly and without dates"};
  }
  if (const Fault fault = check(product.charges); !fault.ok()) return fault;
  if (product.terms_months.empty()) return {"terms_months", "must be at least one"};
  if (product.methods.empty()) return {"methods", "must be at least one"};
  std::int32_t before = 0;
  for (const std::int32_t term : product.terms_months) {
    if (term <= before || term > kMostTermMonths) {
      return {"terms_months", "must ascend, 1 to 600"};
    }
    before = term;
    for (const Method method : product.methods) {
      const Date day = counts_days(product.loan) ? 20'000 : kNoDate;
      const Loan loan = candidate_loan(product, method, term, product.to_fen, day);
      if (const Fault fault = SmoothPlan::check_smooth(loan); !fault.ok()) return fault;
      if (const Fault fault = check(terms_of(lending.price, method)); !fault.ok()) return fault;
    }
  }
  std::uint32_t seen = 0;
  for (const Method method : product.methods) {
    const std::uint32_t bit = 1u << static_cast<unsigned>(method);
    if ((seen & bit) != 0) return {"methods", "must be distinct"};
    seen |= bit;
  }
  return {};
}

bool is_finite(const TakeUp& take_up) {
  return std::isfinite(take_up.intercept) && std::isfinite(take_up.market_rate) &&
         std::isfinite(take_up.rate_weight) && std::isfinite(take_up.amount_weight);
}

}  // namespace

bool counts_days(const Loan& loan) {
  return loan.day_count != DayCount::k30_360;
}

Fault check(const Lending& lending) {
  if (const Fault fault = check(lending.price); !fault.ok()) return fault;
  if (lending.products.empty() || lending.products.size() > kMostProducts) {
    return {"products", "must be 1 to 64"};
  }
  std::size_t forms = 0;
  for (const Product& product : lending.products) {
    if (const Fault fault = check_product(lending, product); !fault.ok()) return fault;
    forms += product.terms_months.size() * product.methods.size();
  }
  if (forms > kMostForms) return {"products", "must have at most 1,024 terms and methods in all"};
  if (lending.hurdle && !std::isfinite(*lending.hurdle)) return {"hurdle", "must be finite"};
  if (lending.expected_loss_budget_fen < 0 || lending.expected_loss_budget_fen > kMaxAmountFen) {
    return {"expected_loss_budget_fen", "must be 0 to 2^53"};
  }
  if (const auto& take_up = lending.take_up; take_up) {
    if (!is_finite(*take_up)) return {"take_up", "must be finite"};
    if (take_up->rate_weight > 0.0) return {"take_up.rate_weight", "must be 0 or negative"};
    if (take_up->amount_weight < 0.0) return {"take_up.amount_weight", "must be 0 or positive"};
  }
  return {};
}

Loan candidate_loan(const Product& product, Method method, std::int32_t term_months,
                    std::int64_t amount_fen, Date disbursed) {
  Loan loan = product.loan;
  loan.principal_fen = amount_fen;
  loan.method = method;
  loan.periods = term_months;
  loan.disbursed = disbursed;
  return loan;
}

PriceTerms terms_of(const PriceTerms& yearly, Method method) {
  PriceTerms terms = yearly;
  if (method == Method::kFlatFee) {
    terms.margin /= 12.0;
    terms.rate_step /= 12.0;
  }
  return terms;
}

bool has_amount(const Product& product, std::int64_t amount_fen) {
  return amount_fen >= product.from_fen && amount_fen <= product.to_fen &&
         (amount_fen - product.from_fen) % product.step_fen == 0;
}

std::int64_t nearest_amount(const Product& product, std::int64_t amount_fen) {
  const std::int64_t most = std::clamp(amount_fen, product.from_fen, product.to_fen);
  return most - (most - product.from_fen) % product.step_fen;
}

}  // namespace fenqi::offers
