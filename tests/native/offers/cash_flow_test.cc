#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/cash_flow.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

using namespace fenqi::offers;

TEST_CASE("a rate comes back from the flows that it made") {
  std::mt19937_64 random(1);
  std::uniform_real_distribution<double> unit(0.0, 1.0);
  for (int i = 0; i < 5000; ++i) {
    const double u = std::pow(unit(random), 4) * 60.0 - 0.5;
    const std::size_t count = 1 + random() % 60;
    std::vector<Flow> flows{{0.0, 0.0, 0.0}};
    double t = 0.0;
    for (std::size_t k = 0; k < count; ++k) {
      t += unit(random) * 0.5 + 1e-3;
      flows.push_back({t, 0.0, -std::exp(10.0 * unit(random))});
      flows[0].amount += -flows.back().amount * std::exp(-u * t);
    }
    const InternalRate found = internal_rate(flows);
    REQUIRE(found.solutions == Solutions::kUnique);
    REQUIRE(found.log_growth == doctest::Approx(u).epsilon(1e-9));
  }
}

TEST_CASE("a periodic rate is found from the smallest payment to the largest") {
  std::mt19937_64 random(2);
  for (int i = 0; i < 5000; ++i) {
    std::vector<double> payments(1 + random() % 600);
    for (double& payment : payments) {
      payment = random() % 3 == 0 ? 0.0 : static_cast<double>(random() >> (random() % 63));
    }
    payments[random() % payments.size()] += 1.0;
    const auto received = 1.0 + static_cast<double>(random() >> (random() % 63));
    const double rate = periodic_rate(received, payments);
    REQUIRE(std::isfinite(rate));
    REQUIRE(rate >= -1.0);
    // So near to -1 a rate says little of the growth, of which it shows the last digits only.
    if (rate < -0.999999) continue;
    // The last digits of the rate decide on which side of zero the flow is worth.
    const auto worth = [&](double v) {
      double value = 0.0;
      for (std::size_t k = payments.size(); k-- > 0;) value = (value + payments[k]) * v;
      return value - received;
    };
    const double v = 1.0 / (1.0 + rate);
    REQUIRE(worth(v * (1.0 - 1e-9)) <= 0.0);
    REQUIRE(worth(v * (1.0 + 1e-9)) >= 0.0);
    for (const double near : {rate, 0.0, 0.5, 1e6, -0.9}) {
      REQUIRE(periodic_rate(received, payments, near) == doctest::Approx(rate).epsilon(1e-9));
    }
  }
}

TEST_CASE("odd parts of a period are discounted linearly") {
  // 1,080 after 2/3 of a year: 1000 (1 + 2/3 i).
  std::vector<Flow> flows{{0.0, 0.0, 1000.0}, {0.0, 2.0 / 3.0, -1080.0}};
  CHECK(internal_rate(flows).rate() == doctest::Approx(0.12).epsilon(1e-12));
}

TEST_CASE("flows without a rate, and rates out of range, have their own answers") {
  const auto answer = [](std::vector<Flow> flows) { return internal_rate(flows).solutions; };
  CHECK(answer({}) == Solutions::kNoChange);
  CHECK(answer({{0, 0, 1}, {1, 0, 1}}) == Solutions::kNoChange);
  CHECK(answer({{0, 0, 1}, {0, 0, -2}}) == Solutions::kNoChange);
  CHECK(answer({{0, 0, 1}, {1, 0, -2}, {1, 0, 2}}) == Solutions::kNoChange);
  // e^800 in a year, and a growth of 2^-60.
  CHECK(answer({{0, 0, 1}, {1.0 / 365, 0, -std::exp(800.0 / 365)}}) == Solutions::kNone);
  CHECK(answer({{0, 0, 0x1p60}, {1, 0, -1}}) == Solutions::kUnique);
  CHECK(answer({{0, 0, 1e300}, {1, 0, -1e-10}}) == Solutions::kNone);
  CHECK(answer({{0, 0, -1}, {1, 0, 1.5}, {2, 0, -1}}) == Solutions::kNone);
}

TEST_CASE("extremes end with a defined answer") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 2000; ++i) {
    std::vector<Flow> flows(2 + random() % 10);
    for (Flow& flow : flows) {
      const double size = std::exp(static_cast<double>(random() % 200) - 100.0);
      flow = {static_cast<double>(random() % 100'000) / 365.0, 0.0,
              random() % 2 == 0 ? size : -size};
    }
    const InternalRate found = internal_rate(flows);
    REQUIRE(std::isfinite(found.rate()));
    REQUIRE(found.ok() == (found.count > 0));
  }
}
