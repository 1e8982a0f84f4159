// Where a model's run leaves the margin.
#pragma once

#include <cstdint>

#include "models/model.h"
#include "models/probability.h"

namespace fenqi::models {

// A column of output 0: the log-odds of default, or the probability of default.
struct Margin {
  std::uint32_t column = 0;
  bool is_probability = false;

  // Log-odds of default, before calibration. Not finite where the model gave no number.
  double of(const ModelRun& run) const {
    const double raw = run.output(0, column);
    return is_probability ? log_odds(raw) : raw;
  }
};

}  // namespace fenqi::models
