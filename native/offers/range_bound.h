// What loans of one form can be, for a whole range of amounts at once: the search's reason to leave
// most of them alone.
//
// At a fixed rate and risk the value of a loan is linear in its amount, and so are its instalments;
// its cost a year falls as the amount rises, where charges in fen do not grow with it. So both ends
// of a range bound what lies between them, but for rounding (rounding_error.h).
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "offers/break_even.h"
#include "offers/price.h"

namespace fenqi::offers {

// Amounts of one product, term and method.
struct AmountRange {
  Loan least;  // the smallest amount, and the largest; their rates are ignored
  Loan most;
  std::span<const Charge> charges;
  // Break-even rates at both ends, infinite where there is none; NaN: not known yet. Found rates
  // are kept here, for the parts of the range to use.
  double even_least;
  double even_most;
};

// What an offer must keep to.
struct Demands {
  std::int64_t most_instalment_fen;
  std::int64_t expected_loss_budget_fen;  // 0: none
  std::optional<double> hurdle;           // least return on capital a year
};

struct RangeBound {
  bool possible = true;        // false: none of the amounts can be offered
  double most_value_fen;       // net present value of any of them, at most; may be infinite
  double least_nominal = 0.0;  // cost a year of any of them
  double share_within = 1.0;   // amounts beyond this share of the range have too large instalments,
                               // or lose too much
};

// Bounds for loans at the prices of `terms` (for the flat fee those of a month). Half a dozen
// plans; allocates nothing. `rows` are scratch.
RangeBound bound(AmountRange& range, const PriceTerms& terms, double pd12, const Demands& demands,
                 std::span<Row> rows);

// The same for the value alone, of `most` and smaller amounts, looser for few amounts, closer for
// many, and at next to no cost: what margin and rounding add to break-even, on balances that are
// never repaid sooner than at the highest rate. Break-even and offered rates (of the flat fee a
// period's) lie between the two given. Infinite where that says nothing: under adverse selection,
// and with instalments' charges that the lender gets.
double most_gain(const Loan& most, std::span<const Charge> charges, const PriceTerms& terms,
                 double least_rate, double most_rate);

}  // namespace fenqi::offers
