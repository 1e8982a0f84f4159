// A float32 as an unsigned integer of the same order.
#pragma once

#include <bit>
#include <cstdint>

namespace fenqi::models {

// Of a number. -0.0 and 0.0 are one; numbers take 0x00800000 (-inf) to 0xff800000 (inf).
inline std::uint32_t key_of(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  return 0x80000000u + ((bits >> 31) != 0 ? 0u - magnitude : magnitude);
}

// The number that has a key; 0.0 of the two zeros.
inline float value_of(std::uint32_t key) {
  const bool is_negative = key < 0x80000000u;
  return std::bit_cast<float>(is_negative ? 0x80000000u | (0x80000000u - key) : key - 0x80000000u);
}

// NaN where it is to be less, and greater, than everything.
inline constexpr std::uint32_t kLowNan = 0;
inline constexpr std::uint32_t kHighNan = UINT32_MAX;

// By the bits, and without a branch: whether a value is missing is not foreseen.
inline bool is_nan(float x) {
  const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x) & 0x7fffffffu;
  return static_cast<std::int32_t>(magnitude) > 0x7f800000;
}

// Boundaries that have all numbers above, and below, and between them and NaN nothing else.
inline constexpr std::uint32_t kBelowNumbers = kLowNan;
inline constexpr std::uint32_t kAboveNumbers = kHighNan - 1;

}  // namespace fenqi::models
