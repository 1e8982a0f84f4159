#include "offers/price.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "offers/break_even.h"
#include "offers/rounding_error.h"
#include "offers/smooth_plan.h"

namespace fenqi::offers {
namespace {

// Beyond what a rate is off by in doubles.
constexpr double kHair = 1e-9;
constexpr double kMaxPrice = 10.0;  // 1,000 %

bool within(double value, double low, double high) {
  return value >= low && value <= high;
}

Fault check_pd(double pd12) {
  if (!(pd12 >= 0.0 && pd12 < 1.0)) return {"pd12", "must be 0 or more, and below 1"};
  return {};
}

void set_rate(Loan& loan, std::int64_t rate) {
  (loan.method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) = rate;
}

// The rounded plan as the lender sees it.
class LenderView {
 public:
  LenderView(const Loan& loan, std::span<const Charge> charges, const Schedule& schedule,
             std::span<const Row> rows, std::span<const std::int64_t> totals)
      : per_year_(instalments_in_year(loan)), rows_(static_cast<std::size_t>(schedule.rows)) {
    double handed_on = 0.0;
    double kept_back = 0.0;
    for (std::size_t c = 0; c < charges.size(); ++c) {
      const bool own = charges[c].payee == Payee::kLender;
      const auto amount = static_cast<double>(totals[c]);
      if (charges[c].timing == ChargeTiming::kAdded && !own) handed_on += amount;
      if (charges[c].timing == ChargeTiming::kDeducted && own) kept_back += amount;
    }
    paid_out_ = static_cast<double>(loan.principal_fen) + handed_on - kept_back;
    std::int64_t balance = schedule.financed_fen;
    for (std::size_t k = 0; k < rows_; ++k) {
      opening_[k] = static_cast<double>(balance);
      payments_[k] = static_cast<double>(rows[k].principal_fen + rows[k].interest_fen);
      for (const Charge& charge : charges) {
        if (charge.timing == ChargeTiming::kEachInstalment && charge.payee == Payee::kLender) {
          payments_[k] += static_cast<double>(row_charge(charge, loan, rows[k], balance));
        }
      }
      balance = rows[k].balance_fen;
    }
  }

  LenderFlow flow() const {
    return {paid_out_, std::span(payments_).first(rows_), std::span(opening_).first(rows_),
            per_year_};
  }

 private:
  const double per_year_;
  const std::size_t rows_;
  double paid_out_ = 0.0;
  std::array<double, kMaxPeriods> payments_;
  std::array<double, kMaxPeriods> opening_;
};

// Which steps of the rate keep the cost within the cap, making as few plans as that takes. The cost
// of a plan without rounding rises with the rate, so that a plan whose cost is away from the cap by
// more than rounding can do speaks for all rates below it, or above.
class CapSearch {
 public:
  CapSearch(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
            std::int64_t rate_step, std::span<Row> rows)
      : loan_(loan), charges_(charges), terms_(terms), step_(rate_step), rows_(rows) {
    const double most = most_yearly_rate(terms);
    most_steps_ = static_cast<std::int64_t>(most / yearly(loan) * 1e12) / rate_step + 1;
    error_fen_ = 2.0 * rounding_error(loan, charges, most);
    known_ = loan.frequency != Frequency::kCustom && is_near_smooth(loan, most);
  }

  // Whether a plan at so many steps fits. The plan is made unless `fits` of others has told.
  bool fits(std::int64_t steps) {
    if (steps <= surely_fits_) return true;
    if (steps >= surely_not_) return false;
    return make(steps);
  }

  bool surely_fits(std::int64_t steps) const { return steps <= surely_fits_; }
  bool surely_fails(std::int64_t steps) const { return steps >= surely_not_; }

  // The same; `schedule`, the rows and `cost` are those of the plan afterwards.
  bool make(std::int64_t steps) {
    set_rate(loan_, steps * step_);
    fault_ = build_schedule(loan_, charges_, rows_, std::span(totals_).first(charges_.size()),
                            schedule_);
    if (!fault_.ok()) return false;
    cost_ = cost_rate(loan_, schedule_, rows_);
    const bool within = within_cap(cost_, terms_.cap, terms_.cap_basis);
    if (known_) {
      error_ = cost_error(loan_, schedule_, rows_, cost_, error_fen_);
      if (terms_.cap_basis == CapBasis::kEffective) {
        error_ = effective_error(loan_, cost_, error_);
      }
      if (std::abs(rate() - first_above_cap(terms_.cap)) > error_ + kHair) {
        if (within) surely_fits_ = std::max(surely_fits_, steps);
        if (!within) surely_not_ = std::min(surely_not_, steps);
      }
    }
    return within;
  }

