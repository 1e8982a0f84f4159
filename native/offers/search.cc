#include "offers/search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "offers/range_bound.h"

namespace fenqi::offers {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kUnknownRate = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostRanges = kMostForms + 2 * Search::kMostWork;
// Amounts, less one, that are sooner priced than bounded.
constexpr std::int64_t kPricedSingly = 2;

std::int64_t largest_payment(std::span<const Row> rows, const Schedule& schedule) {
  std::int64_t largest = 0;
  for (const Row& row : rows.first(static_cast<std::size_t>(schedule.rows))) {
    largest = std::max(largest, row.payment_fen());
  }
  return largest;
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

double Search::probability_of_take_up(double rate, std::int64_t amount_fen) const {
  if (!lending_.take_up) return 1.0;
  const auto offered = static_cast<double>(amount_fen);
  return take_up(*lending_.take_up, rate, offered,
                 reach_.asked_fen > 0 ? static_cast<double>(reach_.asked_fen) : offered);
}

// What loans can be worth that are worth so much if they are taken, cost so much and are so large,
// at most.
double Search::most_worth(double value_fen, double least_rate, std::int64_t most_fen) const {
  if (!std::isfinite(value_fen)) return kInfinity;
  return std::max(0.0, value_fen) * probability_of_take_up(least_rate, most_fen);
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
  found->product = exact.product;
  found->method = method;
  found->term_months = exact.term_months;
  found->amount_fen = exact.amount_fen;
  found->expected_profit_fen = price.profit.net_present_value_fen *
                               probability_of_take_up(price.cost.nominal, exact.amount_fen);
  if (lending_.expected_loss_budget_fen > 0 &&
      price.profit.expected_loss_fen > static_cast<double>(lending_.expected_loss_budget_fen)) {
    return Fit::kExpectedLoss;
  }
  if (found->largest_instalment_fen > reach_.instalment_fen) return Fit::kInstalment;
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
        const std::int64_t most_fen = amount_at(range, range.last);
        if (goal == Goal::kAmount) range.key = static_cast<double>(most_fen);
        if (goal == Goal::kWorth && range.first < range.last) {
          const Date day = counts_days(product.loan) ? reach_.disbursed : kNoDate;
          const Loan most = candidate_loan(product, method, term, most_fen, day);
          range.key = most_worth(most_gain(most, product.charges, terms_of(lending_.price, method),
                                           0.0, most_yearly_rate(lending_.price) / yearly(most)),
                                 0.0, most_fen);
        }
        push(range);
      }
    }
  }
}

// Whether anything in the range can fit; sets its key to what it can be worth at most, and leaves
// out amounts with too large instalments.
bool Search::bound(Range& range, Goal goal) {
  ++work_;
  const Product& product = lending_.products[static_cast<std::size_t>(range.product)];
  const Date day = counts_days(product.loan) ? reach_.disbursed : kNoDate;
  const PriceTerms terms = terms_of(lending_.price, range.method);
  const std::int64_t most_fen = amount_at(range, range.last);
  AmountRange amounts{
      candidate_loan(product, range.method, range.term_months, amount_at(range, range.first), day),
      candidate_loan(product, range.method, range.term_months, most_fen, day), product.charges,
      range.even_first, range.even_last};
  // Only where somebody missed the hurdle is it worth a bound of its own.
  const Demands demands{reach_.instalment_fen, lending_.expected_loss_budget_fen,
                        misses_hurdle_ ? lending_.hurdle : std::nullopt};
  const RangeBound found = offers::bound(amounts, terms, reach_.pd12, demands, scratch_.rows);
  if (!found.possible) return false;
  range.even_first = amounts.even_least;
  range.even_last = amounts.even_most;
  range.bounded = true;
  if (goal == Goal::kWorth) {
    range.key = most_worth(found.most_value_fen, found.least_nominal, most_fen);
  }
  if (found.share_within < 1.0) {
    const auto steps = static_cast<double>(range.last - range.first);
    range.last = range.first + static_cast<std::int64_t>(found.share_within * steps);
    range.even_last = kUnknownRate;
    range.bounded = false;
    if (goal == Goal::kAmount) range.key = static_cast<double>(amount_at(range, range.last));
  }
  return true;
}

void Search::split(const Range& range, Goal goal) {
  const auto add = [&](std::int64_t first, std::int64_t last) {
    Range part = range;
    part.first = first;
    part.last = last;
    part.bounded = false;
    if (first != range.first) part.even_first = kUnknownRate;
    if (last != range.last) part.even_last = kUnknownRate;
    if (goal == Goal::kAmount) part.key = static_cast<double>(amount_at(part, last));
    push(part);
  };
  if (range.last - range.first < kPricedSingly) {
    for (std::int64_t step = range.last; step >= range.first; --step) add(step, step);
    return;
  }
  // Mostly more is worth more: the upper part is the smaller one.
  const std::int64_t middle = range.last - (range.last - range.first + 3) / 4;
  add(middle + 1, range.last);
  add(range.first, middle);
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
      if (range.bounded || range.last - range.first < kPricedSingly) {
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
