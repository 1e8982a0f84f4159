// The search for a yes: which of the loans that a policy offers fits an applicant.
//
// A candidate is a product, a method, a term and an amount: the grid of what a policy lends. It
// fits where a price within the cap pays for the risk and earns the hurdle, where its expected loss
// is within the budget of a loan, where the amount is within the applicant's limits, and where the
// largest instalment leaves room to live. Among those
// that fit, worth is expected profit: net present value times the probability that the offer is
// taken.
//
// What is found is what pricing every candidate would find; the test does. Most candidates are
// never priced: both ends of a range of amounts bound rate, cost, instalment and worth of all
// between them (range_bound.h). Ranges are taken in the order of what they can be worth, and split.
// The one exception is a grid whose bounds say little, as with fees in fen that go to the lender
// under adverse selection: after kMostWork steps the search ends with what it has.
//
//   Search search(lending, reach, scratch);
//   std::array<Found, 3> found;
//   const std::size_t count = search.best({.term_months = 12}, found);
//
// One thread; allocates nothing. A step takes some microseconds.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "offers/lending.h"

namespace fenqi::offers {

// What a loan is to be. What is not said may be anything.
struct Wish {
  static constexpr std::int32_t kAny = -1;
  static constexpr std::int32_t kUnknown = -2;  // a product that the policy does not have

  std::int32_t product = kAny;  // index
  std::int64_t amount_fen = 0;
  std::int32_t term_months = 0;
  std::optional<Method> method;
};

// What an applicant may have.
struct Reach {
  double pd12 = 0.0;            // of twelve months, 0 <= pd12 < 1
  std::uint64_t products = ~0;  // bit p: is eligible for product p
  std::int64_t amount_fen = kMaxAmountFen;
  std::int64_t instalment_fen = kMaxAmountFen;  // charges included
  std::int64_t asked_fen = 0;  // what was asked for, 0: nothing. More is not offered, but for the
                               // smallest amount of a product
  Date disbursed = kNoDate;    // needed where a product counts days
};

struct Found {
  std::int32_t product = 0;
  Method method = Method::kEqualInstalments;
  std::int32_t term_months = 0;
  std::int64_t amount_fen = 0;
  double expected_profit_fen = 0.0;
  std::int64_t largest_instalment_fen = 0;
  std::uint32_t form = 0;  // product, method and term, counted in the policy's order
  Price price;             // without cap_rate
};

// Its loan, with the rate of its price and paid out on `disbursed`.
Loan priced_loan(const Product& product, const Found& found, Date disbursed);

// The order of worth; of equals the earlier form is better, and within it the larger amount.
bool is_better(const Found& a, const Found& b);

// What keeps a candidate from fitting, in the order in which it is looked at.
enum class Fit : std::uint8_t { kProduct, kAmount, kPrice, kExpectedLoss, kInstalment, kFits };

// Memory of a thread's searches. Taken once.
struct SearchScratch {
  SearchScratch();

  // Amounts `first` .. `last` (steps above the product's smallest) of one form.
  struct Range {
    double key;  // what it can be worth, at most
    double even_first;
    double even_last;  // break-even rates at both ends; NaN: not known yet
    std::int64_t first;
    std::int64_t last;
    std::int32_t product;
    std::int32_t term_months;
    std::uint32_t form;  // products x methods x terms, counted
    Method method;
    bool bounded;
  };

  std::vector<Range> ranges;
  std::vector<Row> rows;
  RetailCapital capital;
};

class Search {
 public:
  static constexpr int kMostWork = 2048;

  // All is lent for the search's life. Needs check(lending).
  Search(const Lending& lending, const Reach& reach, SearchScratch& scratch)
      : lending_(lending), reach_(reach), scratch_(scratch) {}

  // Whether this candidate fits; `found` is filled where it has a price. A method that is not said
  // is the product's first. Product, amount and term must be said.
  Fit fit(const Wish& exact, Found* found);

  // Of each form (product, method, term) that `wish` allows, the amount that is worth most; of
  // these the best, in order, as many as `found` holds. The first of equals is the one with the
  // earlier form, and within a form the larger amount.
  std::size_t best(const Wish& wish, std::span<Found> found);

  // The largest amount that fits, of the first form that has it; false where none does.
  bool largest(const Wish& wish, Found* found);

  // Whether any does.
  bool any(const Wish& wish);

  // Steps taken so far.
  int work() const { return work_; }

 private:
  enum class Goal : std::uint8_t { kWorth, kAmount, kAny };
  using Range = SearchScratch::Range;

  std::size_t explore(const Wish& wish, Goal goal, std::span<Found> found);
  void add_forms(const Wish& wish, Goal goal);
  bool bound(Range& range, Goal goal);
  void split(const Range& range, Goal goal);
  void push(const Range& range);
  Range pop();
  std::int64_t amount_at(const Range& range, std::int64_t step) const;
  double probability_of_take_up(double rate, std::int64_t amount_fen) const;
  double most_worth(double value_fen, double least_rate, std::int64_t most_fen) const;
  std::int64_t last_step(const Product& product, Method method, std::int32_t term) const;

  const Lending& lending_;
  const Reach reach_;
  SearchScratch& scratch_;
  int work_ = 0;
  bool misses_hurdle_ = false;  // some candidate did
};

}  // namespace fenqi::offers
