// From a model's margin to a probability of default and a score.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fenqi::models {

inline double probability(double log_odds) {
  return 1.0 / (1.0 + std::exp(-log_odds));
}

// Certainty becomes near certainty: an answer holds no infinite score.
inline double log_odds(double probability) {
  constexpr double kNearest = 1e-15;
  const double p = std::clamp(probability, kNearest, 1.0 - kNearest);
  return std::log(p / (1.0 - p));
}

// From a margin f to calibrated log-odds of default.
struct Calibration {
  // Platt (1999): p = 1 / (1 + exp(a f + b)), so the log-odds are -(a f + b). The identity is a =
  // -1, b = 0.
  double a = -1.0;
  double b = 0.0;
  // Isotonic, instead of it: p = calibrated[i] where 1 / (1 + exp(-f)) = raw[i], linear between two
  // of them and constant outside, as scikit-learn's IsotonicRegression has it.
  std::vector<double> raw;
  std::vector<double> calibrated;
  // The default rate is another one than in training: logit p' = logit p + prior_shift.
  double prior_shift = 0.0;

  // Whether all numbers are finite, and the points ascend within 0 .. 1.
  bool is_valid() const;

  double log_odds(double margin) const {
    const double of_margin = raw.empty() ? -(a * margin + b) : isotonic(margin);
    return of_margin + prior_shift;
  }

 private:
  double isotonic(double margin) const;
};

// score = offset - factor ln(p / (1 - p)): odds good : bad, higher is better (Siddiqi, Credit Risk
// Scorecards; factor = points to double the odds / ln 2).
struct ScoreScale {
  double offset = 0.0;
  double factor = 1.0;

  double score(double log_odds_of_default) const { return offset - factor * log_odds_of_default; }
};

}  // namespace fenqi::models
