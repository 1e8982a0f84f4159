#include "tables/cut.h"

#include <cmath>
#include <limits>

namespace fenqi::tables {
namespace {

template <typename Integer>
constexpr Integer kMin = std::numeric_limits<Integer>::min();
template <typename Integer>
constexpr Integer kMax = std::numeric_limits<Integer>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Integer>
std::optional<Integer> next(Integer x, bool above) {
  if (!above) return x;
  if (x == kMax<Integer>) return std::nullopt;
  return x + 1;
}

// `end` is 2^63 or 2^64: the first double above every Integer. kMin<Integer> is a double.
template <typename Integer>
std::optional<Integer> integer_from_double(double bound, bool above, double end) {
  if (bound < static_cast<double>(kMin<Integer>)) return kMin<Integer>;
  const double whole = std::ceil(bound);
  if (whole >= end) return std::nullopt;
  return next(static_cast<Integer>(whole), above && whole == bound);
}

// Whether the double nearest to an integer lies below it or above it.
bool is_below(double d, std::int64_t x) {
  return d < 0x1p63 && static_cast<std::int64_t>(d) < x;
}
bool is_below(double d, std::uint64_t x) {
  return d < 0x1p64 && static_cast<std::uint64_t>(d) < x;
}
bool is_equal(double d, std::int64_t x) {
  return d < 0x1p63 && static_cast<std::int64_t>(d) == x;
}
bool is_equal(double d, std::uint64_t x) {
  return d < 0x1p64 && static_cast<std::uint64_t>(d) == x;
}

template <typename Integer>
double double_from(Integer bound, bool above) {
  double d = static_cast<double>(bound);
  if (is_below(d, bound)) d = std::nextafter(d, kInfinity);
  return above && is_equal(d, bound) ? std::nextafter(d, kInfinity) : d;
}

}  // namespace

template <>
std::optional<std::int64_t> smallest_from<std::int64_t>(const Value& bound, bool above) {
  switch (bound.kind) {
    case Kind::kInt:
      return next(bound.i, above);
    case Kind::kUint:
      if (bound.u > static_cast<std::uint64_t>(kMax<std::int64_t>)) return std::nullopt;
      return next(static_cast<std::int64_t>(bound.u), above);
    default:
      return integer_from_double<std::int64_t>(bound.d, above, 0x1p63);
  }
}

template <>
std::optional<std::uint64_t> smallest_from<std::uint64_t>(const Value& bound, bool above) {
  switch (bound.kind) {
    case Kind::kInt:
      if (bound.i < 0) return 0;
      return next(static_cast<std::uint64_t>(bound.i), above);
    case Kind::kUint:
      return next(bound.u, above);
    default:
      return integer_from_double<std::uint64_t>(bound.d, above, 0x1p64);
  }
}

template <>
std::optional<double> smallest_from<double>(const Value& bound, bool above) {
  switch (bound.kind) {
    case Kind::kInt:
      return double_from(bound.i, above);
    case Kind::kUint:
      return double_from(bound.u, above);
    default:
      if (!above) return bound.d;
      if (bound.d == kInfinity) return std::nullopt;
      return std::nextafter(bound.d, kInfinity);
  }
}

}  // namespace fenqi::tables
