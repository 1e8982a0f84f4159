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

// NaN where it is to be less, and greater, than everything.
inline constexpr std::uint32_t kLowNan = 0;
inline constexpr std::uint32_t kHighNan = UINT32_MAX;

// Boundaries that have all numbers above, and below, and between them and NaN nothing else.
inline constexpr std::uint32_t kBelowNumbers = kLowNan;
inline constexpr std::uint32_t kAboveNumbers = kHighNan - 1;

}  // namespace fenqi::models
