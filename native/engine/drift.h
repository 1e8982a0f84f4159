// Whether a distribution has moved away from its reference (3.2).
#pragma once

#include <cstdint>
#include <span>

namespace fenqi::engine {

// The population stability index sum((a - e) ln(a / e)) of the shares a of `counts` and e of
// `reference`, one bin each, and what it stays below by chance in 95 of 100 cases where nothing
// moved: chi2(0.95, bins - 1) * (1/N + 1/M) (Yurdakul 2018). Alarm above the larger of that and a
// threshold.
struct Drift {
  double psi = 0.0;
  double noise_bound = 0.0;
  std::uint64_t requests = 0;  // N, the sum of `counts`
};

// Of a bin that is empty on either side, half a count is added to both. Index and bound are 0 where
// there are fewer than two bins, no requests or no reference. The spans are of equal length.
Drift drift(std::span<const std::uint64_t> counts, std::span<const std::uint64_t> reference);

// The quantile 0.95 of chi-square with so many degrees of freedom, at least 1.
double chi_square_95(std::uint32_t degrees);

}  // namespace fenqi::engine
