#include "models/row_keys.h"

#include <algorithm>
#include <cmath>

#include "models/float_key.h"

namespace fenqi::models {
namespace {

// In a derived column.
constexpr std::uint32_t kYes = kBelowNumbers + 1;
constexpr std::uint32_t kNo = kYes + 1;

Question in_order(std::uint32_t column, std::uint32_t bound, bool is_opposite,
                  bool missing_is_true) {
  const bool missing_is_lowest = missing_is_true != is_opposite;
  return {2 * column + (missing_is_lowest ? 0 : 1), bound, is_opposite};
}

}  // namespace

Question RowKeys::question(const Forest& forest, const TreeNode& node) {
  const std::uint32_t column = node.column;
  const bool missing = node.missing_is_true;
  const auto order = [&](bool is_value_above, bool is_opposite) {
    // Nothing is in order with NaN.
    if (std::isnan(node.value)) return in_order(column, kBelowNumbers, false, missing);
    return in_order(column, key_of(node.value) - (is_value_above ? 1 : 0), is_opposite, missing);
  };
  const auto equality = [&](std::span<const float> values, bool is_opposite) {
    return in_order(derived_column(column, values), kYes, is_opposite, missing);
  };
  switch (node.branch) {
    case Branch::kLeq:
      return order(false, false);
    case Branch::kLt:
      return order(true, false);
    case Branch::kGte:
      return order(true, true);
    case Branch::kGt:
      return order(false, true);
    case Branch::kEq:
      return equality({&node.value, 1}, false);
    case Branch::kNeq:
      return equality({&node.value, 1}, true);
    case Branch::kMember:
    case Branch::kLeaf:
      break;
  }
  return equality(forest.member_set(node.set), false);
}

std::uint32_t RowKeys::derived_column(std::uint32_t column, std::span<const float> values) {
  const auto known = std::find_if(derived_.begin(), derived_.end(), [&](const Derived& one) {
    return one.column == column && std::ranges::equal(one.values, values);
  });
  const auto index = static_cast<std::uint32_t>(known - derived_.begin());
  if (known == derived_.end()) derived_.push_back({column, {values.begin(), values.end()}});
  return column_count_ + index;
}

void RowKeys::fill(std::span<const float> row, std::span<std::uint32_t> keys) const noexcept {
  std::size_t at = 0;
  const auto add = [&](bool is_missing, std::uint32_t key) {
    keys[at++] = is_missing ? kLowNan : key;
    keys[at++] = is_missing ? kHighNan : key;
  };
  for (const float value : row.first(column_count_)) add(std::isnan(value), key_of(value));
  for (const Derived& one : derived_) {
    const float value = row[one.column];
    // NaN equals nothing, also where it is asked for.
    const bool holds = one.values.size() == 1
                           ? one.values[0] == value
                           : std::binary_search(one.values.begin(), one.values.end(), value);
    add(std::isnan(value), holds ? kYes : kNo);
  }
}

}  // namespace fenqi::models
