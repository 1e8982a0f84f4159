#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engine/drift.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

using namespace fenqi::engine;

namespace {

using Counts = std::vector<std::uint64_t>;

// What chance allows ten bins of `n` requests against a reference of `m`.
double bound(std::uint64_t n, std::uint64_t m) {
  return drift(Counts(10, n / 10), Counts(10, m / 10)).noise_bound;
}

}  // namespace

TEST_CASE("the quantile of chi-square is that of the tables") {
  // NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.4, upper critical values for 0.05.
  CHECK(chi_square_95(1) == doctest::Approx(3.841).epsilon(0.0002));
  CHECK(chi_square_95(9) == doctest::Approx(16.919).epsilon(0.0001));
  CHECK(chi_square_95(19) == doctest::Approx(30.144).epsilon(0.0001));
  CHECK(chi_square_95(100) == doctest::Approx(124.342).epsilon(0.0001));
}

TEST_CASE("the noise bound of ten bins is the published one") {
  CHECK(std::abs(bound(1000, 1000) - 0.0338) < 0.00005);
  CHECK(std::abs(bound(10000, 1000) - 0.0186) < 0.00005);
  CHECK(std::abs(bound(10000, 10000) - 0.0034) < 0.00005);
}

TEST_CASE("the index is 0 where nothing moved, whatever the sizes") {
  CHECK(drift(Counts{10, 20, 70}, Counts{1, 2, 7}).psi == doctest::Approx(0.0));
}

TEST_CASE("the index adds up (a - e) ln(a / e)") {
  const Drift moved = drift(Counts{30, 70}, Counts{50, 50});
  CHECK(moved.requests == 100);
  CHECK(moved.psi ==
        doctest::Approx(-0.2 * std::log(0.3 / 0.5) + 0.2 * std::log(0.7 / 0.5)).epsilon(1e-12));
}

TEST_CASE("an empty bin counts half on both sides") {
  const Drift moved = drift(Counts{0, 10}, Counts{5, 5});
  const double a = 0.5 / 10.5;
  const double e = 5.5 / 10.5;
  CHECK(moved.psi ==
        doctest::Approx((a - e) * std::log(a / e) + (10 / 10.5 - 5 / 10.5) * std::log(10.0 / 5.0)));
  CHECK(std::isfinite(drift(Counts{0, 0, 3}, Counts{0, 4, 0}).psi));
}

TEST_CASE("without requests, a reference or two bins there is nothing to say") {
  CHECK(drift(Counts{0, 0}, Counts{1, 1}).noise_bound == 0.0);
  CHECK(drift(Counts{1, 1}, Counts{0, 0}).psi == 0.0);
  CHECK(drift(Counts{7}, Counts{9}).requests == 7);
}
