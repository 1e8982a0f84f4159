// The equal instalment that repays a principal, and the largest principal that an instalment
// repays.
//
//   A = P i / (1 - (1 + i)^-n),  i = 0: A = P / n
//
// and with periods of unequal length A = P / sum_k prod_{j <= k} 1 / (1 + i_j). Results are rounded
// from an estimate in double where that decides, otherwise from 113 bits; there a distance of
// less than 10^-9 fen from a boundary counts as on it. All functions are pure, allocate nothing
// and are linear in the number of rates, logarithmic in the number of equal periods.
#pragma once

#include <cstdint>
#include <span>

#include "offers/rounding.h"

namespace fenqi::offers {

// A fen's fractions, for products that carry the balance unrounded: units of 2^-32 fen.
inline constexpr int kPreciseBits = 32;
inline constexpr Int128 kPreciseFen = Int128{1} << kPreciseBits;

// The amount in units of 2^-32 fen, in whole fen.
inline std::int64_t round_precise(Int128 precise, Rounding mode) {
  return static_cast<std::int64_t>(divide(precise, kPreciseFen, mode));
}

// The instalment for `periods` (>= 1) equal periods at `rate` each.
std::int64_t level_instalment(std::int64_t principal_fen, const Fraction& rate,
                              std::int32_t periods, Rounding mode);

// The instalment for one period of each of `rates` (at least one).
std::int64_t level_instalment(std::int64_t principal_fen, std::span<const Fraction> rates,
                              Rounding mode);

// The instalment before rounding, principal and result in units of 2^-32 fen.
Int128 precise_level_instalment(Int128 principal, const Fraction& rate, std::int32_t periods);
Int128 precise_level_instalment(Int128 principal, std::span<const Fraction> rates);

// P = A (1 - (1 + i)^-n) / i: the largest principal whose instalment, rounded as `mode` says, is at
// most `instalment_fen`, but never above 2^53. 0 where there is none.
std::int64_t largest_principal(std::int64_t instalment_fen, const Fraction& rate,
                               std::int32_t periods, Rounding mode);

// What a year's rate (units of 10^-12), compounded `compoundings` times a year, is for one of
// `periods_per_year` periods: (1 + r / c)^(c / p) - 1. Needs 0 <= annual_rate <= kMaxRate.
Fraction compounded_rate(std::int64_t annual_rate, std::int32_t compoundings,
                         std::int32_t periods_per_year);

}  // namespace fenqi::offers
