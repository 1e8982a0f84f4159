#include "models/regions.h"

#include <cmath>
#include <span>

#include "models/float_key.h"

namespace fenqi::models {
namespace {

// x == any of `values`, or the opposite.
Regions regions_of_set(std::span<const float> values, bool is_opposite) {
  Regions regions;
  regions.first = is_opposite;
  for (const float value : values) {
    if (std::isnan(value)) continue;
    regions.boundaries.push_back(key_of(value) - 1);
    regions.boundaries.push_back(key_of(value));
  }
  // No number is in the set; there is still a region that NaN alone reaches.
  if (regions.boundaries.empty()) regions.boundaries.push_back(kAboveNumbers);
  return regions;
}

// `first` up to the boundary, else the opposite. No number compares with NaN: then `first` is left
// to NaN where it would say yes, and all numbers are in it where it says no.
Regions regions_of_order(float value, bool is_value_above, bool first) {
  if (std::isnan(value)) return {{first ? kBelowNumbers : kAboveNumbers}, first, 0};
  return {{key_of(value) - (is_value_above ? 1 : 0)}, first, 0};
}

}  // namespace

Regions regions_of(const TreeNode& node, const Trees& trees) {
  Regions regions;
  switch (node.branch) {
    case Branch::kLeq:
      regions = regions_of_order(node.value, false, true);
      break;
    case Branch::kLt:
      regions = regions_of_order(node.value, true, true);
      break;
    case Branch::kGte:
      regions = regions_of_order(node.value, true, false);
      break;
    case Branch::kGt:
      regions = regions_of_order(node.value, false, false);
      break;
    case Branch::kEq:
      regions = regions_of_set({&node.value, 1}, false);
      break;
    case Branch::kNeq:
      regions = regions_of_set({&node.value, 1}, true);
      break;
    case Branch::kMember:
      regions = regions_of_set(trees.member_sets[node.set], false);
      break;
    case Branch::kLeaf:
      break;
  }
  regions.of_missing = regions.answer(0) == node.missing_is_true ? 0 : 1;
  return regions;
}

}  // namespace fenqi::models
