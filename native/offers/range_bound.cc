#include "offers/range_bound.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "offers/capital.h"
#include "offers/rounding_error.h"

namespace fenqi::offers {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
// Beyond what a rate is off by in doubles.
constexpr double kHair = 1e-9;
// How near break-even rates are solved for.
constexpr double kSolved = 1e-7;
// February, as a share of the month that a year has twelve of, rounded down.
constexpr double kShortPeriod = 0.9;

// Whether a charge earns the lender a fixed amount: then a loan can be worth the less, the more is
// lent.
bool earns_fixed_amounts(std::span<const Charge> charges) {
  return std::any_of(charges.begin(), charges.end(), [](const Charge& charge) {
    return charge.payee == Payee::kLender && charge.base == ChargeBase::kFlat;
  });
}

// Rates are multiples of a step.
class Steps {
 public:
  explicit Steps(double rate_step) : step_(static_cast<double>(std::llround(rate_step * 1e12))) {}

  double up(double rate) const { return std::ceil(rate * 1e12 / step_ - 1e-6) * step_ / 1e12; }
  double down(double rate) const { return std::floor(rate * 1e12 / step_ + 1e-6) * step_ / 1e12; }
  // The step below one.
  double before(double rate) const { return down(rate - 0.5 * step_ / 1e12); }

 private:
  double step_;
};

// One end of the range at one rate.
struct Plan {
  double nominal = 0.0;
  double nominal_error = 0.0;
  double capped = 0.0;  // the cost that the cap is on
  double capped_error = 0.0;
  double largest_payment_fen = 0.0;
};

class Bounding {
 public:
  Bounding(AmountRange& range, const PriceTerms& terms, double pd12, std::span<Row> rows)
      : range_(range),
        terms_(terms),
        rows_(rows),
        steps_(terms.rate_step),
        of_least_(range.least, range.charges, terms, pd12),
        of_most_(range.most, range.charges, terms, pd12) {
    too_much_ = first_above_cap(terms.cap);
    most_yearly_ = most_yearly_rate(terms);
    error_fen_ = rounding_error(range.most, range.charges, most_yearly_);
  }

  RangeBound bound(const Demands& demands) {
    constexpr RangeBound kNothingKnown{true, kInfinity, 0.0, 1.0};
    constexpr RangeBound kImpossible{false, 0.0, 0.0, 0.0};
    if (!is_near_smooth(range_.most, most_yearly_)) return kNothingKnown;
    if (!find_rates()) return kImpossible;
    Plan plan;
    if (!make(range_.least, high_, &plan)) return kNothingKnown;
    // Where the most costly loan, the smallest amount at the highest rate, is within the cap, each
    // gets what is wanted.
    if (!surely_fits(plan) && !narrow_by_cap(plan)) return kImpossible;
    if (!make(range_.most, low_, &plan)) return kNothingKnown;
    RangeBound bound{true, kInfinity, std::max(0.0, plan.nominal - scaled(plan.nominal_error)),
                     1.0};
    const double least_pd = of_most_.pd_at(low_);
    if (plan.largest_payment_fen > most_instalment(demands)) {
      Plan smallest;
      if (!make(range_.least, low_, &smallest)) return kNothingKnown;
      bound.share_within = share_up_to(most_instalment(demands), smallest.largest_payment_fen,
                                       plan.largest_payment_fen);
    }
    if (demands.expected_loss_budget_fen > 0) {
      // No loan loses less than at the lowest rate that any of them has.
      const double budget =
          static_cast<double>(demands.expected_loss_budget_fen) + terms_.costs.lgd * error_fen_;
      if (const double most = of_most_.expected_loss(low_, least_pd); most > budget) {
        const double share = share_up_to(budget, of_least_.expected_loss(low_, least_pd), most);
        bound.share_within = std::min(bound.share_within, share);
      }
    }
    if (bound.share_within < 0.0) return kImpossible;
    // The part is looked at by itself.
    if (bound.share_within < 1.0) return bound;
    const double most_pd = of_most_.pd_at(high_);
    if (demands.hurdle && least_pd > 0.0 &&
        std::max(most_return(of_least_, least_pd, most_pd),
                 most_return(of_most_, least_pd, most_pd)) < *demands.hurdle) {
      return kImpossible;
    }
    bound.most_value_fen =
        std::min(std::max(of_least_.at_most(high_, least_pd, most_pd),
                          of_most_.at_most(high_, least_pd, most_pd)) +
                     2.0 * error_fen_,
                 most_gain(range_.most, range_.charges, terms_, least_even_, high_));
    return bound;
  }

 private:
  double most_instalment(const Demands& demands) const {
    return static_cast<double>(demands.most_instalment_fen) + 3.0 * error_fen_;
  }

  // How far into the range something that grows evenly with the amount stays within `most`;
  // negative where it is beyond it at the smallest amount.
  static double share_up_to(double most, double at_least, double at_most) {
    return (most - at_least) / (at_most - at_least);
  }

  // An error for the largest amount as one for the smallest: fen weigh the more for it.
  double scaled(double error) const {
    return error * static_cast<double>(range_.most.principal_fen) /
           static_cast<double>(range_.least.principal_fen);
  }

