// The nodes of trees as an artifact states them.
#pragma once

#include <cstdint>
#include <vector>

namespace fenqi::models {

// How a node compares a column x with its value v. The numbers are fenqi.internal.v1.Branch.
enum class Branch : std::uint8_t {
  kLeaf = 0,
  kLeq = 1,
  kLt = 2,
  kGte = 3,
  kGt = 4,
  kEq = 5,
  kNeq = 6,
  kMember = 7,
};

// What becomes of the leaves that one row reaches. The numbers are fenqi.internal.v1.Aggregate.
enum class Aggregate : std::uint8_t { kSum = 1, kAverage = 2, kMin = 3, kMax = 4 };

struct TreeNode {
  Branch branch = Branch::kLeaf;
  // What the node answers to NaN.
  bool missing_is_true = false;
  std::uint32_t column = 0;
  float value = 0.0f;
  // The next node; of a leaf, its first weight and how many it has.
  std::uint32_t when_true = 0;
  std::uint32_t when_false = 0;
  // Of kMember, its set.
  std::uint32_t set = 0;
};

struct LeafWeight {
  std::uint32_t target = 0;
  float value = 0.0f;
};

struct Trees {
  std::vector<TreeNode> nodes;
  std::vector<std::uint32_t> roots;
  std::vector<LeafWeight> weights;
  std::vector<std::vector<float>> member_sets;

  std::uint32_t end_of_tree(std::size_t tree) const {
    return tree + 1 < roots.size() ? roots[tree + 1] : static_cast<std::uint32_t>(nodes.size());
  }
};

}  // namespace fenqi::models
