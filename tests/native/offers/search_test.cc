// The search for an offer, judged by pricing every candidate.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/search.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <random>
#include <string>

#include "base/counted_heap.h"
#include "every_candidate.h"

using namespace fenqi;
using namespace fenqi::offers;

namespace {

// A policy at random, with what its spans look at.
struct RandomLending {
  explicit RandomLending(std::mt19937_64& random) {
    const auto pick = [&](auto... values) {
      const std::array all{static_cast<double>(values)...};
      return all[random() % all.size()];
    };
    const auto chance = [&](double p) {
      return std::uniform_real_distribution<>(0.0, 1.0)(random) < p;
    };
    const std::size_t count = 1 + random() % 3;
    terms.resize(count);
    methods.resize(count);
    charges.resize(count);
    products.resize(count);
    for (std::size_t p = 0; p < count; ++p) {
      for (const std::int32_t term : {1, 3, 6, 12, 18, 24, 60}) {
        if (chance(0.5)) terms[p].push_back(term);
      }
      if (terms[p].empty()) terms[p].push_back(12);
      for (int m = 0; m < 4; ++m) {
        if (chance(0.5)) methods[p].push_back(static_cast<Method>(m));
      }
      if (methods[p].empty()) methods[p].push_back(Method::kEqualInstalments);
      for (std::size_t c = random() % 3; c > 0; --c) charges[p].push_back(charge(random));
      Product& product = products[p];
      product.from_fen = static_cast<std::int64_t>(pick(1'000, 50'000, 100'000, 1'000'000));
      product.step_fen = static_cast<std::int64_t>(pick(100, 9'973, 10'000, 50'000));
      product.to_fen = product.from_fen + product.step_fen * static_cast<int>(random() % 60);
      product.terms_months = terms[p];
      product.methods = methods[p];
      product.charges = charges[p];
      product.loan.instalment_rounding = product.loan.interest_rounding =
          static_cast<Rounding>(random() % 4);
      if (chance(0.3)) {
        product.loan.day_count = chance(0.5) ? DayCount::kActual365 : DayCount::kActual360;
      }
      if (chance(0.2) && terms[p].front() > 2) product.loan.grace_periods = 2;
    }
    lending.products = products;
    lending.price.costs = {pick(0.4, 0.65, 1.0), pick(0.0, 0.06), pick(0, 5'000, 15'000),
                           pick(0, 500, 2'000)};
    lending.price.margin = pick(0.0, 0.02, 0.1);
    lending.price.rate_step = pick(0.0001, 0.001, 0.01);
    lending.price.cap = pick(0.12, 0.24, 0.36);
    lending.price.cap_basis = chance(0.5) ? CapBasis::kNominal : CapBasis::kEffective;
    if (chance(0.3)) {
      lending.price.selection_sensitivity = pick(1, 4, 20);
      lending.price.reference_rate = 0.12;
    }
    if (chance(0.5)) lending.take_up = TakeUp{1.0, pick(0, -5, -20), pick(0, 1, 3), 0.15};
    if (chance(0.4)) lending.hurdle = pick(0.05, 0.15, 0.4);
    if (chance(0.5)) {
      lending.expected_loss_budget_fen = static_cast<std::int64_t>(pick(1, 1'000, 10'000, 40'000));
    }
  }

  static Charge charge(std::mt19937_64& random) {
    Charge charge;
    charge.timing = static_cast<ChargeTiming>(random() % 3);
    charge.payee = random() % 2 == 0 ? Payee::kLender : Payee::kGuarantor;
    const bool up_front = charge.timing != ChargeTiming::kEachInstalment;
    charge.base = static_cast<ChargeBase>(random() % (up_front ? 2 : 5));
    if (charge.base == ChargeBase::kFlat) {
      charge.amount_fen = static_cast<std::int64_t>(random() % 2'000);
    } else {
      charge.rate = kRateUnit / 1'000 * static_cast<std::int64_t>(random() % 5);
    }
    return charge;
  }

  std::vector<std::vector<std::int32_t>> terms;
  std::vector<std::vector<Method>> methods;
  std::vector<std::vector<Charge>> charges;
  std::vector<Product> products;
  Lending lending;
};

Reach random_reach(std::mt19937_64& random) {
  Reach reach;
  const std::array risks{0.0, 0.005, 0.02, 0.05, 0.1, 0.3};
  reach.pd12 = risks[random() % risks.size()];
  if (random() % 3 == 0) reach.products = random();
  if (random() % 3 == 0) reach.amount_fen = static_cast<std::int64_t>(random() % 2'000'000);
  if (random() % 2 == 0) reach.instalment_fen = static_cast<std::int64_t>(random() % 200'000);
  if (random() % 2 == 0) reach.asked_fen = static_cast<std::int64_t>(random() % 2'000'000);
  reach.disbursed = 20'000 + static_cast<Date>(random() % 400);
  return reach;
}

std::string text(const Found& found) {
  return std::to_string(found.form) + ": " + std::to_string(found.amount_fen) + " fen at " +
         std::to_string(found.price.rate) + ", worth " + std::to_string(found.expected_profit_fen);
}

}  // namespace

TEST_CASE("the search finds what pricing every candidate finds") {
  std::mt19937_64 random(20260719);
  SearchScratch scratch;
  std::int64_t candidates = 0;
  std::int64_t work = 0;
  int with_offers = 0;
  for (int round = 0; round < 400; ++round) {
    CAPTURE(round);
    const RandomLending made(random);
    const Lending& lending = made.lending;
    REQUIRE(check(lending).ok());
    const Reach reach = random_reach(random);
    Wish wish;
    if (random() % 3 == 0) wish.term_months = made.terms[0][0];
    if (random() % 3 == 0) wish.method = made.methods[0][0];
    if (random() % 3 == 0) wish.product = 0;
    if (random() % 6 == 0) wish.amount_fen = made.products[0].to_fen;

    const std::vector<Found> all = testing::every_candidate(lending, reach, wish, scratch);
    const std::vector<Found> expected = testing::best_of_each_form(all, 3);
    Search search(lending, reach, scratch);
    std::array<Found, 3> found;
    const std::size_t count = search.best(wish, found);
    REQUIRE(search.work() < Search::kMostWork);
    REQUIRE(count == expected.size());
    for (std::size_t k = 0; k < count; ++k) CHECK(text(found[k]) == text(expected[k]));

    Found largest;
    CHECK(Search(lending, reach, scratch).any(wish) == !all.empty());
    REQUIRE(Search(lending, reach, scratch).largest(wish, &largest) == !all.empty());
    std::int64_t most = 0;
    for (const Found& one : all) most = std::max(most, one.amount_fen);
    if (!all.empty()) CHECK(largest.amount_fen == most);
    with_offers += !all.empty();
    for (const Product& product : lending.products) {
      candidates += ((product.to_fen - product.from_fen) / product.step_fen + 1) *
                    static_cast<std::int64_t>(product.terms_months.size() * product.methods.size());
    }
    work += search.work();
  }
  MESSAGE(candidates << " candidates, " << work << " steps, " << with_offers << " with offers");
  CHECK(with_offers > 100);
}

TEST_CASE("no loan is expected to lose more than the budget, and none that loses less is lost") {
  std::mt19937_64 random(11);
  SearchScratch scratch;
  int limited = 0;
  for (int round = 0; round < 100; ++round) {
    RandomLending made(random);
    const Reach reach{.pd12 = 0.05, .disbursed = 20'000};
    made.lending.expected_loss_budget_fen = 0;
    const std::vector<Found> all = testing::every_candidate(made.lending, reach, {}, scratch);
    if (all.empty()) continue;
    const Found& middle = all[all.size() / 2];
    const auto budget = static_cast<std::int64_t>(middle.price.profit.expected_loss_fen);
    if (budget == 0) continue;
    made.lending.expected_loss_budget_fen = budget;
    std::vector<std::string> within;
    for (const Found& one : all) {
      if (one.price.profit.expected_loss_fen <= static_cast<double>(budget)) {
        within.push_back(text(one));
      }
    }
    std::vector<std::string> found;
    for (const Found& one : testing::every_candidate(made.lending, reach, {}, scratch)) {
      found.push_back(text(one));
    }
    CHECK(found == within);
    limited += found.size() < all.size();
  }
  CHECK(limited > 50);
}

// Without a hurdle, for the return on capital can rise with risk.
TEST_CASE("whatever a worse risk can have, a better one can have too") {
  std::mt19937_64 random(17);
  SearchScratch scratch;
  int compared = 0;
  for (int round = 0; round < 200; ++round) {
    RandomLending made(random);
    made.lending.hurdle.reset();
    Reach better = random_reach(random);
    Reach worse = better;
    worse.pd12 = better.pd12 + 0.03;
    const std::vector<Found> of_better =
        testing::every_candidate(made.lending, better, {}, scratch);
    for (const Found& one : testing::every_candidate(made.lending, worse, {}, scratch)) {
      const auto same = std::find_if(of_better.begin(), of_better.end(), [&](const Found& other) {
        return other.form == one.form && other.amount_fen == one.amount_fen;
      });
      REQUIRE(same != of_better.end());
      CHECK(same->price.rate_units <= one.price.rate_units);
      ++compared;
    }
  }
  CHECK(compared > 1'000);
}

TEST_CASE("the cap's rate is the one that bisection over every rate finds") {
  std::mt19937_64 random(7);
  std::array<Row, kMaxPeriods> rows;
  for (int round = 0; round < 300; ++round) {
    const RandomLending made(random);
    const Product& product = made.products[0];
    const Method method = product.methods[0];
    Loan loan = candidate_loan(product, method, product.terms_months.back(),
                               random() % 2 == 0 ? product.from_fen : product.to_fen, 20'000);
    const std::int64_t step = kRateUnit / (random() % 2 == 0 ? 10'000 : 1'000'000);
    const PriceTerms& terms = made.lending.price;
    const auto fits = [&](std::int64_t steps) {
      (method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) = steps * step;
      Schedule schedule;
      return build_schedule(loan, product.charges, rows, {}, schedule).ok() &&
             within_cap(cost_rate(loan, schedule, rows), terms.cap, terms.cap_basis);
    };
    const double yearly = method == Method::kFlatFee ? 12.0 : 1.0;
    std::int64_t low = fits(0) ? 0 : -1;
    auto high = static_cast<std::int64_t>((terms.cap * 1.05 + 0.0002) / yearly * 1e12) / step + 1;
    while (low >= 0 && low < high) {
      const std::int64_t middle = low + (high - low + 1) / 2;
      fits(middle) ? low = middle : high = middle - 1;
    }
    loan.annual_rate = loan.flat_rate = 0;
    std::int64_t rate = 0;
    const Fault fault = highest_rate_within_cap(loan, product.charges, terms.cap, terms.cap_basis,
                                                step, rows, &rate);
    if (fault.ok()) CHECK(rate == (low < 0 ? -1 : low * step));
  }
}

TEST_CASE("a search takes nothing from the heap") {
  std::mt19937_64 random(3);
  const RandomLending made(random);
  SearchScratch scratch;
  std::array<Found, 10> found;
  const std::uint64_t before = allocations;
  Search search(made.lending, Reach{.pd12 = 0.02}, scratch);
  const std::size_t count = search.best({}, found);
  CHECK(allocations == before);
  CHECK(count > 0);
}