  static void solve(LoanValue& value, double& even) {
    if (!std::isnan(even)) return;
    even = value.break_even(0.5 * kSolved);
    if (even < 0.0) even = kInfinity;
  }

  // The rates that can be offered, as far as break-even says: `even_` is the lowest of them without
  // margin, `low_` with it, `high_` the highest wanted. False where all are above the cap.
  bool find_rates() {
    const double most_rate = most_yearly_ / yearly(range_.most);
    high_ = most_rate;
    const bool fixed = earns_fixed_amounts(range_.charges);
    // Where risk grows with the rate and value falls with the amount, ends say nothing.
    if (fixed && terms_.selection_sensitivity > 0.0) return true;
    solve(of_most_, range_.even_most);
    if (!fixed && is_above_cap(range_.even_most)) return false;
    solve(of_least_, range_.even_least);
    // With costs that do not grow with the amount, a larger loan breaks even at a lower rate.
    const double least_even =
        (fixed ? std::min(range_.even_least, range_.even_most) : range_.even_most) - kSolved;
    if (!(least_even <= most_rate)) return false;
    least_even_ = std::max(0.0, least_even);
    even_ = steps_.up(least_even_);
    low_ = std::max(even_, steps_.up(least_even_ + terms_.margin));
    if (even_ > most_rate) return false;
    low_ = std::min(low_, high_);
    double most_even = sure(of_least_, range_.even_least, most_rate);
    if (fixed) most_even = std::max(most_even, sure(of_most_, range_.even_most, most_rate));
    if (most_even <= most_rate) {
      high_ = std::clamp(steps_.up(most_even + terms_.margin + kSolved), low_, most_rate);
    }
    return true;
  }

  // Whether the largest amount costs too much at its break-even rate, where that is near enough to
  // the cap for it to be likely.
  bool is_above_cap(double even) {
    if (even > high_) return true;
    if (even * yearly(range_.most) < 0.8 * terms_.cap) return false;
    Plan plan;
    return make(range_.most, steps_.up(std::max(0.0, even - kSolved)), &plan) && surely_fails(plan);
  }

  static double sure(LoanValue& value, double even, double most_rate) {
    if (!(even <= most_rate)) return kInfinity;
    const double found = value.at_least_sure(even);
    return found < 0.0 ? kInfinity : found;
  }

  bool make(Loan loan, double rate, Plan* plan) {
    (loan.method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) =
        std::llround(rate * 1e12);
    Schedule schedule;
    if (!build_schedule(loan, range_.charges, rows_, {}, schedule).ok()) return false;
    const CostRate cost = cost_rate(loan, schedule, rows_);
    plan->nominal = plan->capped = cost.nominal;
    plan->nominal_error = plan->capped_error =
        cost_error(loan, schedule, rows_, cost, 2.0 * error_fen_);
    if (terms_.cap_basis == CapBasis::kEffective) {
      plan->capped = cost.effective;
      plan->capped_error = effective_error(loan, cost, plan->nominal_error);
    }
    std::int64_t largest = 0;
    for (const Row& row : rows_.first(static_cast<std::size_t>(schedule.rows))) {
      largest = std::max(largest, row.payment_fen());
    }
    plan->largest_payment_fen = static_cast<double>(largest);
    return true;
  }

  bool surely_fits(const Plan& smallest) const {
    return smallest.capped + smallest.capped_error < too_much_ - kHair;
  }

  // Of the largest amount: then no other one fits either.
  bool surely_fails(const Plan& largest) const {
    return largest.capped - scaled(largest.capped_error) > too_much_ + kHair;
  }

  // Looks for rates on both sides of the cap. `smallest` is the plan of the smallest amount at
  // `high_`. False where even the largest amount at the lowest rate costs too much.
  bool narrow_by_cap(const Plan& smallest) {
    const double wanted = low_;
    low_ = even_;
    Plan plan;
    if (!make(range_.most, even_, &plan)) return true;
    if (surely_fails(plan)) return false;
    const double slope = (smallest.capped - plan.capped) / (high_ - even_);
    if (!(high_ > even_) || !(slope > 0.0)) return true;
    high_ = std::max(even_, steps_.down(high_));
    const double on_cap = even_ + (too_much_ - plan.capped) / slope;
    const double around = (smallest.capped_error + kHair) / slope;
    const double above = steps_.up(on_cap + around);
    if (above > even_ && above <= high_ && make(range_.most, above, &plan) && surely_fails(plan)) {
      high_ = std::max(even_, steps_.before(above));
    }
    const double below = steps_.down(on_cap - around);
    if (below > even_ && make(range_.least, below, &plan) && surely_fits(plan)) {
      low_ = std::min({wanted, below, high_});
    }
    return true;
  }

