// A forest of small trees in the form in which nothing descends: a byte for each tree says which of
// its eight leaves can still be reached.
//
// Four split values of one column make a quad; they cut its keys into five regions. For each region
// a row of the table has, a byte a tree, the leaves that the nodes with these split values leave
// over. ANDing the rows of the regions that an applicant falls into, one row a quad, leaves each
// tree with one leaf. After QuickScorer (Lucchese et al., "QuickScorer: a fast algorithm to rank
// documents with additive ensembles of regression trees", SIGIR 2015), which ANDs a mask for each
// node that says no; here four nodes and more cost one row for 64 trees, and nothing branches on
// data.
//
// The table grows with nodes times trees: large forests descend (threshold_trees.h).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/tree.h"

namespace fenqi::models {

class MaskTrees {
 public:
  // The form of `trees`, which must be sound and have one weight a leaf. Nothing where a tree has
  // more than eight leaves or compares for equality, or the table would leave no room for others in
  // a core's cache.
  static std::optional<MaskTrees> build(const Trees& trees);

  // The sum, in float32 and in the order of the trees, of the weights that a row reaches.
  float sum(const float* row) const noexcept;

 private:
  static constexpr std::size_t kLeaves = 8;
  // Bytes that are ANDed in registers: as many trees.
  static constexpr std::size_t kBlockBytes = 64;
  static constexpr std::size_t kBlockWords = kBlockBytes / 8;
  static constexpr std::size_t kQuad = 4;
  static constexpr std::size_t kMostSlots = 256;
  static constexpr std::size_t kMostQuads = 1024;
  static constexpr std::size_t kMostTableBytes = 256 * 1024;

  struct Slot {
    std::uint32_t column = 0;
    std::int32_t key_of_nan = 0;
  };

  MaskTrees() = default;
  bool add_quads(const Trees& trees);
  void add_tree(const Trees& trees, std::size_t tree);
  void clear_leaves(const TreeNode& node, const Trees& trees, std::size_t tree,
                    std::uint8_t leaves_if_true, std::uint8_t leaves_if_false);

  std::size_t tree_count_ = 0;
  std::size_t blocks_ = 0;
  // Columns that are asked, once for each key that NaN is to have there.
  std::vector<Slot> slots_;
  // The slot of each quad.
  std::vector<std::uint32_t> slot_of_quad_;
  // kQuad a quad, ascending; the last quad of a slot is filled up.
  std::vector<std::int32_t> boundaries_;
  // kQuad + 1 rows a quad, each of blocks_ * kBlockWords words.
  std::vector<std::uint64_t> table_;
  // kLeaves a tree.
  std::vector<float> weights_;
};

}  // namespace fenqi::models
