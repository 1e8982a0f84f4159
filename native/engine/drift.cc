#include "engine/drift.h"

#include <math.h>

#include <cmath>
#include <numeric>

namespace fenqi::engine {
namespace {

// std::lgamma writes a variable of the whole program.
double log_gamma(double a) {
  int sign = 0;
  return ::lgamma_r(a, &sign);
}

// The lower regularised incomplete gamma function P(a, x), by its power series
// x^a e^-x / Gamma(a) * sum x^n / (a (a+1) .. (a+n)) (DLMF 8.11.4), which converges for every x.
double lower_gamma(double a, double x) {
  double term = 1.0 / a;
  double sum = term;
  for (double n = 1.0; term > sum * 1e-16; ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * std::exp(a * std::log(x) - x - log_gamma(a));
}

}  // namespace

double chi_square_95(std::uint32_t degrees) {
  // P(k/2, x/2) = 0.95, which grows with x. Ten standard deviations above the mean hold it.
  double low = 0.0;
  double high = degrees + 10.0 * std::sqrt(2.0 * degrees);
  for (int i = 0; i < 60; ++i) {
    const double middle = (low + high) / 2.0;
    (lower_gamma(degrees / 2.0, middle / 2.0) < 0.95 ? low : high) = middle;
  }
  return high;
}

Drift drift(std::span<const std::uint64_t> counts, std::span<const std::uint64_t> reference) {
  Drift result;
  result.requests = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
  const auto expected = std::accumulate(reference.begin(), reference.end(), std::uint64_t{0});
  if (counts.size() < 2 || result.requests == 0 || expected == 0) return result;
  const auto half = [&](std::size_t i) { return counts[i] == 0 || reference[i] == 0 ? 0.5 : 0.0; };
  double n = static_cast<double>(result.requests);
  double m = static_cast<double>(expected);
  result.noise_bound =
      chi_square_95(static_cast<std::uint32_t>(counts.size() - 1)) * (1.0 / n + 1.0 / m);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    n += half(i);
    m += half(i);
  }
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double a = (static_cast<double>(counts[i]) + half(i)) / n;
    const double e = (static_cast<double>(reference[i]) + half(i)) / m;
    result.psi += (a - e) * std::log(a / e);
  }
  return result;
}

}  // namespace fenqi::engine
