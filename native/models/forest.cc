#include "models/forest.h"

#include <algorithm>
#include <array>
#include <bit>

namespace fenqi::models {
namespace {

// 64 KiB: the keys of one row of the most columns, or of a block of narrower ones.
constexpr std::size_t kKeys = 16 * 1024;
static_assert(2 * Forest::kMostColumns + 1 <= kKeys);

// Rows whose keys are in the cache while a tree is descended.
constexpr std::size_t kMostRows = 64;

// Fewer rows than these gain nothing from descending a tree together.
constexpr std::size_t kFewRows = 4;

// The larger or smaller of score and weight, as onnxruntime has it with NaN: the weight where it
// compares so, else what was there.
float extreme(Aggregate aggregate, float score, float weight) {
  const bool replaces = aggregate == Aggregate::kMin ? weight < score : weight > score;
  return replaces ? weight : score;
}

// The scores of one row, one a target, while its leaves come in, in the order of the trees.
class Scores {
 public:
  explicit Scores(std::span<float> targets) : targets_(targets) {
    std::fill(targets_.begin(), targets_.end(), 0.0f);
  }

  void add(Aggregate aggregate, std::span<const LeafWeight> weights) {
    for (const LeafWeight& weight : weights) {
      float& score = targets_[weight.target];
      if (aggregate <= Aggregate::kAverage) {
        score += weight.value;
        continue;
      }
      std::uint64_t& word = has_score_[weight.target / 64];
      const std::uint64_t bit = std::uint64_t{1} << (weight.target % 64);
      score = (word & bit) != 0 ? extreme(aggregate, score, weight.value) : weight.value;
      word |= bit;
    }
  }

 private:
  std::span<float> targets_;
  std::array<std::uint64_t, Forest::kMostTargets / 64> has_score_{};
};

// Brings the only weights of `count` leaves into a score; `is_first` where none came before.
void add_weights(Aggregate aggregate, bool is_first, const std::uint32_t* payloads,
                 std::size_t count, float& score) {
  if (aggregate <= Aggregate::kAverage) {
    for (std::size_t i = 0; i < count; ++i) score += std::bit_cast<float>(payloads[i]);
    return;
  }
  if (is_first) score = std::bit_cast<float>(payloads[0]);
  for (std::size_t i = is_first ? 1 : 0; i < count; ++i) {
    score = extreme(aggregate, score, std::bit_cast<float>(payloads[i]));
  }
}

}  // namespace

void Forest::predict(std::span<const float> row, std::span<float> targets) const noexcept {
  if (mask_trees_) {
    targets[0] = mask_trees_->sum(row.data());
    finish(targets);
    return;
  }
  std::array<std::uint32_t, 2 * kMostColumns + 1> keys;
  std::array<std::uint32_t, ThresholdTrees::kBlock> payloads;
  threshold_trees_.write_keys(row.data(), keys.data());
  Scores scores(targets);
  const std::size_t trees = threshold_trees_.tree_count();
  for (std::size_t first = 0; first < trees; first += ThresholdTrees::kBlock) {
    const std::size_t count = std::min(ThresholdTrees::kBlock, trees - first);
    threshold_trees_.leaves(keys.data(), first / ThresholdTrees::kBlock, payloads.data());
    if (threshold_trees_.payload_is_weight()) {
      add_weights(aggregate_, first == 0, payloads.data(), count, targets[0]);
      continue;
    }
    for (std::size_t i = 0; i < count; ++i) scores.add(aggregate_, weights_of(payloads[i]));
  }
  finish(targets);
}

void Forest::predict_batch(const float* rows, std::size_t count, float* targets) const noexcept {
  const std::size_t slots = threshold_trees_.slot_count();
  const std::size_t most = std::min(kMostRows, kKeys / slots);
  if (mask_trees_ || count < kFewRows || most < kFewRows || !threshold_trees_.payload_is_weight()) {
    for (std::size_t i = 0; i < count; ++i) {
      predict({rows + i * column_count_, column_count_},
              {targets + i * target_count_, target_count_});
    }
    return;
  }
  for (std::size_t first = 0; first < count; first += most) {
    predict_rows(rows + first * column_count_, std::min(most, count - first), targets + first);
  }
}

// Tree by tree for all rows: the tree stays in the cache.
void Forest::predict_rows(const float* rows, std::size_t count, float* scores) const noexcept {
  std::array<std::uint32_t, kKeys> keys;
  std::array<std::uint32_t, kMostRows> payloads;
  const std::size_t slots = threshold_trees_.slot_count();
  for (std::size_t i = 0; i < count; ++i) {
    threshold_trees_.write_keys(rows + i * column_count_, keys.data() + i * slots);
    scores[i] = 0.0f;
  }
  for (std::size_t tree = 0; tree < threshold_trees_.tree_count(); ++tree) {
    threshold_trees_.leaves_of_rows(keys.data(), count, tree, payloads.data());
    for (std::size_t i = 0; i < count; ++i) {
      add_weights(aggregate_, tree == 0, &payloads[i], 1, scores[i]);
    }
  }
  for (std::size_t i = 0; i < count; ++i) finish({scores + i, 1});
}

std::span<const LeafWeight> Forest::weights_of(std::uint32_t leaf) const noexcept {
  const TreeNode& node = trees_.nodes[leaf];
  return weights().subspan(node.when_true, node.when_false);
}

// onnxruntime adds what is no base value, 0, to a single target, and to extremes, but not to sums
// of several targets: only the sign of a zero tells.
void Forest::finish(std::span<float> targets) const noexcept {
  const bool adds = targets.size() == 1 || aggregate_ >= Aggregate::kMin || !base_values_.empty();
  for (std::size_t i = 0; i < targets.size(); ++i) {
    if (aggregate_ == Aggregate::kAverage) targets[i] /= static_cast<float>(roots().size());
    if (adds) targets[i] += base_values_.empty() ? 0.0f : base_values_[i];
  }
}

}  // namespace fenqi::models
