// What each column adds to a margin in which no two columns interact, as of linear models: the
// weighted sum of cells of the native model that rest on the column alone, against its mean over
// the reference. That is the Shapley value, exactly (Lundberg and Lee 2017, corollary 1), and of a
// scorecard the points lost, in log-odds.
//
// A run of the model has worked the cells out already: an explanation reads them.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "models/model.h"
#include "models/reference_rows.h"

namespace fenqi::models {

class AdditiveExplanation {
 public:
  // One summand of the margin.
  struct Term {
    Bank bank = Bank::kNone;
    std::uint32_t cell = 0;
    double weight = 0.0;
    std::uint32_t column = 0;  // counted over all inputs
  };

  // Runs the model on the reference. Fails with FAILED_PRECONDITION where there is no term, or one
  // is no number of a native model or belongs to no column.
  static Result<AdditiveExplanation> build(const std::shared_ptr<const Model>& model,
                                           const ReferenceRows& reference, double constant,
                                           std::vector<Term> terms);

  // Sets parts[i] to what column i adds to the margin of the last run. No heap; linear in terms.
  void explain(const ModelRun& run, std::span<double> parts) const noexcept;

  // Mean margin of the reference: it and the parts add up to the margin.
  double base() const { return base_; }

 private:
  AdditiveExplanation() = default;
  void add_up(const ModelRun& run, std::span<double> parts) const noexcept;

  std::vector<Term> terms_;
  std::vector<double> means_;  // of each column's sum, over the reference
  double base_ = 0.0;
};

}  // namespace fenqi::models
