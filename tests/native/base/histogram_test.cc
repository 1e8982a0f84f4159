#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "base/histogram.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <vector>

using fenqi::Histogram;

TEST_CASE("percentiles are within 0.8 % of the exact ones, for any spread of values") {
  std::mt19937_64 random(1);
  for (const double spread : {1.0, 3.0, 8.0}) {
    auto histogram = std::make_unique<Histogram>();
    std::lognormal_distribution<double> values(10.0, spread / 4);
    std::vector<std::uint64_t> exact;
    for (int i = 0; i < 200'000; ++i) {
      exact.push_back(static_cast<std::uint64_t>(values(random)));
      histogram->record(exact.back());
    }
    std::sort(exact.begin(), exact.end());
    for (const double percent : {1.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
      const auto rank = static_cast<std::size_t>(
          std::max(1.0, std::ceil(percent / 100.0 * static_cast<double>(exact.size()))));
      const auto truth = static_cast<double>(exact[rank - 1]);
      const auto found = static_cast<double>(histogram->percentile(percent));
      CHECK(found >= truth);
      CHECK(found <= truth * 1.008 + 1.0);
    }
    CHECK(histogram->count() == exact.size());
    CHECK(histogram->max() == exact.back());
  }
}

TEST_CASE("values at the edges of buckets count as themselves or a little more") {
  for (std::uint64_t bit = 0; bit < 42; ++bit) {
    for (const std::uint64_t value :
         {(std::uint64_t{1} << bit) - 1, std::uint64_t{1} << bit, (std::uint64_t{1} << bit) + 1}) {
      auto histogram = std::make_unique<Histogram>();
      histogram->record(value);
      CHECK(histogram->percentile(50.0) == value);  // never above the maximum
    }
  }
}

TEST_CASE("an empty histogram says zero, and one beyond all buckets still counts") {
  auto histogram = std::make_unique<Histogram>();
  CHECK(histogram->percentile(99.0) == 0);
  histogram->record(UINT64_MAX);
  CHECK(histogram->count() == 1);
  CHECK(histogram->max() == UINT64_MAX);
}

TEST_CASE("merging adds up counts and keeps the larger maximum") {
  auto a = std::make_unique<Histogram>();
  auto b = std::make_unique<Histogram>();
  a->record(10);
  b->record(1000);
  b->record(20);
  a->merge(*b);
  CHECK(a->count() == 3);
  CHECK(a->max() == 1000);
  CHECK(a->percentile(34.0) == 20);
}
