// Integers with CEL's overflow and division errors.
#pragma once

#include <cstdint>
#include <limits>
#include <type_traits>

#include "base/value.h"

namespace fenqi::program {

inline constexpr auto kAddUp = [](auto a, auto b, auto* out) {
  return __builtin_add_overflow(a, b, out);
};
inline constexpr auto kSubtract = [](auto a, auto b, auto* out) {
  return __builtin_sub_overflow(a, b, out);
};
inline constexpr auto kMultiply = [](auto a, auto b, auto* out) {
  return __builtin_mul_overflow(a, b, out);
};

inline constexpr std::int64_t kSmallestInt = std::numeric_limits<std::int64_t>::min();

// The result of one of the operations above, or kOverflow.
template <typename Integer, typename Operation>
Value checked(Operation operation, Integer a, Integer b) {
  Integer out{};
  if (operation(a, b, &out)) return Value::of_error(ErrorCode::kOverflow, 0);
  if constexpr (std::is_signed_v<Integer>) {
    return Value::of_int(out);
  } else {
    return Value::of_uint(out);
  }
}

inline Value div_int(std::int64_t a, std::int64_t b) {
  if (b == 0) return Value::of_error(ErrorCode::kDivisionByZero, 0);
  if (a == kSmallestInt && b == -1) return Value::of_error(ErrorCode::kOverflow, 0);
  return Value::of_int(a / b);
}

inline Value mod_int(std::int64_t a, std::int64_t b) {
  if (b == 0) return Value::of_error(ErrorCode::kModulusByZero, 0);
  if (a == kSmallestInt && b == -1) return Value::of_error(ErrorCode::kOverflow, 0);
  return Value::of_int(a % b);
}

inline Value div_uint(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? Value::of_error(ErrorCode::kDivisionByZero, 0) : Value::of_uint(a / b);
}

inline Value mod_uint(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? Value::of_error(ErrorCode::kModulusByZero, 0) : Value::of_uint(a % b);
}

}  // namespace fenqi::program
