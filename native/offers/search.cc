#include "offers/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "offers/break_even.h"
#include "offers/capital.h"
#include "offers/rounding_error.h"

namespace fenqi::offers {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUnknownRate = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostRanges = kMostForms + 2 * Search::kMostWork;
// How near break-even rates are solved for bounds.
constexpr double kSolved = 1e-7;

bool counts_days(const Loan& loan) {
  return loan.day_count != DayCount::k30_360;
}

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

 private:
  double step_;
};

// Charges take what the borrower gets: a smaller loan may be impossible, a larger one not.
Fault check_product(const Lending& lending, const Product& product) {
  if (product.from_fen < 1 || product.to_fen < product.from_fen || product.to_fen > kMaxAmountFen ||
      product.step_fen < 1) {
    return {"amounts", "must ascend in steps of at least a fen, 1 to 2^53"};
  }
  if ((product.to_fen - product.from_fen) / product.step_fen >= kMostAmounts) {
    return {"amounts", "must be at most 1,000,000"};
  }
  if (product.loan.frequency != Frequency::kMonthly || product.loan.disbursed != kNoDate ||
      product.loan.first_due != kNoDate || product.loan.due_day != 0) {
    return {"loan", "must be monthly and without dates"};
  }
  if (const Fault fault = check(product.charges); !fault.ok()) return fault;
  if (product.terms_months.empty()) return {"terms_months", "must be at least one"};
  if (product.methods.empty()) return {"methods", "must be at least one"};
  std::int32_t before = 0;
  for (const std::int32_t term : product.terms_months) {
    if (term <= before || term > kMostTermMonths) {
      return {"terms_months", "must ascend, 1 to 600"};
    }
    before = term;
    for (const Method method : product.methods) {
      const Date day = counts_days(product.loan) ? 20'000 : kNoDate;
      const Loan loan = candidate_loan(product, method, term, product.to_fen, day);
      if (const Fault fault = SmoothPlan::check_smooth(loan); !fault.ok()) return fault;
      if (const Fault fault = check(terms_of(lending.price, method)); !fault.ok()) return fault;
    }
  }
  std::uint32_t seen = 0;
  for (const Method method : product.methods) {
    const std::uint32_t bit = 1u << static_cast<unsigned>(method);
    if ((seen & bit) != 0) return {"methods", "must be distinct"};
    seen |= bit;
  }
  return {};
}

bool is_finite(const TakeUp& take_up) {
  return std::isfinite(take_up.intercept) && std::isfinite(take_up.market_rate) &&
         std::isfinite(take_up.rate_weight) && std::isfinite(take_up.amount_weight);
}

std::int64_t largest_payment(std::span<const Row> rows, const Schedule& schedule) {
  std::int64_t largest = 0;
  for (const Row& row : rows.first(static_cast<std::size_t>(schedule.rows))) {
    largest = std::max(largest, row.payment_fen());
  }
  return largest;
}

// The return on capital of a loan at any rate from `low` to `high` and any risk between the two
// given, at most: income with the higher payments, capital and funding with the smaller balances.
double most_return(LoanValue& value, double low, double high, double least_pd12, double most_pd12,
                   const RiskCosts& costs, double error_fen) {
  value.at(high);
  const LenderFlow at_high = value.flow();
  const double per_year = at_high.periods_per_year;
  const double most_alive = std::pow(1.0 - least_pd12, 1.0 / per_year);
  const double least_alive = std::pow(1.0 - most_pd12, 1.0 / per_year);
  const double funding = std::pow(1.0 + costs.cost_of_funds, 1.0 / per_year) - 1.0;
  // Backwards, as in LoanValue::at_most, without discount.
  double income = 0.0;
  for (std::size_t k = at_high.payments_fen.size(); k-- > 0;) {
    const double paid = at_high.payments_fen[k] + income;
    const double recovered = (1.0 - costs.lgd) * at_high.opening_fen[k];
    const double survival = paid > recovered ? most_alive : least_alive;
    income = survival * paid + (1.0 - survival) * recovered - costs.servicing_fen;
  }
  value.at(low);
  const LenderFlow at_low = value.flow();
  income += error_fen - at_low.paid_out_fen - costs.acquisition_fen;
  // The capital of a unit rises with risk and falls again: over a stretch it is least at an end.
  const double capital = std::min(other_retail_capital(least_pd12, costs.lgd),
                                  other_retail_capital(most_pd12, costs.lgd));
  double alive = 1.0;
  double bound = 0.0;
  for (const double opening : at_low.opening_fen) {
    const double balance = std::max(0.0, opening - error_fen);
    income -= alive * balance * funding;
    bound += alive * balance * capital / per_year;
    alive *= least_alive;
  }
  if (!(bound > 0.0)) return kInfinity;
  return income / bound;
}

