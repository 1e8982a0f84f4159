#include "models/probability.h"

#include <functional>

namespace fenqi::models {
namespace {

bool are_probabilities(const std::vector<double>& values) {
  return std::all_of(values.begin(), values.end(), [](double p) { return p >= 0.0 && p <= 1.0; });
}

}  // namespace

bool Calibration::is_valid() const {
  if (!std::isfinite(a) || !std::isfinite(b) || !std::isfinite(prior_shift)) return false;
  if (raw.size() != calibrated.size()) return false;
  if (!are_probabilities(raw) || !are_probabilities(calibrated)) return false;
  // Two points at one place would be a jump that belongs to neither side.
  const auto no_step = std::adjacent_find(raw.begin(), raw.end(), std::greater_equal<>());
  return no_step == raw.end() && std::is_sorted(calibrated.begin(), calibrated.end());
}

double Calibration::isotonic(double margin) const {
  const double p = models::probability(margin);
  const auto above =
      static_cast<std::size_t>(std::upper_bound(raw.begin(), raw.end(), p) - raw.begin());
  if (above == 0) return models::log_odds(calibrated.front());
  if (above == raw.size()) return models::log_odds(calibrated.back());
  const double share = (p - raw[above - 1]) / (raw[above] - raw[above - 1]);
  return models::log_odds(std::lerp(calibrated[above - 1], calibrated[above], share));
}

}  // namespace fenqi::models
