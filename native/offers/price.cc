#include "offers/price.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "offers/smooth_plan.h"

namespace fenqi::offers {
namespace {

constexpr double kMaxPrice = 10.0;  // 1,000 %

bool within(double value, double low, double high) {
  return value >= low && value <= high;
}

void set_rate(Loan& loan, std::int64_t rate) {
  (loan.method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) = rate;
}

double in_a_year(const Loan& loan) {
  if (loan.frequency != Frequency::kCustom) return periods_per_year(loan.frequency);
  // Custom dates: as many as the average interval makes.
  const double days = due_date(loan, loan.periods) - loan.disbursed;
  return 365.0 * loan.periods / days;
}

// The net present value at break-even rate `rate`, with the defaults of those who accept `rate` and
// the margin.
class Value {
 public:
  Value(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms, double pd12)
      : plan_(loan, charges), terms_(terms), pd12_(pd12), per_year_(in_a_year(loan)) {
    yearly_ = loan.method == Method::kFlatFee ? per_year_ : 1.0;
  }

  double operator()(double rate) {
    plan_.at(rate);
    const LenderFlow flow{plan_.paid_out_fen(), plan_.payments_fen(), plan_.opening_fen(),
                          per_year_};
    return net_present_value(flow, pd_at(rate + terms_.margin), terms_.costs);
  }

  void set_pd(double pd12) { pd12_ = pd12; }

  double pd_at(double rate) const {
    return selected_pd(pd12_, rate * yearly_, terms_.selection_sensitivity, terms_.reference_rate);
  }

