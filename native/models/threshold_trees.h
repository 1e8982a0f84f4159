// Trees in the form in which they are descended: every question is "is the key of slot s greater
// than k?", every answer a step forward in one list, and a leaf stays where it is.
//
// A key is a float32 as an unsigned integer of the same order, so that a row becomes keys once and
// a question is one comparison of integers. Each column has two slots: in the high one NaN is
// greater than everything, in the low one less; a question reads the slot in which NaN gives the
// node's own answer. All seven branch modes become such questions, a set of values a search tree of
// them.
//
// Since nothing branches on data, several trees, or several rows, descend at once, and the
// processor works on one while another waits for memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "models/tree.h"

namespace fenqi::models {

// One step: i becomes i + stride, or one more where the key of `slot` is greater than `key`. Of a
// leaf, `key` is its payload, the stride is 0 and the slot one whose key is 0.
template <typename Number>
struct Step {
  std::uint32_t key = 0;
  Number slot = 0;
  Number stride = 0;
};

class ThresholdTrees {
 public:
  // Trees that are descended together; leaves() writes one block's at a time.
  static constexpr std::size_t kBlock = 256;

  // The form of `trees`, which must be sound (Forest::load). Fails with FAILED_PRECONDITION where
  // member sets make it too large.
  static Result<ThresholdTrees> build(const Trees& trees, std::uint32_t column_count,
                                      bool has_one_target);

  std::size_t tree_count() const { return descents_.size(); }
  // Keys of one row.
  std::size_t slot_count() const {
    return has_low_slots_ ? 2 * column_count_ + 1 : column_count_ + 1;
  }
  // Whether a payload is the leaf's only weight, as bits, or the leaf's index in Trees::nodes.
  bool payload_is_weight() const { return payload_is_weight_; }

  // Writes the slot_count() keys of a row.
  void write_keys(const float* row, std::uint32_t* keys) const noexcept;

  // The payloads of the leaves that one row reaches in trees [block * kBlock, + kBlock), in the
  // order of the trees.
  void leaves(const std::uint32_t* keys, std::size_t block, std::uint32_t* payloads) const noexcept;

  // The payloads of the leaves that `count` rows reach in one tree. Row i has its keys at
  // keys + i * slot_count().
  void leaves_of_rows(const std::uint32_t* keys, std::size_t count, std::size_t tree,
                      std::uint32_t* payloads) const noexcept;

 private:
  friend class ThresholdTreeBuilder;

  // Trees, or rows, that descend side by side: enough to hide the latency of a step, few enough for
  // the registers of a processor.
  static constexpr std::size_t kLanes = 8;

  // One tree: where it begins in the list of steps, and how many steps it takes at least and at
  // most to a leaf.
  struct Descent {
    std::uint32_t root = 0;
    std::uint32_t least = 0;
    std::uint32_t most = 0;
  };

  // Trees of one block that descend together, and their places in it. A group that is short of
  // trees has its last one several times.
  struct Group {
    std::array<std::uint32_t, kLanes> roots{};
    std::array<std::uint8_t, kLanes> places{};
    std::uint32_t least = 0;
    std::uint32_t most = 0;
  };

  template <typename Number>
  void block_leaves(const std::vector<Step<Number>>& steps, const std::uint32_t* keys,
                    std::size_t block, std::uint32_t* payloads) const noexcept;
  template <typename Number>
  void row_leaves(const std::vector<Step<Number>>& steps, const std::uint32_t* keys,
                  std::size_t count, std::size_t tree, std::uint32_t* payloads) const noexcept;

  std::uint32_t column_count_ = 0;
  bool has_low_slots_ = false;
  bool payload_is_weight_ = false;
  // One of the two is used: the wide one where a stride needs more than 16 bits.
  std::vector<Step<std::uint16_t>> steps_;
  std::vector<Step<std::uint32_t>> wide_steps_;
  std::vector<Descent> descents_;
  // A block's trees by depth, so that those that descend together arrive together.
  std::vector<Group> groups_;
};

}  // namespace fenqi::models
