#include "models/threshold_trees.h"

#include <algorithm>

#include "models/float_key.h"

namespace fenqi::models {
namespace {

// Moves kLanes descents on together: lane l is at `at[l]` of `steps` and reads `keys[l]`. No lane
// is at a leaf before `least` steps, and every one is after `most`.
template <std::size_t kLanes, typename Number>
inline void descend(const Step<Number>* steps, const std::array<const std::uint32_t*, kLanes>& keys,
                    std::array<std::size_t, kLanes>& at, std::uint32_t least, std::uint32_t most) {
  const auto advance = [&](std::size_t lane) {
    const Step<Number>& step = steps[at[lane]];
    at[lane] += step.stride + static_cast<std::size_t>(step.key < keys[lane][step.slot]);
  };
  std::uint32_t taken = 0;
  for (; taken < least; ++taken) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) advance(lane);
  }
  while (taken < most) {
    std::size_t moved = 0;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const std::size_t before = at[lane];
      advance(lane);
      moved |= before ^ at[lane];
    }
    if (moved == 0) return;
    ++taken;
  }
}

}  // namespace

void ThresholdTrees::write_keys(const float* row, std::uint32_t* keys) const noexcept {
  for (std::size_t i = 0; i < column_count_; ++i) {
    keys[i] = row[i] != row[i] ? kHighNan : key_of(row[i]);
  }
  if (has_low_slots_) {
    for (std::size_t i = 0; i < column_count_; ++i) {
      keys[column_count_ + i] = row[i] != row[i] ? kLowNan : key_of(row[i]);
    }
  }
  keys[slot_count() - 1] = 0;
}

template <typename Number>
void ThresholdTrees::block_leaves(const std::vector<Step<Number>>& steps, const std::uint32_t* keys,
                                  std::size_t block, std::uint32_t* payloads) const noexcept {
  constexpr std::size_t kLanes = 8;
  const std::size_t first = block * kBlock;
  const std::size_t count = std::min(kBlock, descents_.size() - first);
  const std::uint8_t* order = by_depth_.data() + first;
  std::array<const std::uint32_t*, kLanes> row;
  row.fill(keys);
  for (std::size_t i = 0; i < count; i += kLanes) {
    // A last group that is short repeats its last tree.
    std::array<std::size_t, kLanes> at;
    std::uint32_t least = descents_[first + order[i]].least;
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const Descent& descent = descents_[first + order[std::min(i + lane, count - 1)]];
      at[lane] = descent.root;
      least = std::min(least, descent.least);
    }
    const std::uint32_t most = descents_[first + order[std::min(i + kLanes, count) - 1]].most;
    descend<kLanes>(steps.data(), row, at, least, most);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      payloads[order[std::min(i + lane, count - 1)]] = steps[at[lane]].key;
    }
  }
}

template <typename Number>
void ThresholdTrees::row_leaves(const std::vector<Step<Number>>& steps, const std::uint32_t* keys,
                                std::size_t count, std::size_t tree,
                                std::uint32_t* payloads) const noexcept {
  constexpr std::size_t kLanes = 8;
  const Descent& descent = descents_[tree];
  for (std::size_t i = 0; i < count; i += kLanes) {
    std::array<const std::uint32_t*, kLanes> rows;
    std::array<std::size_t, kLanes> at;
    at.fill(descent.root);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      rows[lane] = keys + std::min(i + lane, count - 1) * slot_count();
    }
    descend<kLanes>(steps.data(), rows, at, descent.least, descent.most);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      payloads[std::min(i + lane, count - 1)] = steps[at[lane]].key;
    }
  }
}

void ThresholdTrees::leaves(const std::uint32_t* keys, std::size_t block,
                            std::uint32_t* payloads) const noexcept {
  if (wide_steps_.empty()) {
    block_leaves(steps_, keys, block, payloads);
  } else {
    block_leaves(wide_steps_, keys, block, payloads);
  }
}

void ThresholdTrees::leaves_of_rows(const std::uint32_t* keys, std::size_t count, std::size_t tree,
                                    std::uint32_t* payloads) const noexcept {
  if (wide_steps_.empty()) {
    row_leaves(steps_, keys, count, tree, payloads);
  } else {
    row_leaves(wide_steps_, keys, count, tree, payloads);
  }
}

}  // namespace fenqi::models
