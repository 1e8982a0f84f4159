// Money times a rate, rounded to the fen as a product prescribes.
//
// Money is std::int64_t fen, at most 2^53. Rates are decimal numbers that people wrote (14.99 %),
// so they are kept as exact fractions: a binary double cannot say whether 100,001.25 x 0.004 lies
// on a half fen, and the rounding mode is asked exactly then.
#pragma once

#include <cmath>
#include <cstdint>

namespace fenqi::offers {

__extension__ typedef __int128 Int128;

inline constexpr std::int64_t kMaxAmountFen = std::int64_t{1} << 53;

// Rates come in units of 10^-12: 0.18 is 180,000,000,000.
inline constexpr std::int64_t kRateUnit = 1'000'000'000'000;
// 10,000 % a year. Above it products of amount, rate and days would leave 128 bits.
inline constexpr std::int64_t kMaxRate = 100 * kRateUnit;

enum class Rounding : std::uint8_t {
  kHalfUp,    // to the nearest fen, halves up
  kUp,        // to the next higher fen
  kDown,      // to the next lower fen
  kHalfEven,  // to the nearest fen, halves to the even one
};

// numerator / denominator, rounded. Needs numerator >= 0, denominator > 0.
inline Int128 divide(Int128 numerator, Int128 denominator, Rounding mode) {
  const Int128 quotient = numerator / denominator;
  const Int128 rest = numerator % denominator;
  switch (mode) {
    case Rounding::kUp:
      return quotient + (rest > 0);
    case Rounding::kDown:
      return quotient;
    case Rounding::kHalfUp:
      return quotient + (rest >= denominator - rest);
    case Rounding::kHalfEven:
      break;
  }
  const Int128 other_half = denominator - rest;
  return quotient + (rest > other_half || (rest == other_half && (quotient & 1) != 0));
}

// `value` >= 0, known to within `error`, rounded. False where the result depends on the error: the
// caller then has to know better.
inline bool round_if_clear(double value, double error, Rounding mode, std::int64_t* rounded) {
  const bool to_nearest = mode == Rounding::kHalfUp || mode == Rounding::kHalfEven;
  const double shifted = to_nearest ? value + 0.5 : value;
  const auto whole = static_cast<std::int64_t>(shifted);
  const double rest = shifted - static_cast<double>(whole);
  if (rest <= error || rest >= 1.0 - error) return false;
  *rounded = whole + (mode == Rounding::kUp ? 1 : 0);
  return true;
}

// An exact, not negative share: of an amount, or a rate for one period.
struct Fraction {
  std::int64_t numerator;
  std::int64_t denominator;
  double value;  // numerator / denominator, the nearest double
};

// Needs 0 <= numerator, 0 < denominator, both below 2^126. Terms that do not fit 62 bits even in
// their lowest form lose their last bits.
inline Fraction fraction(Int128 numerator, Int128 denominator) {
  constexpr int kBits = 62;
  if (numerator >> kBits != 0 || denominator >> kBits != 0) {
    Int128 divisor = numerator;
    for (Int128 rest = denominator; rest != 0;) {
      const Int128 next = divisor % rest;
      divisor = rest;
      rest = next;
    }
    numerator /= divisor;
    denominator /= divisor;
  }
  while (numerator >> kBits != 0 || denominator >> kBits != 0) {
    numerator >>= 1;
    denominator >>= 1;
  }
  return {static_cast<std::int64_t>(numerator), static_cast<std::int64_t>(denominator),
          static_cast<double>(numerator) / static_cast<double>(denominator)};
}

// The share of `amount` (0 .. 2^53), rounded to the fen. Exact. Most products are far from where
// rounding turns, and two doubles tell; only the others need 128 bits.
inline std::int64_t share(std::int64_t amount, const Fraction& of, Rounding mode) {
  const double estimate = static_cast<double>(amount) * of.value;
  std::int64_t rounded = 0;
  // Two roundings, of the fraction and of the product, and one of adding a half: below 2^-10.
  if (estimate < 0x1p40 && round_if_clear(estimate, 0x1p-10, mode, &rounded)) return rounded;
  return static_cast<std::int64_t>(divide(Int128{amount} * of.numerator, of.denominator, mode));
}

}  // namespace fenqi::offers
