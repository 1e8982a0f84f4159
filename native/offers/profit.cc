#include "offers/profit.h"

#include <algorithm>
#include <cmath>

namespace fenqi::offers {
namespace {

bool within(double value, double low, double high) {
  return value >= low && value <= high;
}

double logistic(double x) {
  return 1.0 / (1.0 + std::exp(-x));
}

}  // namespace

Fault check(const RiskCosts& costs) {
  if (!within(costs.lgd, 0.0, 1.0)) return {"lgd", "must be 0 to 1"};
  if (!within(costs.cost_of_funds, 0.0, 1.0)) return {"cost_of_funds", "must be 0 to 1"};
  if (!within(costs.acquisition_fen, 0.0, 0x1p53)) return {"acquisition_fen", "must be 0 to 2^53"};
  if (!within(costs.servicing_fen, 0.0, 0x1p53)) return {"servicing_fen", "must be 0 to 2^53"};
  return {};
}

PeriodFactors period_factors(double pd12, const RiskCosts& costs, double periods_per_year) {
  return {std::pow(1.0 - pd12, 1.0 / periods_per_year),
          std::pow(1.0 + costs.cost_of_funds, -1.0 / periods_per_year)};
}

double net_present_value(const LenderFlow& flow, double pd12, const RiskCosts& costs) {
  return net_present_value(flow, period_factors(pd12, costs, flow.periods_per_year), costs);
}

double net_present_value(const LenderFlow& flow, const PeriodFactors& factors,
                         const RiskCosts& costs) {
  const auto [survival, discount] = factors;
  double alive = 1.0;  // S_(t-1) d^t, so that one product serves every term
  double value = -flow.paid_out_fen - costs.acquisition_fen;
  for (std::size_t k = 0; k < flow.payments_fen.size(); ++k) {
    alive *= discount;
    value +=
        alive * (survival * flow.payments_fen[k] +
                 (1.0 - survival) * (1.0 - costs.lgd) * flow.opening_fen[k] - costs.servicing_fen);
    alive *= survival;
  }
  return value;
}

double expected_loss(std::span<const double> opening_fen, double survival, double lgd) {
  double alive = 1.0;
  double lost = 0.0;
  for (const double opening : opening_fen) {
    lost += alive * opening;
    alive *= survival;
  }
  return (1.0 - survival) * lgd * lost;
}

Profit expected_profit(const LenderFlow& flow, double pd12, const RiskCosts& costs) {
  RetailCapital capital;
  return expected_profit(flow, pd12, costs, capital);
}

Profit expected_profit(const LenderFlow& flow, double pd12, const RiskCosts& costs,
                       RetailCapital& retail) {
  const double survival = std::pow(1.0 - pd12, 1.0 / flow.periods_per_year);
  const double capital = retail.of(pd12, costs.lgd);
  const double funding = std::pow(1.0 + costs.cost_of_funds, 1.0 / flow.periods_per_year) - 1.0;
  Profit profit;
  profit.expected_loss_fen = expected_loss(flow.opening_fen, survival, costs.lgd);
  profit.net_present_value_fen = net_present_value(flow, pd12, costs);
  double alive = 1.0;
  double income = -flow.paid_out_fen - costs.acquisition_fen;
  for (std::size_t k = 0; k < flow.payments_fen.size(); ++k) {
    const double opening = flow.opening_fen[k];
    const double defaults = alive * (1.0 - survival);
    profit.capital_years_fen += alive * opening * capital / flow.periods_per_year;
    income += alive * survival * flow.payments_fen[k] + defaults * (1.0 - costs.lgd) * opening -
              alive * (costs.servicing_fen + opening * funding);
    alive *= survival;
  }
  if (profit.capital_years_fen > 0.0) profit.raroc = income / profit.capital_years_fen;
  return profit;
}

double selected_pd(double pd12, double rate, double sensitivity, double reference_rate) {
  if (!(pd12 > 0.0) || !(pd12 < 1.0) || sensitivity == 0.0) return pd12;
  // Away from 1, where nobody would be left to pay.
  const double shifted = std::log(pd12) - std::log1p(-pd12) + sensitivity * (rate - reference_rate);
  return std::min(logistic(shifted), 1.0 - 1e-9);
}

double take_up(const TakeUp& model, double rate, double offered_fen, double asked_fen) {
  return logistic(model.intercept + model.rate_weight * (rate - model.market_rate) +
                  model.amount_weight * std::log(offered_fen / asked_fen));
}

}  // namespace fenqi::offers