// Orders ranges by key, the earlier form first among equals: std::push_heap keeps the largest on
// top.
bool is_less(const SearchScratch::Range& a, const SearchScratch::Range& b) {
  return a.key != b.key ? a.key < b.key : a.form > b.form;
}

auto is_of(std::uint32_t form) {
  return [form](const Found& found) { return found.form == form; };
}

// Puts `one` where it belongs among the best, one of each form; returns how many there are then.
std::size_t insert(const Found& one, std::span<Found> found, std::size_t count) {
  const std::span<Found> best = found.first(count);
  const auto same = std::find_if(best.begin(), best.end(), is_of(one.form));
  std::size_t place = static_cast<std::size_t>(same - best.begin());
  if (place == count && count < found.size()) {
    ++count;
  } else {
    place = std::min(place, count - 1);
    if (!is_better(one, found[place])) return count;
  }
  for (; place > 0 && is_better(one, found[place - 1]); --place) found[place] = found[place - 1];
  found[place] = one;
  return count;
}

}  // namespace

SearchScratch::SearchScratch() : rows(static_cast<std::size_t>(kMostTermMonths)) {
  ranges.reserve(kMostRanges);
}

Fault check(const Lending& lending) {
  if (const Fault fault = check(lending.price); !fault.ok()) return fault;
  if (lending.products.empty() || lending.products.size() > kMostProducts) {
    return {"products", "must be 1 to 64"};
  }
  std::size_t forms = 0;
  for (const Product& product : lending.products) {
    if (const Fault fault = check_product(lending, product); !fault.ok()) return fault;
    forms += product.terms_months.size() * product.methods.size();
  }
  if (forms > kMostForms) return {"products", "must have at most 1,024 terms and methods in all"};
  if (lending.hurdle && !std::isfinite(*lending.hurdle)) return {"hurdle", "must be finite"};
  if (const auto& take_up = lending.take_up; take_up) {
    if (!is_finite(*take_up)) return {"take_up", "must be finite"};
    if (take_up->rate_weight > 0.0) return {"take_up.rate_weight", "must be 0 or negative"};
    if (take_up->amount_weight < 0.0) return {"take_up.amount_weight", "must be 0 or positive"};
  }
  return {};
}

Loan candidate_loan(const Product& product, Method method, std::int32_t term_months,
                    std::int64_t amount_fen, Date disbursed) {
  Loan loan = product.loan;
  loan.principal_fen = amount_fen;
  loan.method = method;
  loan.periods = term_months;
  loan.disbursed = disbursed;
  return loan;
}

PriceTerms terms_of(const PriceTerms& yearly, Method method) {
  PriceTerms terms = yearly;
  if (method == Method::kFlatFee) {
    terms.margin /= 12.0;
    terms.rate_step /= 12.0;
  }
  return terms;
}

Loan priced_loan(const Product& product, const Found& found, Date disbursed) {
  Loan loan = candidate_loan(product, found.method, found.term_months, found.amount_fen, disbursed);
  (found.method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) = found.price.rate_units;
  return loan;
}

bool is_better(const Found& a, const Found& b) {
  if (a.expected_profit_fen != b.expected_profit_fen) {
    return a.expected_profit_fen > b.expected_profit_fen;
  }
  return a.form != b.form ? a.form < b.form : a.amount_fen > b.amount_fen;
}

