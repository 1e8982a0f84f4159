#include "offers/break_even.h"

#include <algorithm>
#include <cmath>

namespace fenqi::offers {
namespace {

constexpr double kMaxPrice = 10.0;  // 1,000 %
// Where the closed form of a level plan has all its digits: rates of a period not below this, and
// what they add up to not above that.
constexpr double kLeastClosedRate = 1e-6;
constexpr double kMostClosedRates = 500.0;

// 1 + x + x^2 + .. of `terms` terms, x > 0.
double geometric_sum(double x, double terms) {
  const double beyond_one = x - 1.0;
  if (beyond_one == 0.0) return terms;
  return std::expm1(terms * std::log1p(beyond_one)) / beyond_one;
}

}  // namespace

double yearly(const Loan& loan) {
  return loan.method == Method::kFlatFee ? instalments_in_year(loan) : 1.0;
}

double instalments_in_year(const Loan& loan) {
  if (loan.frequency != Frequency::kCustom) return periods_per_year(loan.frequency);
  const double days = due_date(loan, loan.periods) - loan.disbursed;
  return 365.0 * loan.periods / days;
}

LoanValue::LoanValue(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
                     double pd12)
    : plan_(loan, charges),
      terms_(terms),
      pd12_(pd12),
      yearly_(yearly(loan)),
      per_year_(instalments_in_year(loan)) {}

LenderFlow LoanValue::flow() const {
  return {plan_.paid_out_fen(), plan_.payments_fen(), plan_.opening_fen(), per_year_};
}

void LoanValue::set_factors(double pd12) {
  if (pd12 == factors_of_) return;
  factors_ = period_factors(pd12, terms_.costs, per_year_);
  factors_of_ = pd12;
}

double LoanValue::at(double rate, double pd12) {
  plan_.at(rate);
  set_factors(pd12);
  return net_present_value(flow(), factors_, terms_.costs);
}

// The same, without a plan where that can be.
double LoanValue::value(double rate, double pd12) {
  const double i = rate / per_year_;
  const bool closed = plan_.is_level() && i >= kLeastClosedRate &&
                      i * static_cast<double>(plan_.periods()) <= kMostClosedRates;
  return closed ? level_value(i, pd12) : at(rate, pd12);
}

// The balance before instalment k + 1 of n is P (1 - v^(n-k)) / (1 - v^n), v = 1 / (1 + rate), so
// that the net present value of profit.h is two geometric sums.
double LoanValue::level_value(double periodic_rate, double pd12) {
  set_factors(pd12);
  const auto [survival, discount] = factors_;
  const RiskCosts& costs = terms_.costs;
  const auto periods = static_cast<double>(plan_.periods());
  const double repaid = -std::expm1(-periods * std::log1p(periodic_rate));  // 1 - v^n
  const double perpetual = plan_.financed_fen() / repaid;  // what the rate alone would pay
  const double instalment = perpetual * periodic_rate;
  const double recovered = (1.0 - survival) * (1.0 - costs.lgd);
  const double stays = survival * discount;
  const double level = survival * instalment + recovered * perpetual - costs.servicing_fen;
  const double falls = recovered * perpetual * (1.0 - repaid);
  const double worth = discount * (level * geometric_sum(stays, periods) -
                                   falls * geometric_sum(stays * (1.0 + periodic_rate), periods));
  return worth - plan_.paid_out_fen() - costs.acquisition_fen;
}

double LoanValue::at(double rate) {
  return at(rate, pd_at(rate + terms_.margin));
}

double LoanValue::at_most(double rate, double least_pd12, double most_pd12) {
  if (least_pd12 == most_pd12) return at(rate, least_pd12);
  plan_.at(rate);
  const LenderFlow seen = flow();
  const double discount = std::pow(1.0 + terms_.costs.cost_of_funds, -1.0 / per_year_);
  const double least = std::pow(1.0 - most_pd12, 1.0 / per_year_);
  const double most = std::pow(1.0 - least_pd12, 1.0 / per_year_);
  // Backwards: each period survives with whichever chance is worth more.
  double worth = 0.0;
  for (std::size_t k = seen.payments_fen.size(); k-- > 0;) {
    const double paid = seen.payments_fen[k] + worth;
    const double recovered = (1.0 - terms_.costs.lgd) * seen.opening_fen[k];
    const double survival = paid > recovered ? most : least;
    worth =
        discount * (survival * paid + (1.0 - survival) * recovered - terms_.costs.servicing_fen);
  }
  return worth - seen.paid_out_fen - terms_.costs.acquisition_fen;
}

double LoanValue::expected_loss(double rate, double pd12) {
  plan_.at(rate);
  const double survival = std::pow(1.0 - pd12, 1.0 / per_year_);
  return offers::expected_loss(plan_.opening_fen(), survival, terms_.costs.lgd);
}

double LoanValue::pd_at(double rate) const {
  return selected_pd(pd12_, rate * yearly_, terms_.selection_sensitivity, terms_.reference_rate);
}

double LoanValue::break_even(double tolerance) {
  return break_even_of(pd12_, tolerance);
}

double LoanValue::at_least_sure(double even) {
  // The value of a loan that is sure to be repaid rises with the rate: where it is positive, its
  // break-even lies below.
  if (pd12_ == 0.0 || value(even, 0.0) >= 0.0) return even;
  const double sure = break_even_of(0.0, kExact);
  return sure < 0.0 ? sure : std::max(even, sure);
}

double LoanValue::break_even_of(double pd12, double tolerance) {
  const auto accepting = [&](double rate) {
    return selected_pd(pd12, (rate + terms_.margin) * yearly_, terms_.selection_sensitivity,
                       terms_.reference_rate);
  };
  const auto value_at = [&](double rate) { return value(rate, accepting(rate)); };
  const auto next = [](double rate) { return std::min(kMaxPrice, rate * 1.02 + 0.001); };
  const bool selection = terms_.selection_sensitivity > 0.0 && pd12 > 0.0;
  double low = 0.0;
  double at_low = value_at(low);
  if (at_low >= 0.0) return low;
  // The first crossing is looked for in small steps; a bound that holds for many of them at once
  // tells where there is none.
  for (int stride = selection ? 32 : 0; stride > 1;) {
    double far = low;
    for (int step = 0; step < stride; ++step) far = next(far);
    if (far < kMaxPrice && at_most(far, accepting(low), accepting(far)) < -1e-6) {
      low = far;
    } else {
      stride /= 2;
    }
  }
  double high = low;
  double at_high = low == 0.0 ? at_low : value_at(low);
  while (at_high < 0.0) {
    if (high >= kMaxPrice) return -1.0;
    low = high;
    at_low = at_high;
    high = selection ? next(high) : std::min(kMaxPrice, high * 4.0 + 0.1);
    at_high = value_at(high);
  }
  // Illinois: the secant, with the weight of an end halved that stays twice.
  int stayed = 0;
  for (int step = 0; step < 100 && high - low > tolerance; ++step) {
    double middle = low - at_low * (high - low) / (at_high - at_low);
    if (!(middle > low && middle < high)) middle = 0.5 * (low + high);
    const double at_middle = value_at(middle);
    if (at_middle == 0.0) return middle;
    if (at_middle < 0.0) {
      low = middle;
      at_low = at_middle;
      if (stayed == -1) at_high *= 0.5;
      stayed = -1;
    } else {
      high = middle;
      at_high = at_middle;
      if (stayed == 1) at_low *= 0.5;
      stayed = 1;
    }
  }
  return high;
}

}  // namespace fenqi::offers
