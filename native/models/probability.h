// From a model's margin to a probability of default and a score.
#pragma once

#include <algorithm>
#include <cmath>

namespace fenqi::models {

// Log-odds of default from a margin f. Platt (1999): p = 1 / (1 + exp(a f + b)), so the log-odds
// are -(a f + b). The identity is a = -1, b = 0.
struct Calibration {
  double a = -1.0;
  double b = 0.0;

  double log_odds(double margin) const { return -(a * margin + b); }
};

// score = offset - factor ln(p / (1 - p)): odds good : bad, higher is better (Siddiqi, Credit Risk
// Scorecards; factor = points to double the odds / ln 2).
struct ScoreScale {
  double offset = 0.0;
  double factor = 1.0;

  double score(double log_odds_of_default) const { return offset - factor * log_odds_of_default; }
};

inline double probability(double log_odds) {
  return 1.0 / (1.0 + std::exp(-log_odds));
}

// Certainty becomes near certainty: an answer holds no infinite score.
inline double log_odds(double probability) {
  constexpr double kNearest = 1e-15;
  const double p = std::clamp(probability, kNearest, 1.0 - kNearest);
  return std::log(p / (1.0 - p));
}

}  // namespace fenqi::models
