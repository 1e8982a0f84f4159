// Yearly rates of a dated cash flow, as different laws count them.
//
// All take flows whose first date is the first advance: positive amounts are advances to the
// borrower, negative ones payments by the borrower (or the other way round: rates are the same).
#pragma once

#include <cstdint>
#include <span>

#include "offers/calendar.h"
#include "offers/cash_flow.h"
#include "offers/fault.h"

namespace fenqi::offers {

inline constexpr std::size_t kMaxFlows = 4096;

struct DatedFlow {
  Date date = kNoDate;
  double amount = 0.0;
};

// Whether flows are two to kMaxFlows, fit `room`, and have dates and finite amounts.
Fault check(std::span<const DatedFlow> flows, std::size_t room);

// How the time between two dates is expressed in years (Directive 2008/48/EC, Annex I, with
// Directive 2011/90/EU; MCOB 10.3 and CONC App 1.2 in the UK).
enum class Interval : std::uint8_t {
  kDays,    // days / 365
  kMonths,  // twelfths for whole months back from the later date, the days left over 365 (or 366)
  kWeeks,   // fifty-seconds for whole weeks, the days left over 365 (or 366)
  kYears,   // whole years, the days left over 365 (or 366)
};

// The time from `from` to `to` in years. The days left are counted over 366 where the year before
// the date at which they end holds a 29 February. Needs from <= to.
double years_between(Date from, Date to, Interval interval);

// A year's rate as one number, however it was found.
struct AnnualRate {
  Solutions solutions = Solutions::kNone;
  double rate = 0.0;       // as a fraction: 0.18 is 18 %
  std::int32_t count = 0;  // how many rates solve the flow
};

// Each writes 1 to kMaxFlows flows through `scratch` (at least as many), which it leaves in
// disorder. Faults: no flows, too many, an amount that is not finite, a date out of range.

// The effective rate: (1 + X)^years. The EU's and the UK's annual percentage rate, and Excel's XIRR
// (Interval::kDays).
Fault effective_rate(std::span<const DatedFlow> flows, Interval interval, std::span<Flow> scratch,
                     AnnualRate* answer);

// A period in which money is advanced or paid (Regulation Z, Appendix J (b)(4)).
struct UnitPeriod {
  enum class Kind : std::uint8_t {
    kDays,       // `count` days; weeks are 7, 14, 21, ... of them
    kSemimonth,  // half a month
    kMonths,     // `count` months, 1 to 11
    kYear,
    kTerm,  // the whole term of a loan that is advanced once and paid once, below a year
  };
  Kind kind = Kind::kMonths;
  std::int32_t count = 1;
};

// The annual percentage rate of Regulation Z, Appendix J: the rate of a unit period, discounting
// odd days linearly, times the unit periods in a year.
Fault appendix_j_rate(std::span<const DatedFlow> flows, UnitPeriod unit, std::span<Flow> scratch,
                      AnnualRate* answer);

// The unit period that Appendix J (b)(4) takes for these flows: the interval that occurs most
// often, the shorter one where two occur equally often; where none occurs twice the average, a
// whole number of months or weeks; at most a year. Quadratic in the number of different intervals.
UnitPeriod common_unit_period(std::span<const DatedFlow> flows);

// Whether a disclosed rate is accurate: within 1/8 of a percentage point, for irregular
// transactions within 1/4 (12 CFR 1026.22(a)). Rates as fractions.
bool within_appendix_j_tolerance(double disclosed, double actual, bool irregular);

// What is paid beyond what was advanced, over the principal used, in years: each payment returns
// principal in proportion to all of them. The money on the first date is taken for an advance.
// Where the balances of a schedule are known, cost_rate (cost_rate.h) uses them.
Fault simple_rate(std::span<const DatedFlow> flows, AnnualRate* answer);

}  // namespace fenqi::offers