bool has_amount(const Product& product, std::int64_t amount_fen) {
  return amount_fen >= product.from_fen && amount_fen <= product.to_fen &&
         (amount_fen - product.from_fen) % product.step_fen == 0;
}

double Search::probability_of_take_up(double rate, std::int64_t amount_fen) const {
  if (!lending_.take_up) return 1.0;
  const auto offered = static_cast<double>(amount_fen);
  return take_up(*lending_.take_up, rate, offered,
                 reach_.asked_fen > 0 ? static_cast<double>(reach_.asked_fen) : offered);
}

Fit Search::fit(const Wish& exact, Found* found) {
  if (exact.product < 0 || (reach_.products >> exact.product & 1u) == 0) return Fit::kProduct;
  const Product& product = lending_.products[static_cast<std::size_t>(exact.product)];
  const Method method = exact.method.value_or(product.methods.front());
  if (!has_amount(product, exact.amount_fen) ||
      std::find(product.terms_months.begin(), product.terms_months.end(), exact.term_months) ==
          product.terms_months.end() ||
      std::find(product.methods.begin(), product.methods.end(), method) == product.methods.end()) {
    return Fit::kProduct;
  }
  if (exact.amount_fen > reach_.amount_fen) return Fit::kAmount;
  ++work_;
  const Loan loan = candidate_loan(product, method, exact.term_months, exact.amount_fen,
                                   counts_days(product.loan) ? reach_.disbursed : kNoDate);
  Price& price = found->price;
  const Fault fault = find_price(loan, product.charges, terms_of(lending_.price, method),
                                 reach_.pd12, scratch_.rows, scratch_.capital, &price);
  // What cannot be computed is not lent: charges that leave nothing, interest without end.
  if (!fault.ok()) return Fit::kPrice;
  if (price.verdict != PriceVerdict::kOffered && price.verdict != PriceVerdict::kCapped) {
    return Fit::kPrice;
  }
  if (lending_.hurdle && price.profit.capital_years_fen > 0.0 &&
      price.profit.raroc < *lending_.hurdle) {
    misses_hurdle_ = true;
    return Fit::kPrice;
  }
  found->largest_instalment_fen = largest_payment(scratch_.rows, price.schedule);
  if (found->largest_instalment_fen > reach_.instalment_fen) return Fit::kInstalment;
  found->product = exact.product;
  found->method = method;
  found->term_months = exact.term_months;
  found->amount_fen = exact.amount_fen;
  found->expected_profit_fen = price.profit.net_present_value_fen *
                               probability_of_take_up(price.cost.nominal, exact.amount_fen);
  return Fit::kFits;
}

std::size_t Search::best(const Wish& wish, std::span<Found> found) {
  return explore(wish, Goal::kWorth, found);
}

bool Search::largest(const Wish& wish, Found* found) {
  return explore(wish, Goal::kAmount, std::span(found, 1)) == 1;
}

bool Search::any(const Wish& wish) {
  Found found;
  return explore(wish, Goal::kAny, std::span(&found, 1)) == 1;
}

std::int64_t Search::amount_at(const Range& range, std::int64_t step) const {
  const Product& product = lending_.products[static_cast<std::size_t>(range.product)];
  return product.from_fen + step * product.step_fen;
}

// The largest amount, in steps, that limits and the room for principal alone allow; -1: none.
std::int64_t Search::last_step(const Product& product, Method method, std::int32_t term) const {
  std::int64_t most = std::min(product.to_fen, reach_.amount_fen);
  if (reach_.asked_fen > 0) {
    most = std::min(most, std::max(reach_.asked_fen, product.from_fen));
  }
  // The parts of the principal sum to it: one of them is at least their mean.
  const std::int64_t parts =
      method == Method::kInterestOnly ? 1 : term - product.loan.grace_periods;
  if (reach_.instalment_fen < kMaxAmountFen / parts) {
    most = std::min(most, reach_.instalment_fen * parts);
  }
  return most < product.from_fen ? -1 : (most - product.from_fen) / product.step_fen;
}

