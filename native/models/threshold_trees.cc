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
  const std::size_t columns = column_count_;
  for (std::size_t i = 0; i < columns; ++i) keys[i] = is_nan(row[i]) ? kHighNan : key_of(row[i]);
  if (has_low_slots_) {
    std::uint32_t* const low = keys + columns;
    for (std::size_t i = 0; i < columns; ++i) low[i] = keys[i] == kHighNan ? kLowNan : keys[i];
  }
  keys[slot_count() - 1] = 0;
}

template <typename Number>
void ThresholdTrees::block_leaves(const std::vector<Step<Number>>& steps, const std::uint32_t* keys,
                                  std::size_t block, std::uint32_t* payloads) const noexcept {
  constexpr std::size_t kGroups = kBlock / kLanes;
  const std::size_t end = std::min(groups_.size(), (block + 1) * kGroups);
  std::array<const std::uint32_t*, kLanes> row;
  row.fill(keys);
  for (std::size_t i = block * kGroups; i < end; ++i) {
    const Group& group = groups_[i];
    std::array<std::size_t, kLanes> at;
    std::copy(group.roots.begin(), group.roots.end(), at.begin());
    descend<kLanes>(steps.data(), row, at, group.least, group.most);
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      payloads[group.places[lane]] = steps[at[lane]].key;
    }
  }
}

template <typename Number>
void ThresholdTrees::row_leaves(const std::vector<Step<Number>>& steps, const std::uint32_t* keys,
                                std::size_t count, std::size_t tree,
                                std::uint32_t* payloads) const noexcept {
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
