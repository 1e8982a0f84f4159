// Arbitrary bytes as a lender and an applicant: the search ends with what pricing every candidate
// finds, within the cap, the budget and what the applicant can carry, and never with a number that
// is none.
#include <fuzzer/FuzzedDataProvider.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "every_candidate.h"
#include "offers/search.h"

using namespace fenqi::offers;

namespace {

// What is not so is reported with its stack.
void must(bool so) {
  if (!so) std::abort();
}

// Rates and shares: mostly those of real lenders, sometimes anything.
double rate(FuzzedDataProvider& bytes, double usual_most) {
  switch (bytes.ConsumeIntegralInRange(0, 29)) {
    case 0:
      return bytes.ConsumeFloatingPoint<double>();
    case 1:
      return bytes.PickValueInArray({0.0, 1e-12, 1e-9, 1.0, 10.0, 100.0});
    default:
      return bytes.ConsumeFloatingPointInRange(0.0, usual_most);
  }
}

std::int64_t amount(FuzzedDataProvider& bytes, std::int64_t usual_most) {
  switch (bytes.ConsumeIntegralInRange(0, 29)) {
    case 0:
      return bytes.ConsumeIntegral<std::int64_t>();
    case 1:
      return bytes.PickValueInArray<std::int64_t>({0, 1, kMaxAmountFen - 1, kMaxAmountFen});
    default:
      return bytes.ConsumeIntegralInRange<std::int64_t>(0, usual_most);
  }
}

template <typename Enum>
Enum pick(FuzzedDataProvider& bytes, Enum last) {
  return static_cast<Enum>(bytes.ConsumeIntegralInRange(0, static_cast<int>(last)));
}

Charge charge(FuzzedDataProvider& bytes) {
  Charge charge;
  charge.timing = pick(bytes, ChargeTiming::kEachInstalment);
  charge.base = pick(bytes, ChargeBase::kInterest);
  charge.payee = pick(bytes, Payee::kOther);
  if (charge.base == ChargeBase::kFlat) {
    charge.amount_fen = amount(bytes, 20'000);
  } else {
    charge.rate = bytes.ConsumeIntegralInRange<std::int64_t>(0, kRateUnit / 50);
  }
  return charge;
}

// A policy's lending, with what its spans look at.
struct Lender {
  explicit Lender(FuzzedDataProvider& bytes) {
    const std::size_t count = bytes.ConsumeIntegralInRange<std::size_t>(1, 2);
    for (std::size_t p = 0; p < count; ++p) {
      for (std::size_t t = bytes.ConsumeIntegralInRange(1, 3); t > 0; --t) {
        const std::int32_t before = terms[p].empty() ? 0 : terms[p].back();
        const bool odd = bytes.ConsumeIntegralInRange(0, 29) == 0;
        terms[p].push_back(odd ? bytes.ConsumeIntegralInRange(-1, 601)
                               : before + bytes.ConsumeIntegralInRange(1, 24));
      }
      for (std::size_t m = bytes.ConsumeIntegralInRange(1, 2); m > 0; --m) {
        methods[p].push_back(pick(bytes, Method::kFlatFee));
      }
      for (std::size_t c = bytes.ConsumeIntegralInRange(0, 3); c > 0; --c) {
        charges[p].push_back(charge(bytes));
      }
      Product& product = products[p];
      product.from_fen = amount(bytes, 2'000'000);
      product.step_fen = amount(bytes, 100'000);
      product.to_fen = product.from_fen;
      const std::int64_t steps = bytes.ConsumeIntegralInRange(0, 12);
      __builtin_mul_overflow(product.step_fen, steps, &product.to_fen);
      __builtin_add_overflow(product.to_fen, product.from_fen, &product.to_fen);
      product.terms_months = terms[p];
      product.methods = methods[p];
      product.charges = charges[p];
      product.loan.instalment_rounding = pick(bytes, Rounding::kHalfEven);
      product.loan.interest_rounding = product.loan.instalment_rounding;
      product.loan.day_count = pick(bytes, DayCount::kActual360);
      product.loan.grace_periods = bytes.ConsumeIntegralInRange(0, 3);
    }
    lending.products = std::span(products).first(count);
    lending.price.costs.lgd = rate(bytes, 1.0);
    lending.price.costs.cost_of_funds = rate(bytes, 0.1);
    lending.price.costs.acquisition_fen = static_cast<double>(amount(bytes, 20'000));
    lending.price.costs.servicing_fen = static_cast<double>(amount(bytes, 2'000));
    lending.price.margin = rate(bytes, 0.1);
    lending.price.rate_step = bytes.PickValueInArray({1e-6, 0.0001, 0.001, 0.01, 0.1});
    lending.price.cap = rate(bytes, 0.36);
    lending.price.cap_basis = pick(bytes, CapBasis::kEffective);
    if (bytes.ConsumeBool()) {
      lending.price.selection_sensitivity = rate(bytes, 10.0);
      lending.price.reference_rate = rate(bytes, 0.3);
    }
    if (bytes.ConsumeBool()) {
      lending.take_up =
          TakeUp{rate(bytes, 3.0), -rate(bytes, 20.0), rate(bytes, 3.0), rate(bytes, 0.3)};
    }
    if (bytes.ConsumeBool()) lending.hurdle = rate(bytes, 0.3);
    if (bytes.ConsumeBool()) lending.expected_loss_budget_fen = amount(bytes, 100'000);
  }

  std::array<std::vector<std::int32_t>, 2> terms;
  std::array<std::vector<Method>, 2> methods;
  std::array<std::vector<Charge>, 2> charges;
  std::array<Product, 2> products;
  Lending lending;
};

Reach applicant(FuzzedDataProvider& bytes) {
  Reach reach;
  reach.pd12 = bytes.ConsumeBool() ? bytes.ConsumeFloatingPointInRange(0.0, 0.3)
                                   : bytes.ConsumeFloatingPointInRange(0.0, 1.0 - 1e-9);
  if (bytes.ConsumeBool()) reach.products = bytes.ConsumeIntegral<std::uint64_t>();
  if (bytes.ConsumeBool()) reach.amount_fen = std::max<std::int64_t>(0, amount(bytes, 3'000'000));
  if (bytes.ConsumeBool()) {
    reach.instalment_fen = std::max<std::int64_t>(0, amount(bytes, 300'000));
  }
  if (bytes.ConsumeBool()) reach.asked_fen = std::max<std::int64_t>(0, amount(bytes, 3'000'000));
  reach.disbursed = bytes.ConsumeIntegralInRange(-20'000, 60'000);
  return reach;
}

void check_found(const Lending& lending, const Reach& reach, const Found& found) {
  const Price& price = found.price;
  must(price.verdict == PriceVerdict::kOffered || price.verdict == PriceVerdict::kCapped);
  must(within_cap(price.cost, lending.price.cap, lending.price.cap_basis));
  for (const double number :
       {price.rate, price.pd12, price.cost.nominal, price.cost.effective, price.cost.simple,
        price.profit.expected_loss_fen, price.profit.net_present_value_fen, price.profit.raroc,
        found.expected_profit_fen}) {
    must(std::isfinite(number));
  }
  must(price.rate_units >= 0);
  must(has_amount(lending.products[static_cast<std::size_t>(found.product)], found.amount_fen));
  must(found.amount_fen <= reach.amount_fen);
  must(found.largest_instalment_fen <= reach.instalment_fen);
  const auto budget = static_cast<double>(lending.expected_loss_budget_fen);
  must(budget == 0.0 || price.profit.expected_loss_fen <= budget);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider bytes(data, size);
  const Lender lender(bytes);
  if (!check(lender.lending).ok()) return 0;
  const Reach reach = applicant(bytes);
  Wish wish;
  if (bytes.ConsumeBool()) wish.product = 0;
  if (bytes.ConsumeBool()) wish.term_months = lender.terms[0].front();
  if (bytes.ConsumeBool()) wish.method = lender.methods[0].front();

  static SearchScratch scratch;
  const std::vector<Found> all = testing::every_candidate(lender.lending, reach, wish, scratch);
  const std::vector<Found> expected = testing::best_of_each_form(all, 3);
  Search search(lender.lending, reach, scratch);
  std::array<Found, 3> found;
  const std::size_t count = search.best(wish, found);
  for (std::size_t k = 0; k < count; ++k) check_found(lender.lending, reach, found[k]);
  // A search that has done enough ends with what it has; with so few candidates that is none.
  must(search.work() < Search::kMostWork);
  must(count == expected.size());
  for (std::size_t k = 0; k < count; ++k) {
    must(found[k].form == expected[k].form && found[k].amount_fen == expected[k].amount_fen);
  }
  Found largest;
  must(Search(lender.lending, reach, scratch).largest(wish, &largest) == !all.empty());
  for (const Found& one : all) must(one.amount_fen <= largest.amount_fen);
  must(Search(lender.lending, reach, scratch).any(wish) == !all.empty());
  return 0;
}
