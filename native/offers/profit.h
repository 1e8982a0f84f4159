// What a loan is expected to earn: loss by period survival, net present value, return on capital.
//
//   S_t = (1 - h)^t, h = 1 - (1 - PD12)^(1 / periods in a year)
//   EL  = sum (S_(t-1) - S_t) LGD B_(t-1)
//   NPV = -P - acq + sum d^t [S_t pmt_t + (S_(t-1) - S_t) (1 - LGD) B_(t-1) - S_(t-1) serv]
//   d   = (1 + COF)^(-1 / periods in a year)
//
// Amounts are double fen: expectations are not money that anybody pays.
#pragma once

#include <cstdint>
#include <span>

#include "offers/capital.h"
#include "offers/fault.h"

namespace fenqi::offers {

struct RiskCosts {
  double lgd = 0.0;              // loss given default, 0 .. 1
  double cost_of_funds = 0.0;    // effective, a year, 0 .. 1
  double acquisition_fen = 0.0;  // once
  double servicing_fen = 0.0;    // with each instalment of a loan that is alive
};

// The fault names the field.
Fault check(const RiskCosts& costs);

// What the lender sees of a plan. `opening_fen` is the balance before each instalment;
// `payments_fen` what the lender gets of it, third parties' charges left out. Spans of one size.
struct LenderFlow {
  double paid_out_fen = 0.0;  // what leaves the lender, fees that it keeps back deducted
  std::span<const double> payments_fen;
  std::span<const double> opening_fen;
  double periods_per_year = 12.0;
};

struct Profit {
  double expected_loss_fen = 0.0;
  double net_present_value_fen = 0.0;
  double capital_years_fen = 0.0;  // sum of S B K, for the time that it is bound
  double raroc = 0.0;              // a year; 0 where no capital is bound
};

// 0 <= pd12 < 1 of twelve months. Linear, allocates nothing.
Profit expected_profit(const LenderFlow& flow, double pd12, const RiskCosts& costs);
Profit expected_profit(const LenderFlow& flow, double pd12, const RiskCosts& costs,
                       RetailCapital& capital);

// The loss alone, of a loan that survives each period with the probability `survival`.
double expected_loss(std::span<const double> opening_fen, double survival, double lgd);

// What a period does to a loan and to money.
struct PeriodFactors {
  double survival;  // 1 - h
  double discount;  // d
};
PeriodFactors period_factors(double pd12, const RiskCosts& costs, double periods_per_year);

// The net present value alone.
double net_present_value(const LenderFlow& flow, double pd12, const RiskCosts& costs);
double net_present_value(const LenderFlow& flow, const PeriodFactors& factors,
                         const RiskCosts& costs);

// Adverse selection: the worse risks accept the higher price.
//   logit PD' = logit PD + sensitivity (rate - reference)
double selected_pd(double pd12, double rate, double sensitivity, double reference_rate);

// The probability that an applicant takes an offer:
//   logit = intercept + rate_weight (rate - market rate) + amount_weight ln(offered / asked)
struct TakeUp {
  double intercept = 0.0;
  double rate_weight = 0.0;    // negative: fewer accept a higher price
  double amount_weight = 0.0;  // positive: fewer accept less than they asked for
  double market_rate = 0.0;
};
double take_up(const TakeUp& model, double rate, double offered_fen, double asked_fen);

}  // namespace fenqi::offers
