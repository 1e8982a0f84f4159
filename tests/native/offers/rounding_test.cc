#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/rounding.h"

#include <doctest/doctest.h>

#include <random>

#include "offers/annuity.h"

using namespace fenqi::offers;

namespace {

constexpr Rounding kModes[] = {Rounding::kHalfUp, Rounding::kUp, Rounding::kDown,
                               Rounding::kHalfEven};

Fraction yearly_twelfth(std::int64_t rate) {
  return fraction(rate, Int128{kRateUnit} * 12);
}

// Whether the instalment repays the principal, by paying it: 64 bits of mantissa tell the sign of
// the balance in the end.
bool repays(std::int64_t instalment, std::int64_t principal, const Fraction& rate, int periods) {
  using Wide = long double;
  Wide balance = principal;
  for (int k = 0; k < periods; ++k) {
    balance += balance * rate.numerator / rate.denominator - static_cast<Wide>(instalment);
  }
  return balance <= 0;
}

}  // namespace

TEST_CASE("halves go where the mode says") {
  CHECK(divide(5, 2, Rounding::kHalfUp) == 3);
  CHECK(divide(5, 2, Rounding::kHalfEven) == 2);
  CHECK(divide(7, 2, Rounding::kHalfEven) == 4);
  CHECK(divide(5, 2, Rounding::kUp) == 3);
  CHECK(divide(5, 2, Rounding::kDown) == 2);
  CHECK(divide(6, 2, Rounding::kUp) == 3);
  CHECK(divide(0, 7, Rounding::kUp) == 0);
}

TEST_CASE("interest on a half fen is decided exactly, where doubles cannot") {
  // 100,001.25 x 4.8 % / 12 = 400.005; a double says 400.00499999999994.
  const Fraction rate = yearly_twelfth(48'000'000'000);
  CHECK(share(10'000'125, rate, Rounding::kHalfUp) == 40'001);
  CHECK(share(10'000'125, rate, Rounding::kHalfEven) == 40'000);
  CHECK(share(10'000'125, rate, Rounding::kUp) == 40'001);
  CHECK(share(10'000'125, rate, Rounding::kDown) == 40'000);
  CHECK(share(10'000'000, rate, Rounding::kUp) == 40'000);
}

TEST_CASE("the fast way of rounding a share never differs from the exact one") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const int bits = static_cast<int>(random() % 54);
    const auto amount = static_cast<std::int64_t>(random() >> (63 - bits) >> 1);
    // Few decimals, as people write rates: ties are then frequent.
    const Fraction rate = yearly_twelfth(static_cast<std::int64_t>(random() % 2400) *
                                         (i % 2 == 0 ? kRateUnit / 1000 : kRateUnit / 100'000));
    for (const Rounding mode : kModes) {
      REQUIRE(share(amount, rate, mode) ==
              static_cast<std::int64_t>(
                  divide(Int128{amount} * rate.numerator, rate.denominator, mode)));
    }
  }
}

TEST_CASE("fractions too fine for 62 bits keep their value") {
  const Fraction fine = fraction((Int128{1} << 100) + 1, Int128{1} << 103);
  CHECK(fine.value == doctest::Approx(0.125).epsilon(1e-15));
  const Fraction common = fraction(Int128{3} << 80, Int128{9} << 80);
  CHECK(common.numerator == 1);
  CHECK(common.denominator == 3);
}

TEST_CASE("an instalment rounded up is the smallest that repays the principal") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 2000; ++i) {
    const auto principal = static_cast<std::int64_t>(10'000 + random() % 50'000'000);
    const Fraction rate = yearly_twelfth(static_cast<std::int64_t>(random() % 3600) * 100'000'000);
    const int periods = 1 + static_cast<int>(random() % 60);
    const std::int64_t up = level_instalment(principal, rate, periods, Rounding::kUp);
    REQUIRE(repays(up, principal, rate, periods));
    REQUIRE(!repays(up - 1, principal, rate, periods));
    const std::int64_t down = level_instalment(principal, rate, periods, Rounding::kDown);
    REQUIRE(up - down <= 1);
    REQUIRE(down <= level_instalment(principal, rate, periods, Rounding::kHalfUp));
  }
}

TEST_CASE("instalments that are whole fen are not rounded away from them") {
  // One period: P (1 + i); two at 100 %: P 4 / 3 ... of 3.
  CHECK(level_instalment(100'000, yearly_twelfth(120'000'000'000), 1, Rounding::kUp) == 101'000);
  CHECK(level_instalment(300, fraction(1, 1), 2, Rounding::kUp) == 400);
  CHECK(level_instalment(1200, fraction(0, 1), 12, Rounding::kUp) == 100);
  CHECK(level_instalment(kMaxAmountFen, fraction(0, 1), 2, Rounding::kUp) == kMaxAmountFen / 2);
}

TEST_CASE("equal rates in a row give what equal periods give") {
  std::mt19937_64 random(3);
  std::array<Fraction, 600> rates;
  for (int i = 0; i < 300; ++i) {
    const Fraction rate =
        yearly_twelfth(static_cast<std::int64_t>(random() % 100'000) * 10'000'000);
    const std::size_t periods = 1 + random() % rates.size();
    const auto principal = static_cast<std::int64_t>(1 + random() % (std::uint64_t{1} << 53));
    std::fill_n(rates.begin(), periods, rate);
    for (const Rounding mode : kModes) {
      REQUIRE(level_instalment(principal, rate, static_cast<std::int32_t>(periods), mode) ==
              level_instalment(principal, std::span(rates).first(periods), mode));
    }
  }
}

TEST_CASE("the largest principal for an instalment fits, and one fen more does not") {
  std::mt19937_64 random(4);
  for (int i = 0; i < 500; ++i) {
    const Fraction rate = yearly_twelfth(static_cast<std::int64_t>(random() % 3600) * 100'000'000);
    const auto periods = static_cast<std::int32_t>(1 + random() % 120);
    const auto instalment = static_cast<std::int64_t>(1 + random() % 5'000'000);
    for (const Rounding mode : kModes) {
      const std::int64_t largest = largest_principal(instalment, rate, periods, mode);
      REQUIRE(level_instalment(largest, rate, periods, mode) <= instalment);
      REQUIRE(level_instalment(largest + 1, rate, periods, mode) > instalment);
    }
  }
  CHECK(largest_principal(0, yearly_twelfth(0), 12, Rounding::kUp) == 0);
  CHECK(largest_principal(kMaxAmountFen, yearly_twelfth(0), 12, Rounding::kUp) == kMaxAmountFen);
}

TEST_CASE("a compounded rate grows over a year as quoted") {
  for (const std::int64_t rate :
       {std::int64_t{1000}, kRateUnit / 20, kRateUnit / 2, 10 * kRateUnit}) {
    for (const std::int32_t per_year : {1, 4, 12, 24, 26, 52}) {
      for (const std::int32_t compoundings : {1, 2}) {
        const double grown =
            std::expm1(per_year * std::log1p(compounded_rate(rate, compoundings, per_year).value));
        const double yearly = static_cast<double>(rate) / 1e12;
        const double expected = std::expm1(compoundings * std::log1p(yearly / compoundings));
        CHECK(grown == doctest::Approx(expected).epsilon(1e-12));
      }
    }
  }
}
