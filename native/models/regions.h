// What a node of a tree asks, as intervals of keys: all branch modes in one form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "models/tree.h"

namespace fenqi::models {

// A node's comparison, cut into regions of keys: region i holds the keys above boundaries[i - 1]
// and up to boundaries[i]. Answers alternate, beginning with `first`.
struct Regions {
  std::vector<std::uint32_t> boundaries;
  bool first = false;
  // The region that NaN is to reach.
  std::size_t of_missing = 0;

  // What the node answers in a region; in the one of NaN it is what it answers to NaN.
  bool answer(std::size_t region) const { return first != (region % 2 != 0); }
};

// The regions of an inner node; at least one boundary. Linear in the members of its set.
Regions regions_of(const TreeNode& node, const Trees& trees);

}  // namespace fenqi::models
