// A place between two neighbouring numbers: just below a bound, or just above it. For one type of
// number it is told by the smallest number above it, so that bounds of any type can cut any other.
#pragma once

#include <optional>

#include "base/value.h"

namespace fenqi::tables {

// The smallest Number (std::int64_t, std::uint64_t or double, infinity included) that is at least
// `bound`, or with `above` the smallest that is greater. Nothing where there is none. `bound` is an
// int, a uint or a double that is not NaN.
template <typename Number>
std::optional<Number> smallest_from(const Value& bound, bool above);

}  // namespace fenqi::tables
