#include "offers/capital.h"

#include <algorithm>
#include <cmath>

namespace fenqi::offers {

double normal_cdf(double x) {
  return 0.5 * std::erfc(-x / std::sqrt(2.0));
}

double normal_quantile(double p) {
  if (p > 0.5) return -normal_quantile(1.0 - p);
  // The tail N(x) ~ exp(-x^2 / 2) gives a start; Halley's steps on ln N, which is concave, end near
  // the last digit. Abramowitz and Stegun, 26.2.22 for the start.
  const double t = std::sqrt(-2.0 * std::log(p));
  double x = (2.30753 + 0.27061 * t) / (1.0 + 0.99229 * t + 0.04481 * t * t) - t;
  for (int step = 0; step < 4; ++step) {
    const double density = std::exp(-0.5 * x * x) / std::sqrt(2.0 * M_PI);
    const double error = (normal_cdf(x) - p) / density;
    x -= error / (1.0 + 0.5 * x * error);
  }
  return x;
}

double other_retail_capital(double pd, double lgd) {
  if (!(pd > 0.0) || !(pd < 1.0)) return 0.0;
  static const double at_confidence = normal_quantile(0.999);
  const double weight = std::expm1(-35.0 * pd) / std::expm1(-35.0);
  const double correlation = 0.03 * weight + 0.16 * (1.0 - weight);
  const double stressed =
      normal_cdf((normal_quantile(pd) + std::sqrt(correlation) * at_confidence) /
                 std::sqrt(1.0 - correlation));
  return std::max(0.0, lgd * (stressed - pd));
}

}  // namespace fenqi::offers
