// What each column of any model's inputs adds to the margin, estimated: interventional Shapley
// values by sampled permutations (Castro, Gomez and Tejada 2009; in pairs of a permutation and its
// reverse, Mitchell et al. 2022, "Sampling Permutations for Shapley Value Estimation").
//
// In each permutation an applicant of the reference turns into the one who is explained, column by
// column; what the margin gains in a step is put down to the step's column. The permutations, and
// who begins each, are fixed when it is built, so that the same applicant gets the same parts, and
// their number says what an explanation costs: count x (columns - 1) runs of the model. Where
// columns do not interact the parts are exact.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "models/margin.h"
#include "models/model.h"
#include "models/reference_rows.h"

namespace fenqi::models {

class PermutationExplanation {
 public:
  static constexpr std::uint32_t kMostPermutations = 10000;

  // Runs the model on the applicants who begin a permutation. Fails with FAILED_PRECONDITION where
  // it gives them no margin, or `count` is 0 or too large.
  static Result<PermutationExplanation> build(const std::shared_ptr<const Model>& model,
                                              const Margin& margin, ReferenceRows reference,
                                              std::uint32_t count);

  // A thread's memory: the applicant's inputs while the run holds others.
  struct Scratch {
    explicit Scratch(const Model& model);
    struct Value {
      double number = 0.0;
      std::int64_t whole = 0;
      std::string text;
    };
    std::vector<Value> applicant;
  };

  // Sets parts[i] to what column i, counted over all inputs, adds to `margin`, which `run` has just
  // given. It ends with the applicant's inputs in place, and its outputs those of somebody else.
  Status explain(ModelRun& run, double margin, Scratch& scratch, std::span<double> parts) const;

  // Mean margin of those who begin: it and the parts add up to the applicant's margin.
  double base() const { return base_; }
  std::size_t columns() const { return columns_.size(); }

 private:
  PermutationExplanation() = default;

  struct Column {
    std::size_t input = 0;
    std::size_t place = 0;
    ElementType type = ElementType::kFloat;
  };
  static std::vector<Column> columns_of(const Model& model);
  void save(ModelRun& run, Scratch& scratch) const;
  void put(std::size_t column, const Scratch& scratch, ModelRun& run) const;

  Margin margin_;
  ReferenceRows reference_;
  std::vector<Column> columns_;
  struct Permutation {
    std::vector<std::uint32_t> order;  // of columns
    std::size_t row = 0;               // of the reference
    double margin = 0.0;               // that row's
  };
  std::vector<Permutation> permutations_;
  double base_ = 0.0;
};

}  // namespace fenqi::models