void Search::push(const Range& range) {
  if (scratch_.ranges.size() == kMostRanges) {
    work_ = kMostWork;
    return;
  }
  scratch_.ranges.push_back(range);
  std::push_heap(scratch_.ranges.begin(), scratch_.ranges.end(), is_less);
}

Search::Range Search::pop() {
  std::pop_heap(scratch_.ranges.begin(), scratch_.ranges.end(), is_less);
  const Range range = scratch_.ranges.back();
  scratch_.ranges.pop_back();
  return range;
}

void Search::add_forms(const Wish& wish, Goal goal) {
  std::uint32_t form = 0;
  for (std::size_t p = 0; p < lending_.products.size(); ++p) {
    const Product& product = lending_.products[p];
    const bool open = (reach_.products >> p & 1u) != 0 &&
                      (wish.product == Wish::kAny || wish.product == static_cast<std::int32_t>(p));
    for (const Method method : product.methods) {
      for (const std::int32_t term : product.terms_months) {
        ++form;
        if (!open || (wish.method && *wish.method != method) ||
            (wish.term_months != 0 && wish.term_months != term)) {
          continue;
        }
        Range range{kInfinity,
                    kUnknownRate,
                    kUnknownRate,
                    0,
                    last_step(product, method, term),
                    static_cast<std::int32_t>(p),
                    term,
                    form,
                    method,
                    false};
        if (wish.amount_fen != 0) {
          if (!has_amount(product, wish.amount_fen)) continue;
          const std::int64_t step = (wish.amount_fen - product.from_fen) / product.step_fen;
          if (step > range.last) continue;
          range.first = range.last = step;
        }
        if (range.last < 0) continue;
        if (goal == Goal::kAmount) range.key = static_cast<double>(amount_at(range, range.last));
        push(range);
      }
    }
  }
}

