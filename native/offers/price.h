// The price of a loan: its rate from its risk, never above the legal cap.
//
//   break-even   the rate at which the net present value is zero, at the probability of default of
//                those who accept the rate offered (adverse selection's fixed point), and at least
//                that of a loan that is sure to be repaid: a default is no saving
//   wanted       break-even plus margin, up to the next step
//   cap rate     the highest step at which the whole flow, third parties' charges included, costs
//                no more a year than the cap, as disclosed: in percent with two decimals, half up
//   offered      the smaller of wanted and cap rate; nothing where break-even is above the cap rate
//
// So the price never falls as risk rises, is equal for equal loans and risks, and a plan's
// disclosed rate never exceeds the cap. The tolerance of the cap is what two decimals of a percent
// hide: 0.005 percentage points (a 24 % loan rounded half up costs 24.0001 %).
#pragma once

#include <cstdint>
#include <span>

#include "offers/cost_rate.h"
#include "offers/profit.h"

namespace fenqi::offers {

enum class CapBasis : std::uint8_t { kNominal, kEffective };

// Rates as fractions; for the method kFlatFee the rates of the loan (margin, step, break-even,
// offered) are those of a period.
struct PriceTerms {
  RiskCosts costs;
  double margin = 0.0;        // on break-even, 0 .. 1
  double rate_step = 0.0001;  // offered rates are multiples of it, 10^-9 .. 0.1
  double cap = 0.24;          // the all-in yearly cost, above 0 .. 10
  CapBasis cap_basis = CapBasis::kNominal;
  double selection_sensitivity = 0.0;  // log-odds of default for a rate higher by 1, 0 .. 100
  double reference_rate = 0.0;         // at which the probability of default was observed
};

enum class PriceVerdict : std::uint8_t {
  kOffered,      // at break-even and margin
  kCapped,       // at the cap rate: some of the margin is lost
  kAboveCap,     // break-even is above the cap rate: a smaller or shorter loan, or none
  kNoBreakEven,  // no rate up to 1,000 % pays for the risk
};

struct Price {
  PriceVerdict verdict = PriceVerdict::kNoBreakEven;
  double break_even = 0.0;  // 0 where verdict is kNoBreakEven
  double cap_rate = 0.0;    // -1 where the cap is exceeded even at rate 0, by charges
  // All below only where a rate is offered.
  double rate = 0.0;
  std::int64_t rate_units = 0;  // the same in units of 10^-12, as a loan takes it
  double pd12 = 0.0;            // of those who accept
  Profit profit;                // on the rounded plan
  CostRate cost{};              // to the borrower
  Schedule schedule;            // the plan's totals
};

Fault check(const PriceTerms& terms);

// Prices `loan`, whose rate is ignored. 0 <= pd12 < 1. `rows`: at least loan.periods; holds the
// plan at the offered rate afterwards. Some plans are made; allocates nothing.
Fault price_loan(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
                 double pd12, std::span<Row> rows, Price* price);

// The same, without `cap_rate`, for terms and charges that were checked: mostly a single plan is
// made.
Fault find_price(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
                 double pd12, std::span<Row> rows, RetailCapital& capital, Price* price);

// The highest multiple of `rate_step` (units of 10^-12, at least 1) at which the disclosed cost
// stays within the cap; -1 where none does, not even 0. `loan.annual_rate`, or flat_rate, is
// ignored.
Fault highest_rate_within_cap(Loan loan, std::span<const Charge> charges, double cap,
                              CapBasis basis, std::int64_t rate_step, std::span<Row> rows,
                              std::int64_t* rate);

// Above the rate of a year of every loan that is within the cap.
double most_yearly_rate(const PriceTerms& terms);

// Whether a cost is within a cap as it is disclosed.
bool within_cap(const CostRate& cost, double cap, CapBasis basis);

// The same as a number: costs below it are within the cap, costs above it are not.
double first_above_cap(double cap);

}  // namespace fenqi::offers
