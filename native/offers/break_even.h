// At which rate a loan earns its costs.
//
// Worked out on the smooth plan (smooth_plan.h). At a fixed rate the value is linear in the
// principal where charges in fen are fixed amounts, so that the break-even rate is monotone in the
// principal: that is what a search over amounts rests on.
#pragma once

#include <span>

#include "offers/price.h"
#include "offers/smooth_plan.h"

namespace fenqi::offers {

// What makes the rate of a method comparable: 12 for the flat fee of a month, otherwise 1.
double yearly(const Loan& loan);

// Instalments in a year; with custom dates as many as their average interval makes.
double instalments_in_year(const Loan& loan);

// The net present value of a loan over its rate. Holds a smooth plan; allocates nothing.
class LoanValue {
 public:
  // What is given is lent for the object's life. Needs SmoothPlan::check_smooth(loan).
  LoanValue(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
            double pd12);

  // At `rate`, where those who accept `rate` and the margin default as they do.
  double at(double rate);
  // At `rate`, with the defaults of `pd12`.
  double at(double rate, double pd12);
  // At `rate`, with defaults that are anything between `least_pd12` and `most_pd12`: at most so
  // much.
  double at_most(double rate, double least_pd12, double most_pd12);
  // The expected loss at `rate`, with the defaults of `pd12`.
  double expected_loss(double rate, double pd12);
  // What the lender sees of the loan at the rate of the last call.
  LenderFlow flow() const;

  // The probability of default of those who accept `rate`.
  double pd_at(double rate) const;

  // The lowest rate at which the value reaches zero, or -1 where none up to 1,000 % does. Without
  // adverse selection it rises throughout; with it the value can fall again, and the first
  // crossing is meant.
  double break_even() { return break_even(kExact); }
  // The same to within `tolerance`.
  double break_even(double tolerance);
  // `even`, or the break-even rate of a loan that is sure to be repaid, if that is higher: where
  // servicing costs much and default loses little, a default saves more than it loses, and the
  // better risk would get the higher price. -1 likewise.
  double at_least_sure(double even);

 private:
  static constexpr double kExact = 1e-13;

  double break_even_of(double pd12, double tolerance);
  void set_factors(double pd12);
  double value(double rate, double pd12);
  double level_value(double periodic_rate, double pd12);

  SmoothPlan plan_;
  const PriceTerms& terms_;
  double pd12_;
  double yearly_;
  double per_year_;
  double factors_of_ = -1.0;  // the risk that `factors_` are of
  PeriodFactors factors_{};
};

}  // namespace fenqi::offers