 private:
  SmoothPlan plan_;
  const PriceTerms& terms_;
  double pd12_;
  const double per_year_;
  double yearly_ = 1.0;
};

// The lowest rate at which the value reaches zero, or -1. Without adverse selection it rises
// throughout; with it the value can fall again, and the first crossing is wanted.
double break_even(Value& value, bool selection) {
  double low = 0.0;
  double at_low = value(low);
  if (at_low >= 0.0) return low;
  double high = 0.0;
  double at_high = at_low;
  while (at_high < 0.0) {
    if (high >= kMaxPrice) return -1.0;
    low = high;
    at_low = at_high;
    high = std::min(kMaxPrice, selection ? high * 1.02 + 0.001 : high * 4.0 + 0.1);
    at_high = value(high);
  }
  // Illinois: the secant, with the weight of an end halved that stays twice.
  int stayed = 0;
  for (int step = 0; step < 100 && high - low > 1e-13; ++step) {
    double middle = low - at_low * (high - low) / (at_high - at_low);
    if (!(middle > low && middle < high)) middle = 0.5 * (low + high);
    const double at_middle = value(middle);
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

// The rounded plan as the lender sees it.
class LenderView {
 public:
  LenderView(const Loan& loan, std::span<const Charge> charges, const Schedule& schedule,
             std::span<const Row> rows, std::span<const std::int64_t> totals)
      : per_year_(in_a_year(loan)), rows_(static_cast<std::size_t>(schedule.rows)) {
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

bool within_cap(const CostRate& cost, double cap, CapBasis basis) {
  const double rate = basis == CapBasis::kNominal ? cost.nominal : cost.effective;
  // Both as a person reads them; a hair on the cap's side, for 0.24 * 10^4 is no whole double.
  return disclosed(rate) <= cap + 1e-12;
}

Fault highest_rate_within_cap(Loan loan, std::span<const Charge> charges, double cap,
                              CapBasis basis, std::int64_t rate_step, std::span<Row> rows,
                              std::int64_t* rate) {
  Fault fault;
  const auto fits = [&](std::int64_t steps) {
    set_rate(loan, steps * rate_step);
    Schedule schedule;
    fault = build_schedule(loan, charges, rows, {}, schedule);
    return fault.ok() && within_cap(cost_rate(loan, schedule, rows), cap, basis);
  };
  // The cost of a loan is at least its own rate, and to the cap it has 0.005 % more.
  const double per_year = loan.method == Method::kFlatFee ? in_a_year(loan) : 1.0;
  std::int64_t low = 0;
  auto high = static_cast<std::int64_t>((cap * 1.05 + 0.0002) / per_year * 1e12) / rate_step + 1;
  if (!fits(0)) {
    *rate = -1;
    return fault;
  }
  while (low < high) {
    const std::int64_t middle = low + (high - low + 1) / 2;
    if (fits(middle)) {
      low = middle;
    } else if (fault.ok()) {
      high = middle - 1;
    } else {
      return fault;
    }
  }
  *rate = low * rate_step;
  return {};
}

Fault price_loan(const Loan& loan, std::span<const Charge> charges, const PriceTerms& terms,
                 double pd12, std::span<Row> rows, Price* price) {
  if (const Fault fault = check(terms); !fault.ok()) return fault;
  if (!(pd12 >= 0.0 && pd12 < 1.0)) return {"pd12", "must be 0 or more, and below 1"};
  if (const Fault fault = check(charges); !fault.ok()) return fault;
  Loan priced = loan;
  set_rate(priced, 0);
  if (const Fault fault = SmoothPlan::check_smooth(priced); !fault.ok()) return fault;
  *price = {};

  const auto step = static_cast<std::int64_t>(std::llround(terms.rate_step * 1e12));
  std::int64_t cap_rate = 0;
  if (const Fault fault = highest_rate_within_cap(priced, charges, terms.cap, terms.cap_basis, step,
                                                  rows, &cap_rate);
      !fault.ok()) {
    return fault;
  }
  price->cap_rate = cap_rate < 0 ? -1.0 : static_cast<double>(cap_rate) / 1e12;

  Value value(priced, charges, terms, pd12);
  const bool selection = terms.selection_sensitivity > 0.0;
  double even = break_even(value, selection);
  if (even < 0.0) return {};
  // Where servicing costs much and default loses little, a default saves more than it loses, and
  // the equation would give the better risk the higher price. A default is never taken for a
  // saving: break-even is at least that of a loan that is sure to be repaid.
  value.set_pd(0.0);
  const double sure = break_even(value, selection);
  if (sure < 0.0) return {};
  even = std::max(even, sure);
  value.set_pd(pd12);
  price->break_even = even;
  const auto steps_up = [&](double rate) {
    return static_cast<std::int64_t>(std::ceil(rate * 1e12 / static_cast<double>(step) - 1e-6)) *
           step;
  };
  if (steps_up(even) > cap_rate) {
    price->verdict = PriceVerdict::kAboveCap;
    return {};
  }
  const std::int64_t wanted = steps_up(even + terms.margin);
  std::int64_t offered = std::min(wanted, cap_rate);
  // Rounding to the fen lets the cost dip by some millionths as the rate rises: what fits at the
  // cap rate may not fit a hair below it. The highest rate that fits, at most the one wanted, never
  // falls as that rises.
  Schedule schedule;
  std::array<std::int64_t, kMaxCharges> totals;
  for (;; offered -= step) {
    set_rate(priced, offered);
    if (const Fault fault = build_schedule(priced, charges, rows,
                                           std::span(totals).first(charges.size()), schedule);
        !fault.ok()) {
      return fault;
    }
    price->cost = cost_rate(priced, schedule, rows);
    if (within_cap(price->cost, terms.cap, terms.cap_basis)) break;
    if (offered - step < steps_up(even)) {
      price->verdict = PriceVerdict::kAboveCap;
      price->cost = {};
      return {};
    }
  }
  price->verdict = offered == wanted ? PriceVerdict::kOffered : PriceVerdict::kCapped;
  price->rate = static_cast<double>(offered) / 1e12;
  price->pd12 = value.pd_at(price->rate);
  const LenderView view(priced, charges, schedule, rows, totals);
  price->profit = expected_profit(view.flow(), price->pd12, terms.costs);
  return {};
}

}  // namespace fenqi::offers
