// The price of one of a policy's loans, for who has a decision already: the same as in Score's
// offer.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/status.h"
#include "engine/offer_plan.h"
#include "offers/search.h"

namespace fenqi::engine {

// What a QuoteRequest says of a product's loan.
struct ProductLoan {
  std::string_view product;
  std::int64_t amount_fen = 0;
  std::int32_t term_months = 0;
  std::uint32_t repayment_method = 0;  // fenqi.v1.RepaymentMethod; 0: the product's first
  std::optional<double> probability_of_default;
};

// Prices `loan`, paid out on `disbursed`. Fails with INVALID_ARGUMENT naming the field; allocates
// only then. Limits that rest on an application are not looked at, the budget for the expected
// loss of a loan is.
Status price_product(const OfferPlan& plan, const ProductLoan& loan, offers::Date disbursed,
                     offers::SearchScratch& scratch, offers::Found* found);

}  // namespace fenqi::engine