// Whether anything in the range can fit; sets its key to what it can be worth at most.
bool Search::bound(Range& range, Goal goal) {
  ++work_;
  range.bounded = true;
  const Product& product = lending_.products[static_cast<std::size_t>(range.product)];
  const Date day = counts_days(product.loan) ? reach_.disbursed : kNoDate;
  const PriceTerms terms = terms_of(lending_.price, range.method);
  const std::int64_t least_amount = amount_at(range, range.first);
  const std::int64_t most_amount = amount_at(range, range.last);
  Loan small = candidate_loan(product, range.method, range.term_months, least_amount, day);
  Loan large = candidate_loan(product, range.method, range.term_months, most_amount, day);
  const double most_yearly = terms.cap * 1.05 + 0.0002;
  if (!is_near_smooth(large, most_yearly)) return true;
  const double most_rate = most_yearly / yearly(large);
  const double error_fen = rounding_error(large, product.charges, most_yearly);

  // The rates that can be offered. With costs that do not grow with the amount, a larger loan
  // breaks even at a lower rate.
  LoanValue of_small(small, product.charges, terms, reach_.pd12);
  LoanValue of_large(large, product.charges, terms, reach_.pd12);
  const auto solve = [](LoanValue& value, double& even) {
    if (!std::isnan(even)) return;
    even = value.break_even(0.5 * kSolved);
    if (even < 0.0) even = kInfinity;
  };
  const bool fixed = earns_fixed_amounts(product.charges);
  double low = 0.0;
  double high = most_rate;
  if (!fixed || terms.selection_sensitivity == 0.0) {
    solve(of_small, range.even_first);
    solve(of_large, range.even_last);
    const Steps steps(terms.rate_step);
    const double least_even = fixed ? std::min(range.even_first, range.even_last) : range.even_last;
    if (!(least_even <= most_rate)) return false;
    low = steps.up(std::max(0.0, least_even - kSolved));
    if (low > most_rate) return false;
    double most_even =
        range.even_first <= most_rate ? of_small.at_least_sure(range.even_first) : kInfinity;
    if (fixed && range.even_last <= most_rate) {
      const double other = of_large.at_least_sure(range.even_last);
      most_even = other < 0.0 ? kInfinity : std::max(most_even, other);
    }
    if (most_even < 0.0) most_even = kInfinity;
    if (most_even <= most_rate) {
      high = std::max(low, std::min(most_rate, steps.up(most_even + terms.margin + kSolved)));
    }
  }

  // The cost of the largest amount at the lowest rate is the least.
  const auto at_low = [&](Loan& loan) {
    (loan.method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) =
        std::llround(low * 1e12);
  };
  Schedule schedule;
  at_low(large);
  if (!build_schedule(large, product.charges, scratch_.rows, {}, schedule).ok()) return true;
  const CostRate cost = cost_rate(large, schedule, scratch_.rows);
  // Fen weigh the more, the smaller the amount is.
  const double error = cost_error(large, schedule, scratch_.rows, cost, 2.0 * error_fen) *
                       static_cast<double>(most_amount) / static_cast<double>(least_amount);
  // What is paid is at least what was received.
  const double least_nominal = std::max(0.0, cost.nominal - error);
  const double least_cost =
      terms.cap_basis == CapBasis::kNominal
          ? least_nominal
          : std::max(0.0, cost.effective - effective_error(large, cost, error));
  if (least_cost > terms.cap + 0.0001) return false;

  if (reach_.instalment_fen < kMaxAmountFen) {
    at_low(small);
    if (build_schedule(small, product.charges, scratch_.rows, {}, schedule).ok() &&
        static_cast<double>(largest_payment(scratch_.rows, schedule)) - 2.0 * error_fen >
            static_cast<double>(reach_.instalment_fen)) {
      return false;
    }
  }

  const double least_pd = of_large.pd_at(low);
  const double most_pd = of_large.pd_at(high);
  if (misses_hurdle_) {
    const double most =
        std::max(most_return(of_small, low, high, least_pd, most_pd, terms.costs, 2.0 * error_fen),
                 most_return(of_large, low, high, least_pd, most_pd, terms.costs, 2.0 * error_fen));
    if (most < *lending_.hurdle && least_pd > 0.0) return false;
  }
  if (goal != Goal::kWorth) return true;
  const double value = std::max(of_small.at_most(high, least_pd, most_pd),
                                of_large.at_most(high, least_pd, most_pd)) +
                       2.0 * error_fen;
  range.key = std::max(0.0, value) * probability_of_take_up(least_nominal, most_amount);
  return true;
}

void Search::split(const Range& range, Goal goal) {
  const std::int64_t middle = range.first + (range.last - range.first) / 2;
  Range lower = range;
  Range upper = range;
  lower.last = middle;
  lower.even_last = kUnknownRate;
  upper.first = middle + 1;
  upper.even_first = kUnknownRate;
  lower.bounded = upper.bounded = false;
  if (goal == Goal::kAmount) lower.key = static_cast<double>(amount_at(lower, lower.last));
  push(upper);
  push(lower);
}

std::size_t Search::explore(const Wish& wish, Goal goal, std::span<Found> found) {
  scratch_.ranges.clear();
  if (found.empty()) return 0;
  add_forms(wish, goal);
  std::size_t count = 0;
  while (!scratch_.ranges.empty() && work_ < kMostWork) {
    const std::span<Found> best = found.first(count);
    Range range = pop();
    if (goal == Goal::kWorth) {
      if (count == found.size() && range.key < best.back().expected_profit_fen) break;
      const auto same = std::find_if(best.begin(), best.end(), is_of(range.form));
      if (same != best.end() && range.key < same->expected_profit_fen) continue;
    }
    if (range.first < range.last) {
      if (range.bounded) {
        split(range, goal);
      } else if (bound(range, goal)) {
        push(range);
      }
      continue;
    }
    Found one;
    const Wish exact{range.product, amount_at(range, range.first), range.term_months, range.method};
    if (fit(exact, &one) != Fit::kFits) continue;
    one.form = range.form;
    if (goal != Goal::kWorth) {
      found[0] = one;
      return 1;
    }
    count = insert(one, found, count);
  }
  return count;
}

}  // namespace fenqi::offers