  // The return on capital at any rate from `low_` to `high_` and any risk between the two given, at
  // most: income with the higher payments, capital and funding with the smaller balances.
  double most_return(LoanValue& value, double least_pd, double most_pd) {
    const RiskCosts& costs = terms_.costs;
    const double error = 2.0 * error_fen_;
    value.at(high_);
    const LenderFlow flow = value.flow();
    const double per_year = flow.periods_per_year;
    const double most_alive = std::pow(1.0 - least_pd, 1.0 / per_year);
    const double least_alive = std::pow(1.0 - most_pd, 1.0 / per_year);
    const double funding = std::pow(1.0 + costs.cost_of_funds, 1.0 / per_year) - 1.0;
    // Backwards, as in LoanValue::at_most, without discount.
    double income = 0.0;
    for (std::size_t k = flow.payments_fen.size(); k-- > 0;) {
      const double paid = flow.payments_fen[k] + income;
      const double recovered = (1.0 - costs.lgd) * flow.opening_fen[k];
      const double survival = paid > recovered ? most_alive : least_alive;
      income = survival * paid + (1.0 - survival) * recovered - costs.servicing_fen;
    }
    value.at(low_);
    income += error - flow.paid_out_fen - costs.acquisition_fen;
    // The capital of a unit rises with risk and falls again: over a stretch it is least at an end.
    const double capital = std::min(other_retail_capital(least_pd, costs.lgd),
                                    other_retail_capital(most_pd, costs.lgd));
    double alive = 1.0;
    double bound = 0.0;
    for (const double opening : value.flow().opening_fen) {
      const double balance = std::max(0.0, opening - error);
      income -= alive * balance * funding;
      bound += alive * balance * capital / per_year;
      alive *= least_alive;
    }
    return bound > 0.0 ? income / bound : kInfinity;
  }

  AmountRange& range_;
  const PriceTerms& terms_;
  const std::span<Row> rows_;
  const Steps steps_;
  LoanValue of_least_;
  LoanValue of_most_;
  double most_yearly_ = 0.0;
  double too_much_ = 0.0;
  double error_fen_ = 0.0;
  double least_even_ = 0.0;  // of all amounts, without rounding
  double even_ = 0.0;
  double low_ = 0.0;
  double high_ = 0.0;
};

// How much more the instalments take in all for a yearly rate (of the flat fee a period's) that is
// higher by 1, of what is financed; at most, for rates up to `most_yearly`.
double most_interest(const Loan& loan, double most_yearly) {
  const double n = loan.periods;
  const double grace = loan.grace_periods;
  const double parts = n - grace;
  // A month is at most 31 days of 360.
  const double month = loan.day_count == DayCount::k30_360 ? 1.0 / 12.0 : 31.0 / 360.0;
  switch (loan.method) {
    case Method::kFlatFee:
      return n;
    case Method::kInterestOnly:
      return n * month;
    case Method::kEqualPrincipal:
      return (grace + 0.5 * (parts + 1.0)) * month;
    case Method::kEqualInstalments:
      break;
  }
  // The derivative of i / (1 - (1 + i)^-n), which rises with i.
  const double i = most_yearly * month;
  const double discount = std::exp(-parts * std::log1p(i));
  const double repaid = 1.0 - discount;
  const double rises = (repaid - i * parts * discount / (1.0 + i)) / (repaid * repaid);
  return (grace + parts * rises) * month;
}

}  // namespace

double most_gain(const Loan& most, std::span<const Charge> charges, const PriceTerms& terms,
                 double least_rate, double most_rate) {
  if (terms.selection_sensitivity > 0.0) return kInfinity;
  auto financed = static_cast<double>(most.principal_fen);
  double kept = 0.0;
  for (const Charge& charge : charges) {
    const bool own = charge.payee == Payee::kLender;
    if (own && charge.timing == ChargeTiming::kEachInstalment) return kInfinity;
    if (charge.timing == ChargeTiming::kEachInstalment) continue;
    const auto amount =
        static_cast<double>(charged_on(charge, most.principal_fen, most.interest_rounding) + 1);
    if (charge.timing == ChargeTiming::kAdded) financed += amount;
    if (own) kept += amount;
  }
  const double most_yearly = most_rate * yearly(most);
  if (!is_near_smooth(most, most_yearly)) return kInfinity;
  // A loan that is worth something at rate 0, or whose default is worth more than the rest of its
  // payments, can be worth what the lender keeps, and is neither where it earns its funds.
  const double per_year = instalments_in_year(most);
  const double funds = std::expm1(std::log1p(terms.costs.cost_of_funds) / per_year);
  const bool earns_funds =
      least_rate > 0.0 && kShortPeriod * least_rate * yearly(most) / per_year >= funds;
  // A loan that is sure to be repaid may have the higher break-even rate; at that rate defaults
  // save servicing, at most all of it.
  return financed * (terms.margin + terms.rate_step) * most_interest(most, most_yearly) +
         (earns_funds ? 0.0 : kept) + most.periods * terms.costs.servicing_fen +
         2.0 * rounding_error(most, charges, most_yearly);
}

RangeBound bound(AmountRange& range, const PriceTerms& terms, double pd12, const Demands& demands,
                 std::span<Row> rows) {
  return Bounding(range, terms, pd12, rows).bound(demands);
}

}  // namespace fenqi::offers
