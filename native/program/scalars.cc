#include "program/scalars.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "program/dynamic.h"
#include "program/times.h"

namespace fenqi::program {
namespace {

bool is_nan(const Value& value) {
  return value.kind == Kind::kDouble && std::isnan(value.d);
}

// Numbers are one type, NaN another after it.
int rank(const Value& value) {
  if (is_nan(value)) return static_cast<int>(Kind::kDouble);
  return static_cast<int>(is_number(value) ? Kind::kInt : value.kind);
}

std::weak_ordering order_numbers(const Value& a, const Value& b) {
  const std::partial_ordering order = compare_numbers(a, b);  // neither is NaN
  return order < 0   ? std::weak_ordering::less
         : order > 0 ? std::weak_ordering::greater
                     : std::weak_ordering::equivalent;
}

}  // namespace

bool is_scalar(const Value& value) {
  switch (value.kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kNull:
    case Kind::kTimestamp:
    case Kind::kDuration:
    case Kind::kType:
      return true;
    default:
      return false;
  }
}

std::weak_ordering order_scalars(const Value& a, const Value& b) {
  if (const auto by_type = rank(a) <=> rank(b); by_type != 0) return by_type;
  switch (a.kind) {
    case Kind::kBool:
      return a.b <=> b.b;
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return is_nan(a) ? std::weak_ordering::equivalent : order_numbers(a, b);
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      return a.text() <=> b.text();
    case Kind::kTimestamp:
    case Kind::kDuration:
      return compare_times(a, b);
    default:
      return std::weak_ordering::equivalent;  // null
  }
}

bool spend_for_sorting(std::span<const Value* const> scalars, Budget& budget) {
  std::uint64_t once = 0;
  for (const Value* scalar : scalars) {
    const bool is_text = scalar->kind == Kind::kString || scalar->kind == Kind::kBytes;
    once += 1 + (is_text ? scalar->size / 16 : 0);
  }
  return budget.spend(once * static_cast<std::uint64_t>(std::bit_width(scalars.size())));
}

void sort_scalars(std::span<const Value*> scalars) {
  std::sort(scalars.begin(), scalars.end(), [](const Value* a, const Value* b) {
    const std::weak_ordering order = order_scalars(*a, *b);
    return order != 0 ? order < 0 : a < b;
  });
}

}  // namespace fenqi::program
