// Trees over one row of float32 columns: TreeEnsemble of ai.onnx.ml, without onnxruntime.
//
// A Forest is immutable and shared by all threads. It gives the bits that onnxruntime 1.32 gives:
// questions are asked of float32 values as they are, leaves are added in float32 in the order of
// the trees, base values after them, for one row and for many alike.
//
//   auto forest = Forest::load(bytes);                   // a serialized Forest message
//   float margin;
//   forest.value().predict(row, {&margin, 1});
//
// The parsed trees stay readable (nodes(), roots(), weights()), for whoever explains a prediction.
// What runs are other forms of them: mask_trees.h for small trees, threshold_trees.h for all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "models/mask_trees.h"
#include "models/threshold_trees.h"
#include "models/tree.h"

namespace fenqi::models {

class Forest {
 public:
  // More columns or targets would not fit the stack of a request.
  static constexpr std::uint32_t kMostColumns = 4096;
  static constexpr std::uint32_t kMostTargets = 1024;
  static constexpr std::uint32_t kMostNodes = 1u << 24;

  // Reads a serialized fenqi.internal.v1.Forest and trusts nothing of it. Fails with
  // FAILED_PRECONDITION, saying which node is wrong. Linear in nodes and in members of sets.
  static Result<Forest> load(std::span<const std::uint8_t> bytes);

  std::uint32_t column_count() const { return column_count_; }
  std::uint32_t target_count() const { return target_count_; }

  // `row` has column_count() values, NaN where one is missing; `targets` gets target_count().
  // Takes nothing from the heap; up to 64 KiB of stack.
  void predict(std::span<const float> row, std::span<float> targets) const noexcept;

  // The same bits for each of `count` rows, which stand one after another, as their targets do.
  // A row costs less than in predict() from some eight rows on.
  void predict_batch(const float* rows, std::size_t count, float* targets) const noexcept;

  // Nodes of all trees; a tree's stand together, its root first, every child after its parent.
  std::span<const TreeNode> nodes() const { return trees_.nodes; }
  // The root of each tree, ascending.
  std::span<const std::uint32_t> roots() const { return trees_.roots; }
  // What the leaves say: leaf `node` has weights()[node.when_true, node.when_true +
  // node.when_false).
  std::span<const LeafWeight> weights() const { return trees_.weights; }
  // The values of set `set`, ascending.
  std::span<const float> member_set(std::uint32_t set) const { return trees_.member_sets[set]; }
  // One a target, or empty.
  std::span<const float> base_values() const { return base_values_; }
  Aggregate aggregate() const { return aggregate_; }

 private:
  friend class ForestParser;
  Forest() = default;

  std::span<const LeafWeight> weights_of(std::uint32_t leaf) const noexcept;
  void predict_rows(const float* rows, std::size_t count, float* scores) const noexcept;
  void finish(std::span<float> targets) const noexcept;

  std::uint32_t column_count_ = 0;
  std::uint32_t target_count_ = 0;
  Aggregate aggregate_ = Aggregate::kSum;
  std::vector<float> base_values_;
  Trees trees_;
  // What runs: the masks where the forest has a form in them, else the thresholds.
  std::optional<MaskTrees> mask_trees_;
  ThresholdTrees threshold_trees_;
};

}  // namespace fenqi::models
