// What each column of a model's inputs adds to the margin, against a reference: by TreeExplanation
// where a forest of a native model gives the margin, by AdditiveExplanation where no two columns
// interact in it, else by PermutationExplanation.
//
// Explanation is what was loaded: immutable, shared by all threads. ExplanationRun is one thread's
// memory for it.
//
//   auto explanation = Explanation::load(bytes, model, margin);
//   ExplanationRun explaining(explanation.value());
//   ... run.run() ...
//   Status status = explaining.explain(run, margin.of(run), parts);
//   // base_margin() and the parts add up to the margin.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "base/result.h"
#include "models/additive_explanation.h"
#include "models/margin.h"
#include "models/model.h"
#include "models/permutation_explanation.h"
#include "models/tree_explanation.h"

namespace fenqi::models {

class Explanation {
 public:
  // Reads a serialized fenqi.internal.v1.Explanation of `model`, whose run gives `margin`, and runs
  // the model on the reference. Fails with FAILED_PRECONDITION where it does not fit the model, or
  // does not add up on the reference itself.
  static Result<std::shared_ptr<const Explanation>> load(std::span<const std::uint8_t> bytes,
                                                         std::shared_ptr<const Model> model,
                                                         const Margin& margin);

  // Mean margin of the reference; of permutations, of those who begin one.
  double base_margin() const { return base_margin_; }
  // One part a column of the model's inputs, in order.
  std::size_t part_count() const { return part_count_; }

 private:
  friend class ExplanationRun;
  friend class ExplanationLoader;
  struct OfForest {
    std::size_t forest = 0;
    TreeExplanation trees;
  };
  using By = std::variant<OfForest, PermutationExplanation, AdditiveExplanation>;
  Explanation(std::shared_ptr<const Model> model, By by)
      : model_(std::move(model)), by_(std::move(by)) {}

  std::shared_ptr<const Model> model_;
  By by_;
  double base_margin_ = 0.0;
  std::size_t part_count_ = 0;
};

// Not safe to share.
class ExplanationRun {
 public:
  explicit ExplanationRun(std::shared_ptr<const Explanation> explanation);

  // Sets the parts, one a column. `run` has just given `margin`; its outputs may be somebody else's
  // afterwards. Takes nothing from the heap beyond what runs of the model take. Fails only as a run
  // does.
  Status explain(ModelRun& run, double margin, std::span<double> parts);

 private:
  std::shared_ptr<const Explanation> explanation_;
  // An additive explanation needs none.
  std::variant<std::monostate, TreeExplanation::Scratch, PermutationExplanation::Scratch> scratch_;
};

}  // namespace fenqi::models
