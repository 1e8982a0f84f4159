// A row as ordered whole numbers (float_key.h), for the questions of an explanation.
//
// As in ThresholdTrees each column has two keys: one holds a missing value below everything, one
// above, and a question reads the one on which a missing value gets the answer that it is to get.
// Unlike there, a question stays one question, for a path counts the inputs that it asks: equality
// and membership are answered once for a row, each into a column of its own.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "models/forest.h"

namespace fenqi::models {

// Answered by keys[key] <= bound.
struct Question {
  std::uint32_t key = 0;
  std::uint32_t bound = 0;
  // The answer is the opposite of the node's.
  bool is_opposite = false;
};

class RowKeys {
 public:
  explicit RowKeys(std::uint32_t column_count) : column_count_(column_count) {}

  // The question of inner node `node`.
  Question question(const Forest& forest, const TreeNode& node);

  // All questions must have been asked for before.
  std::size_t key_count() const { return 2 * (column_count_ + derived_.size()); }

  // `row` has one entry a column, `keys` key_count(). No heap.
  void fill(std::span<const float> row, std::span<std::uint32_t> keys) const noexcept;

 private:
  // A column that holds the answer to one question for equality or membership.
  struct Derived {
    std::uint32_t column = 0;
    std::vector<float> values;  // sorted; it asks whether the column holds one of them
  };

  std::uint32_t derived_column(std::uint32_t column, std::span<const float> values);

  std::uint32_t column_count_;
  std::vector<Derived> derived_;
};

}  // namespace fenqi::models
