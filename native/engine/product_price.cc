#include "engine/product_price.h"

#include <algorithm>

#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

std::string fen(std::int64_t amount) {
  return std::to_string(amount);
}

Status check_amount(const OfferPlan& plan, const LentProduct& product,
                    const offers::Product& candidates, std::int64_t amount_fen) {
  if (!has_amount(candidates, amount_fen)) {
    return invalid_field("amount_fen", "must be " + fen(product.from_fen) + " to " +
                                           fen(product.to_fen) + " fen in steps of " +
                                           fen(product.step_fen) + ", as " + product.code +
                                           " is lent");
  }
  if (plan.legal_cap_fen > 0 && amount_fen > plan.legal_cap_fen) {
    return invalid_field("amount_fen", "must be at most " + fen(plan.legal_cap_fen) +
                                           " fen: the policy's jurisdiction allows no more");
  }
  return {};
}

Status check_terms(const LentProduct& product, const ProductLoan& loan) {
  const auto& terms = product.terms_months;
  if (std::find(terms.begin(), terms.end(), loan.term_months) == terms.end()) {
    std::string all;
    for (const std::int32_t term : terms) {
      all += (all.empty() ? "" : ", ") + std::to_string(term);
    }
    return invalid_field("term_months", "must be one of the terms of " + product.code + ": " + all);
  }
  const auto& methods = product.methods;
  if (loan.repayment_method != 0 &&
      std::find(methods.begin(), methods.end(),
                static_cast<offers::Method>(loan.repayment_method - 1)) == methods.end()) {
    return invalid_field("repayment_method", "is none in which " + product.code + " is repaid");
  }
  if (!loan.probability_of_default) {
    return invalid_field("probability_of_default", "is needed: the price rests on it");
  }
  if (!(*loan.probability_of_default >= 0.0 && *loan.probability_of_default < 1.0)) {
    return invalid_field("probability_of_default", "must be 0 or more, and below 1");
  }
  return {};
}

}  // namespace

Status price_product(const OfferPlan& plan, const ProductLoan& loan, offers::Date disbursed,
                     offers::SearchScratch& scratch, offers::Found* found) {
  const LentProduct* const product = plan.find(loan.product);
  if (product == nullptr) return invalid_field("product", "is none that the policy lends");
  const auto index = static_cast<std::size_t>(product - plan.products.data());
  if (Status s = check_amount(plan, *product, plan.candidates[index], loan.amount_fen); !s.ok()) {
    return s;
  }
  if (Status s = check_terms(*product, loan); !s.ok()) return s;
  offers::Reach reach;
  reach.pd12 = plan.of_twelve_months(*loan.probability_of_default);
  reach.disbursed = disbursed;
  offers::Wish exact{static_cast<std::int32_t>(index), loan.amount_fen, loan.term_months, {}};
  if (loan.repayment_method != 0) {
    exact.method = static_cast<offers::Method>(loan.repayment_method - 1);
  }
  offers::Search search(plan.lending, reach, scratch);
  const offers::Fit fit = search.fit(exact, found);
  if (fit == offers::Fit::kExpectedLoss) {
    return invalid_field("amount_fen",
                         "is expected to lose more than the policy's budget for a loan: take a "
                         "smaller loan or another term");
  }
  if (fit != offers::Fit::kFits) {
    return invalid_field("probability_of_default",
                         "no price within the cap on yearly cost pays for this risk: take a "
                         "smaller loan or another term");
  }
  return {};
}

}  // namespace fenqi::engine
