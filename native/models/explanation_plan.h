// How a forest is cut for its explanation, so that an explanation reads little and the tables fit.
#pragma once

#include <cstddef>
#include <span>

#include "models/explained_tree.h"

namespace fenqi::models {

struct ExplanationPlan {
  // Of pieces with a table; see cut().
  unsigned code_bits = 0;
  // A leaf of a deep piece has its LeafSets where its path asks at most so many inputs, else a list
  // of its reference rows.
  unsigned set_inputs = 0;
  // Numbers in all tables and sets.
  std::size_t table_size = 0;
};

// Numbers that the sets of a leaf take.
constexpr std::size_t leaf_sets_size(unsigned inputs) {
  return std::size_t{3} << inputs;
}

// The plan by which an explanation reads least, with at most `most_numbers` in its tables.
ExplanationPlan plan_explanation(std::span<const ExplainedTree> trees, std::size_t most_numbers);

}  // namespace fenqi::models
