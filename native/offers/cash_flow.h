// The internal rate of any dated cash flow: the growth at which what comes in is worth what goes
// out.
//
//   sum_k a_k / ((1 + f_k i) (1 + i)^t_k) = 0
//
// `t` counts whole time units (years, or unit periods), `f` the odd part of one, discounted
// linearly as Regulation Z, Appendix J (b)(8) does; where f is 0 this is the equation of every
// other method.
//
// The answer is always defined:
//   kUnique    one rate solves the flow. So it is with one change of sign.
//   kSeveral   more than one does; `log_growth` is the one nearest to zero.
//   kNone      no rate in range does.
//   kNoChange  money only comes in, or only goes out, or all of it on one day: there is no rate.
//
// In range are growths (1 + i) from e^-700 to e^700; where the sign changes more than once from
// 2^(-53 / T), T the time between the first flow and the last. Below, the last flow outweighs the
// first by more than a double can hold beside it, and a rate would be one of the last flows alone.
#pragma once

#include <cstdint>
#include <span>

namespace fenqi::offers {

inline constexpr double kMaxLogGrowth = 700.0;

struct Flow {
  double t = 0.0;       // whole units after the first date, finite
  double f = 0.0;       // odd part of a unit, 0 <= f < 1
  double amount = 0.0;  // positive in one direction, negative in the other, finite
};

enum class Solutions : std::uint8_t { kUnique, kSeveral, kNone, kNoChange };

struct InternalRate {
  Solutions solutions = Solutions::kNone;
  double log_growth = 0.0;  // ln(1 + i) of one unit; 0 unless kUnique or kSeveral
  std::int32_t count = 0;   // how many rates were found

  bool ok() const { return solutions == Solutions::kUnique || solutions == Solutions::kSeveral; }
  double rate() const;  // i
};

// Sorts `flows` and puts those of one time together. Allocates nothing. With one change of sign it
// takes a handful of passes; with several it searches the range in some thousand passes.
InternalRate internal_rate(std::span<Flow> flows);

// The rate of a unit at which payments after 1, 2, .. n units are worth `received` now, for
// received > 0 and payments of at least 0 with a positive sum: it is the only one above -1 (and -1
// where so little is paid that a double cannot tell it from nothing). NaN is never returned; where
// the payments sum to less than `received` the rate is negative. About five
// passes of two multiplications for each payment.
double periodic_rate(double received, std::span<const double> payments);

// The same, from a rate that is probably close, as the rate of the contract is: two passes then.
double periodic_rate(double received, std::span<const double> payments, double near);

}  // namespace fenqi::offers
