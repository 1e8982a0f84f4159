// A forest of small trees in the form in which nothing descends: a byte for each tree says which of
// its eight leaves can still be reached.
//
// Questions are asked four at once, and their answers are one of sixteen rows of a table. A row
// has, a byte a tree, the leaves that these four answers leave over. ANDing the rows leaves each
// tree with one leaf. After QuickScorer (Lucchese et al., "QuickScorer: a fast algorithm to rank
// documents with additive ensembles of regression trees", SIGIR 2015), which ANDs a mask for each
// node that says no; here nodes that ask the same are asked once, four of them cost one row for 64
// trees, and nothing branches on data.
//
// The table grows with nodes times trees: large forests descend (threshold_trees.h).
#pragma once

#include <compare>
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
  static constexpr std::size_t kBlockVectors = kBlockBytes / 16;
  // Questions that are asked at once, and how they may be answered.
  static constexpr std::size_t kQuad = 4;
  static constexpr std::size_t kAnswers = 16;
  static constexpr std::size_t kMostQuads = 256;
  // From here on descending is as fast (100 trees of 8 leaves, little in common), and kinder to
  // the caches.
  static constexpr std::size_t kMostTableBytes = 128 * 1024;

  // Sixteen bytes, which the compiler puts into a register of any machine that has such.
  using Masks = std::uint64_t __attribute__((vector_size(16)));

  // Whether a column is above a value, and what that is of NaN.
  struct Question {
    bool missing_is_above = false;
    std::uint32_t column = 0;
    float value = 0.0f;

    auto operator<=>(const Question&) const = default;
  };

  MaskTrees() = default;
  static std::optional<Question> question_of(const TreeNode& node, const Trees& trees);
  bool add_questions(const Trees& trees);
  void add_tree(const Trees& trees, std::size_t tree);
  void clear_leaves(const TreeNode& node, const Trees& trees, std::size_t tree,
                    std::uint8_t leaves_if_true, std::uint8_t leaves_if_false);

  std::size_t tree_count_ = 0;
  std::size_t blocks_ = 0;
  // In order; each kind fills its last quad up. In the first `plain_quads_` NaN is not above.
  std::vector<Question> questions_;
  std::size_t plain_quads_ = 0;
  // The columns and values of `questions_`.
  std::vector<std::uint32_t> columns_;
  std::vector<float> values_;
  // kAnswers rows a quad, each of blocks_ * kBlockVectors.
  std::vector<Masks> table_;
  // kLeaves a tree.
  std::vector<float> weights_;
};

}  // namespace fenqi::models
