#include "offers/annuity.h"

#include <algorithm>
#include <cmath>

namespace fenqi::offers {
namespace {

// 113 bits of mantissa on every platform that we build for.
#if __LDBL_MANT_DIG__ >= 113
using Quad = long double;
#else
__extension__ typedef __float128 Quad;
#endif

Quad power(Quad base, std::int32_t exponent) {
  Quad result = 1;
  for (; exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= base;
    base *= base;
  }
  return result;
}

Quad exact(const Fraction& rate) {
  return static_cast<Quad>(rate.numerator) / static_cast<Quad>(rate.denominator);
}

// A / P.
Quad instalment_factor(const Fraction& rate, std::int32_t periods) {
  if (rate.numerator == 0) return Quad{1} / periods;
  const Quad i = exact(rate);
  return i / (1 - 1 / power(1 + i, periods));
}

Quad instalment_factor(std::span<const Fraction> rates) {
  Quad discount = 1;
  Quad sum = 0;
  for (const Fraction& rate : rates) {
    discount /= 1 + exact(rate);
    sum += discount;
  }
  return 1 / sum;
}

double estimated_factor(const Fraction& rate, std::int32_t periods) {
  if (rate.numerator == 0) return 1.0 / periods;
  return rate.value / -std::expm1(-periods * std::log1p(rate.value));
}

double estimated_factor(std::span<const Fraction> rates) {
  double discount = 1.0;
  double sum = 0.0;
  for (const Fraction& rate : rates) {
    discount /= 1.0 + rate.value;
    sum += discount;
  }
  return 1.0 / sum;
}

std::int64_t round_quad(Quad value, Rounding mode) {
  constexpr Quad kOnTheBoundary = 1e-9;
  auto whole = static_cast<std::int64_t>(value);
  Quad rest = value - static_cast<Quad>(whole);
  if (rest > 1 - kOnTheBoundary) {
    ++whole;
    rest = 0;
  }
  if (rest < kOnTheBoundary) return whole;
  switch (mode) {
    case Rounding::kUp:
      return whole + 1;
    case Rounding::kDown:
      return whole;
    case Rounding::kHalfUp:
      return whole + (rest > 0.5 - kOnTheBoundary);
    case Rounding::kHalfEven:
      break;
  }
  const bool on_half = rest > 0.5 - kOnTheBoundary && rest < 0.5 + kOnTheBoundary;
  return whole + (on_half ? whole & 1 : rest > 0.5);
}

// `terms` roundings of relative size 2^-53 went into the estimate; eight times that is safe.
bool estimate_decides(double instalment, double terms, Rounding mode, std::int64_t* rounded) {
  const double error = instalment * terms * 0x1p-50 + 1e-9;
  return instalment < 0x1p40 && error < 0.25 && round_if_clear(instalment, error, mode, rounded);
}

}  // namespace

std::int64_t level_instalment(std::int64_t principal_fen, const Fraction& rate,
                              std::int32_t periods, Rounding mode) {
  const double estimate = static_cast<double>(principal_fen) * estimated_factor(rate, periods);
  std::int64_t rounded = 0;
  // The logarithm's error counts once for each period in the exponent.
  if (estimate_decides(estimate, 8.0 + periods, mode, &rounded)) return rounded;
  return round_quad(static_cast<Quad>(principal_fen) * instalment_factor(rate, periods), mode);
}

std::int64_t level_instalment(std::int64_t principal_fen, std::span<const Fraction> rates,
                              Rounding mode) {
  const double estimate = static_cast<double>(principal_fen) * estimated_factor(rates);
  std::int64_t rounded = 0;
  if (estimate_decides(estimate, 8.0 + 3.0 * static_cast<double>(rates.size()), mode, &rounded)) {
    return rounded;
  }
  return round_quad(static_cast<Quad>(principal_fen) * instalment_factor(rates), mode);
}

Int128 precise_level_instalment(Int128 principal, const Fraction& rate, std::int32_t periods) {
  return static_cast<Int128>(static_cast<Quad>(principal) * instalment_factor(rate, periods) +
                             Quad{0.5});
}

Int128 precise_level_instalment(Int128 principal, std::span<const Fraction> rates) {
  return static_cast<Int128>(static_cast<Quad>(principal) * instalment_factor(rates) + Quad{0.5});
}

std::int64_t largest_principal(std::int64_t instalment_fen, const Fraction& rate,
                               std::int32_t periods, Rounding mode) {
  if (instalment_fen <= 0) return 0;
  const Quad estimate = static_cast<Quad>(instalment_fen) / instalment_factor(rate, periods);
  const auto fits = [&](std::int64_t principal) {
    return level_instalment(principal, rate, periods, mode) <= instalment_fen;
  };
  if (estimate >= static_cast<Quad>(kMaxAmountFen) && fits(kMaxAmountFen)) return kMaxAmountFen;
  // Rounding moves the instalment by less than a fen, and so the principal by less than what one
  // fen repays. The instalment never falls as the principal grows: halve the interval.
  const auto one_fen = static_cast<std::int64_t>(1 / instalment_factor(rate, periods)) + 2;
  const auto middle =
      static_cast<std::int64_t>(std::min(estimate, static_cast<Quad>(kMaxAmountFen)));
  std::int64_t low = std::max<std::int64_t>(0, middle - one_fen);
  std::int64_t high = std::min(kMaxAmountFen, middle + one_fen);
  while (low < high) {
    const std::int64_t candidate = low + (high - low + 1) / 2;
    if (fits(candidate)) {
      low = candidate;
    } else {
      high = candidate - 1;
    }
  }
  return low;
}

Fraction compounded_rate(std::int64_t annual_rate, std::int32_t compoundings,
                         std::int32_t periods_per_year) {
  // Whole powers are exact.
  const Int128 unit = Int128{kRateUnit} * compoundings;
  if (compoundings == periods_per_year) return fraction(annual_rate, unit);
  if (compoundings == 2 * periods_per_year) {
    return fraction(2 * unit * annual_rate + Int128{annual_rate} * annual_rate, unit * unit);
  }
  const Quad growth =
      1 + static_cast<Quad>(annual_rate) / (static_cast<Quad>(kRateUnit) * compoundings);
  // x^p = growth^c, by Newton from the double nearest to it; each step doubles the digits.
  const Quad target = power(growth, compoundings);
  Quad root = std::pow(static_cast<double>(target), 1.0 / periods_per_year);
  for (int step = 0; step < 3; ++step) {
    const Quad below = power(root, periods_per_year - 1);
    root -= (below * root - target) / (periods_per_year * below);
  }
  // 2^-62 is a 10^-16th part of the smallest rate that anyone charges; above 100 % a period fewer
  // bits are left, which fraction() drops.
  constexpr Int128 kUnit = Int128{1} << 62;
  return fraction(static_cast<Int128>((root - 1) * static_cast<Quad>(kUnit) + Quad{0.5}), kUnit);
}

}  // namespace fenqi::offers