  // The most steps that bisection finds to fit; -1 where not even 0 does, or a plan has a fault.
  std::int64_t most_steps() {
    if (!fits(0) || !fault_.ok()) return -1;
    approach();
    std::int64_t low = 0;
    std::int64_t high = most_steps_;
    while (low < high && fault_.ok()) {
      const std::int64_t middle = low + (high - low + 1) / 2;
      if (fits(middle)) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return fault_.ok() ? low : -1;
  }

  const Fault& fault() const { return fault_; }
  const Schedule& schedule() const { return schedule_; }
  const CostRate& cost() const { return cost_; }
  std::span<const std::int64_t> totals() const { return totals_; }

 private:
  double rate() const {
    return terms_.cap_basis == CapBasis::kNominal ? cost_.nominal : cost_.effective;
  }

  // Two plans on both sides of the cap and near to it answer for most of a bisection.
  void approach() {
    if (!known_ || surely_fits_ >= 0) return;
    make(0);
    const double at_zero = rate();
    auto guess = static_cast<std::int64_t>(static_cast<double>(most_steps_) / 1.06);
    for (int probe = 0; probe < 2 && guess > 0 && fault_.ok(); ++probe) {
      make(guess);
      const double slope = (rate() - at_zero) / static_cast<double>(guess);
      if (!fault_.ok() || !(slope > 0.0) || !std::isfinite(error_)) return;
      const double on_cap = static_cast<double>(guess) + (terms_.cap - rate()) / slope;
      const double around = (error_ + 0.0001) / slope + 1.0;
      for (const double near : {on_cap - around, on_cap + around}) {
        const auto steps = static_cast<std::int64_t>(near);
        if (probe == 1 && steps > 0 && steps < most_steps_ && fault_.ok()) fits(steps);
      }
      guess = std::clamp<std::int64_t>(static_cast<std::int64_t>(on_cap), 0, most_steps_);
    }
  }

  Loan loan_;
  const std::span<const Charge> charges_;
  const PriceTerms& terms_;
  const std::int64_t step_;
  const std::span<Row> rows_;
  std::array<std::int64_t, kMaxCharges> totals_;
  std::int64_t most_steps_ = 0;
  double error_fen_ = 0.0;
  double error_ = 0.0;
  bool known_ = false;
  std::int64_t surely_fits_ = -1;
  std::int64_t surely_not_ = std::numeric_limits<std::int64_t>::max();
  Fault fault_;
  Schedule schedule_;
  CostRate cost_{};
};

}  // namespace

Fault check(const PriceTerms& terms) {
  if (const Fault fault = check(terms.costs); !fault.ok()) return fault;
  if (!within(terms.margin, 0.0, 1.0)) return {"margin", "must be 0 to 1"};
  if (!within(terms.rate_step, 1e-9, 0.1)) return {"rate_step", "must be 1e-9 to 0.1"};
  if (!within(terms.cap, 1e-6, kMaxPrice)) return {"cap", "must be 0.000001 to 10"};
  if (!within(terms.selection_sensitivity, 0.0, 100.0)) {
    return {"selection_sensitivity", "must be 0 to 100"};
  }
  if (!within(terms.reference_rate, 0.0, kMaxPrice)) {
    return {"reference_rate", "must be 0 to 10"};
  }
  return {};
}

// The cost of a loan is at least its own rate, and to the cap it has 0.005 % more.
double most_yearly_rate(const PriceTerms& terms) {
  return terms.cap * 1.05 + 0.0002;
}

bool within_cap(const CostRate& cost, double cap, CapBasis basis) {
  const double rate = basis == CapBasis::kNominal ? cost.nominal : cost.effective;
  // Both as a person reads them; a hair on the cap's side, for 0.24 * 10^4 is no whole double.
  return disclosed(rate) <= cap + 1e-12;
}

double first_above_cap(double cap) {
  return (std::floor(cap * 1e4 + 1e-8) + 0.5) / 1e4;
}

Fault highest_rate_within_cap(Loan loan, std::span<const Charge> charges, double cap,
                              CapBasis basis, std::int64_t rate_step, std::span<Row> rows,
                              std::int64_t* rate) {
  PriceTerms terms;
  terms.cap = cap;
  terms.cap_basis = basis;
  set_rate(loan, 0);
  CapSearch search(loan, charges, terms, rate_step, rows);
  const std::int64_t steps = search.most_steps();
  *rate = steps < 0 ? -1 : steps * rate_step;
  return search.fault();
}

Fault price_loan(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
                 double pd12, std::span<Row> rows, Price* price) {
  if (const Fault fault = check(terms); !fault.ok()) return fault;
  if (const Fault fault = check_pd(pd12); !fault.ok()) return fault;
  if (const Fault fault = check(charges); !fault.ok()) return fault;
  Loan priced = loan;
  set_rate(priced, 0);
  if (const Fault fault = SmoothPlan::check_smooth(priced); !fault.ok()) return fault;
  RetailCapital capital;
  std::int64_t cap_rate = 0;
  const auto step = static_cast<std::int64_t>(std::llround(terms.rate_step * 1e12));
  const Fault fault =
      highest_rate_within_cap(priced, charges, terms.cap, terms.cap_basis, step, rows, &cap_rate);
  if (!fault.ok()) return fault;
  if (const Fault found = find_price(loan, charges, terms, pd12, rows, capital, price);
      !found.ok()) {
    return found;
  }
  price->cap_rate = cap_rate < 0 ? -1.0 : static_cast<double>(cap_rate) / 1e12;
  return {};
}

Fault find_price(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
                 double pd12, std::span<Row> rows, RetailCapital& capital, Price* price) {
  if (const Fault fault = check_pd(pd12); !fault.ok()) return fault;
  Loan priced = loan;
  set_rate(priced, 0);
  if (const Fault fault = SmoothPlan::check_smooth(priced); !fault.ok()) return fault;
  *price = {};
  const auto step = static_cast<std::int64_t>(std::llround(terms.rate_step * 1e12));
  LoanValue value(priced, charges, terms, pd12);
  double even = value.break_even();
  if (even >= 0.0) even = value.at_least_sure(even);
  if (even < 0.0) return {};
  price->break_even = even;
  const auto steps_up = [&](double rate) {
    return static_cast<std::int64_t>(std::ceil(rate * 1e12 / static_cast<double>(step) - 1e-6));
  };
  CapSearch search(priced, charges, terms, step, rows);
  const std::int64_t least = steps_up(even);
  const std::int64_t wanted = steps_up(even + terms.margin);
  std::int64_t offered = wanted;
  bool fits = search.make(offered);
  if (!search.fault().ok()) return search.fault();
  if (!search.surely_fits(wanted)) {
    fits = search.fits(least);
    if (!search.fault().ok()) return search.fault();
    if (search.surely_fails(least)) {
      price->verdict = PriceVerdict::kAboveCap;
      return {};
    }
    const std::int64_t most = search.most_steps();
    if (!search.fault().ok()) return search.fault();
    offered = std::min(wanted, most);
    // Rounding to the fen lets the cost dip by some millionths as the rate rises: what fits at the
    // cap rate may not fit a hair below it. The highest rate that fits, at most the one wanted,
    // never falls as that rises.
    fits = false;
    for (; offered >= least; --offered) {
      fits = search.make(offered);
      if (!search.fault().ok()) return search.fault();
      if (fits) break;
    }
  }
  if (!fits) {
    price->verdict = PriceVerdict::kAboveCap;
    return {};
  }
  price->cost = search.cost();
  price->verdict = offered == wanted ? PriceVerdict::kOffered : PriceVerdict::kCapped;
  price->rate_units = offered * step;
  price->rate = static_cast<double>(price->rate_units) / 1e12;
  price->pd12 = value.pd_at(price->rate);
  price->schedule = search.schedule();
  set_rate(priced, price->rate_units);
  const LenderView view(priced, charges, search.schedule(), rows, search.totals());
  price->profit = expected_profit(view.flow(), price->pd12, terms.costs, capital);
  return {};
}

}  // namespace fenqi::offers
