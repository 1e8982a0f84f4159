#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "models/probability.h"

#include <doctest/doctest.h>

#include <limits>

using namespace fenqi::models;

namespace {

Calibration isotonic(std::vector<double> raw, std::vector<double> calibrated) {
  Calibration calibration;
  calibration.raw = std::move(raw);
  calibration.calibrated = std::move(calibrated);
  return calibration;
}

double calibrated(const Calibration& calibration, double raw) {
  return probability(calibration.log_odds(log_odds(raw)));
}

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("without calibration a margin is log-odds") {
  CHECK(Calibration().log_odds(-1.25) == -1.25);
}

TEST_CASE("Platt's probability is 1 / (1 + exp(a f + b))") {
  Calibration platt;
  platt.a = -0.9;
  platt.b = 0.3;
  CHECK(probability(platt.log_odds(1.7)) == doctest::Approx(1 / (1 + std::exp(-0.9 * 1.7 + 0.3))));
}

TEST_CASE("isotonic is linear between two points and constant outside") {
  const Calibration calibration = isotonic({0.2, 0.4, 0.8}, {0.1, 0.3, 0.3});
  CHECK(calibrated(calibration, 0.2) == doctest::Approx(0.1));
  CHECK(calibrated(calibration, 0.25) == doctest::Approx(0.15));
  CHECK(calibrated(calibration, 0.5) == doctest::Approx(0.3));
  CHECK(calibrated(calibration, 0.01) == doctest::Approx(0.1));
  CHECK(calibrated(calibration, 0.99) == doctest::Approx(0.3));
}

TEST_CASE("a certain outcome of isotonic calibration becomes a nearly certain one") {
  const Calibration calibration = isotonic({0.3, 0.6}, {0.0, 1.0});
  for (const double margin : {-kInfinity, -1e300, -50.0, 50.0, 1e300, kInfinity}) {
    const double p = probability(calibration.log_odds(margin));
    CHECK(p > 0.0);
    CHECK(p < 1.0);
    CHECK(std::isfinite(calibration.log_odds(margin)));
  }
}

TEST_CASE("a prior shift moves the log-odds, after any calibration") {
  // From 22 % to 5 % (Elkan 2001): p' = p s / (p s + (1 - p) t), s and t the ratios of the rates.
  Calibration calibration = isotonic({0.2, 0.8}, {0.2, 0.8});
  calibration.prior_shift = log_odds(0.05) - log_odds(0.22);
  const double s = 0.05 / 0.22, t = 0.95 / 0.78;
  for (const double p : {0.2, 0.5, 0.7}) {
    CHECK(calibrated(calibration, p) == doctest::Approx(p * s / (p * s + (1 - p) * t)));
  }
}

TEST_CASE("curves that do not ascend, and numbers that are none, are not valid") {
  CHECK(Calibration().is_valid());
  CHECK(isotonic({0.2, 0.4}, {0.1, 0.1}).is_valid());
  CHECK(!isotonic({0.2, 0.4}, {0.2, 0.1}).is_valid());
  CHECK(!isotonic({0.4, 0.4}, {0.1, 0.2}).is_valid());
  CHECK(!isotonic({0.2, 1.5}, {0.1, 0.2}).is_valid());
  CHECK(!isotonic({0.2, 0.4}, {0.1}).is_valid());
  CHECK(!isotonic({0.2, std::nan("")}, {0.1, 0.2}).is_valid());
  Calibration endless;
  endless.prior_shift = kInfinity;
  CHECK(!endless.is_valid());
}
