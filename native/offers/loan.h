// The terms of an instalment loan: what a schedule is computed from.
//
// Amounts are fen, yearly rates units of 10^-12 (rounding.h). Spans are lent for the call.
#pragma once

#include <cstdint>
#include <span>

#include "offers/calendar.h"
#include "offers/fault.h"
#include "offers/rounding.h"

namespace fenqi::offers {

// Thirty years of weeks.
inline constexpr std::int32_t kMaxPeriods = 1560;

enum class Method : std::uint8_t {
  kEqualInstalments,  // 等额本息: every instalment the same, interest on the balance
  kEqualPrincipal,    // 等额本金: every principal part the same, interest on the balance
  kInterestOnly,      // 先息后本: interest each period, the principal at the end
  kFlatFee,  // 等本等息: equal principal parts, a fee on the original principal each period
};

enum class Frequency : std::uint8_t {
  kMonthly,
  kWeekly,
  kFortnightly,
  kSemimonthly,  // a monthly date and the fifteenth day after it
  kQuarterly,
  kYearly,
  kCustom,  // the dates of Loan::due_dates
};

// How a quoted yearly rate becomes the rate of a period.
enum class Compounding : std::uint8_t {
  kNominal,     // the year's share of it
  kSemiannual,  // quoted as compounded twice a year (Canada, Interest Act, section 6)
  kAnnual,      // quoted as the effective rate of a year
};

enum class Grace : std::uint8_t {
  kInterestOnly,  // interest is paid, principal is not
  kFull,          // nothing is paid; the interest is added to the balance
};

// Which periods the equal instalment is computed for, where days are counted and so periods differ.
enum class LevelBasis : std::uint8_t {
  kActualPeriods,  // the periods as they are: the last instalment is like the others
  kEqualPeriods,   // as if all were equal: the last instalment takes up the difference
};

// The last instalment always clears the balance. Rounding, compounded, can make it differ from the
// others by more than a fen for each period.
enum class LastInstalment : std::uint8_t {
  kWithinBound,  // then every instalment is computed anew from the balance, to the nearest fen, and
                 // they differ by some fen
  kTakesAll,     // then it does
};

// What is carried from row to row.
enum class Balance : std::uint8_t {
  kRounded,  // whole fen: a ledger. Principal parts sum to the principal
  kPrecise,  // unrounded: rows show an exact account rounded, as textbooks print them
};

// From instalment `from_row` (2 ..) the yearly rate is `annual_rate`.
struct RateChange {
  std::int32_t from_row = 2;
  std::int64_t annual_rate = 0;
  bool new_instalment = true;       // computed anew for the rest of the term
  std::int64_t instalment_cap = 0;  // at most this multiple of the former (10^-12); 0: no cap.
                                    // Interest above a capped instalment is added to the balance.
};

struct Loan {
  std::int64_t principal_fen = 0;  // 1 .. 2^53
  std::int64_t annual_rate = 0;    // 0 .. kMaxRate; 0 where the method is kFlatFee
  std::int64_t flat_rate = 0;      // of the original principal each period; kFlatFee only
  std::int32_t periods = 0;        // 1 .. kMaxPeriods
  Method method = Method::kEqualInstalments;
  Frequency frequency = Frequency::kMonthly;
  DayCount day_count = DayCount::k30_360;
  Compounding compounding = Compounding::kNominal;
  Rounding instalment_rounding = Rounding::kHalfUp;
  Rounding interest_rounding = Rounding::kHalfUp;

  Date disbursed = kNoDate;  // needed where days are counted or dates given
  Date first_due = kNoDate;  // by default one period after `disbursed`
  std::int32_t due_day = 0;  // the day of the month that due dates go back to; 0: of the first one
  std::span<const Date> due_dates = {};  // kCustom: one for each period, ascending

  std::int32_t grace_periods = 0;  // below `periods`
  Grace grace = Grace::kInterestOnly;

  std::int64_t instalment_fen = 0;        // 0: computed. Otherwise prescribed; the last clears
  std::int32_t amortisation_periods = 0;  // 0: `periods`. More: the last one pays what is left
  std::span<const RateChange> rate_changes = {};  // ascending

  LevelBasis level_basis = LevelBasis::kActualPeriods;
  LastInstalment last_instalment = LastInstalment::kWithinBound;
  Balance balance = Balance::kRounded;
};

// Instalments in a year; 0 for kCustom.
std::int32_t periods_per_year(Frequency frequency);

// Whether the loan can be computed; the fault names the field that cannot. Linear in the spans.
Fault check(const Loan& loan);

// When instalment `row` (1 ..) falls due; kNoDate where the loan has no dates. Needs check(loan).
Date due_date(const Loan& loan, std::int32_t row);

// The day of the month that monthly due dates go back to.
std::int32_t anchor_day(const Loan& loan);

// Whether the first period is as long as the others: always, but where first_due says otherwise.
// False for kCustom.
bool has_regular_first_period(const Loan& loan);

// The time of the first period by 30/360, with which odd days are counted; in weeks, of a year of
// 52 of them. Needs first_due.
YearShare first_period(const Loan& loan);

}  // namespace fenqi::offers
