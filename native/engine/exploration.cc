#include "engine/exploration.h"

#include <algorithm>
#include <cmath>

namespace fenqi::engine {

std::uint32_t approved_buckets(const Exploration& exploration, double probability) {
  const double expected_loss =
      probability * exploration.loss_given_default * static_cast<double>(exploration.amount_fen);
  double rate = exploration.rate;
  if (expected_loss > 0.0) {
    rate = std::min(rate, static_cast<double>(exploration.budget_fen) / expected_loss);
  }
  // 0.29 * 10000 is a little less than 2900.
  constexpr double kRounding = 1e-9;
  return static_cast<std::uint32_t>(std::floor(rate * kBuckets + kRounding));
}

}  // namespace fenqi::engine
