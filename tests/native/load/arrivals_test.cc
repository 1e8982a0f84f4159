#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "load/arrivals.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using fenqi::load::Arrivals;

TEST_CASE("arrivals are a Poisson process of the asked rate") {
  Arrivals arrivals(10'000.0, 7);
  std::vector<double> gaps;
  double last = 0.0;
  for (int i = 0; i < 200'000; ++i) {
    const double at = arrivals.next();
    gaps.push_back(at - last);
    last = at;
  }
  double mean = 0.0;
  for (const double gap : gaps) mean += gap;
  mean /= static_cast<double>(gaps.size());
  CHECK(mean == doctest::Approx(100'000.0).epsilon(0.01));
  // Exponential gaps: a share exp(-x) is longer than x means.
  for (const double x : {0.1, 1.0, 3.0}) {
    double longer = 0.0;
    for (const double gap : gaps) longer += gap > x * mean ? 1.0 : 0.0;
    CHECK(longer / static_cast<double>(gaps.size()) == doctest::Approx(std::exp(-x)).epsilon(0.05));
  }
}

TEST_CASE("the same seed gives the same arrivals") {
  Arrivals one(1000.0, 3);
  Arrivals same(1000.0, 3);
  Arrivals other(1000.0, 4);
  for (int i = 0; i < 100; ++i) {
    const double at = one.next();
    CHECK(at == same.next());
    CHECK(at != other.next());
  }
}
