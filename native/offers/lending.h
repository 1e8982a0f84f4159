// What a policy lends, and how it prices that: the grid of candidates that a search looks through.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "offers/price.h"

namespace fenqi::offers {

inline constexpr std::size_t kMostProducts = 64;
inline constexpr std::int32_t kMostTermMonths = 600;
// Products x methods x terms of one policy.
inline constexpr std::size_t kMostForms = 1024;
inline constexpr std::int64_t kMostAmounts = 1'000'000;

// Loans of one kind: amounts x terms x methods.
struct Product {
  std::int64_t from_fen = 0;  // the amounts: from .. to in steps
  std::int64_t to_fen = 0;
  std::int64_t step_fen = 1;
  std::span<const std::int32_t> terms_months;  // ascending, distinct
  std::span<const Method> methods;             // in order of preference, distinct
  Loan loan;  // monthly, without principal, rate, periods, method and dates
  std::span<const Charge> charges;
};

// What a policy lends, and how it prices that. Rates are a year's, also those of the flat fee,
// which has a twelfth of them a month.
struct Lending {
  std::span<const Product> products;
  PriceTerms price;
  std::optional<TakeUp> take_up;  // rate: nominal, everything counted; absent: everybody accepts
  std::optional<double> hurdle;   // least return on capital a year
  // Most expected loss of a loan over its life, at its price (profit.h); 0: no such limit.
  std::int64_t expected_loss_budget_fen = 0;
};

// The fault names the field; of a product also where it cannot be priced whatever the amount.
Fault check(const Lending& lending);

// Whether interest is counted in days, so that it rests on the day on which a loan is paid out.
bool counts_days(const Loan& loan);

// A product's loan as a candidate. `disbursed` may be kNoDate where days are not counted.
Loan candidate_loan(const Product& product, Method method, std::int32_t term_months,
                    std::int64_t amount_fen, Date disbursed);

// The price terms of a loan: of the flat fee those of a month.
PriceTerms terms_of(const PriceTerms& yearly, Method method);

// Whether the product has the amount.
bool has_amount(const Product& product, std::int64_t amount_fen);

// The largest of the product's amounts that is at most `amount_fen`, or else its smallest.
std::int64_t nearest_amount(const Product& product, std::int64_t amount_fen);

}  // namespace fenqi::offers
