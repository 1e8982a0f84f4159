// Dates of the civil calendar and the ways in which lenders count the days between them.
//
// A date is the number of days since 1970-01-01 in the proleptic Gregorian calendar. All functions
// are pure and take constant time.
#pragma once

#include <cstdint>

namespace fenqi::offers {

using Date = std::int32_t;

// Years 1 to 9999, as in Python's datetime.date.
inline constexpr Date kFirstDate = -719162;
inline constexpr Date kLastDate = 2932896;
// No date is known; a plan counts periods only.
inline constexpr Date kNoDate = INT32_MIN;

struct CivilDate {
  std::int32_t year = 1970;
  std::int32_t month = 1;  // 1 .. 12
  std::int32_t day = 1;    // 1 .. 31
};

bool is_leap_year(std::int32_t year);
std::int32_t days_in_month(std::int32_t year, std::int32_t month);
CivilDate civil_date(Date date);
Date to_date(const CivilDate& civil);
bool is_month_end(Date date);

// The date `months` later (earlier where negative), on day `anchor_day` (1 .. 31), or on the
// month's last day where the month has no such day. With the original day as the anchor, 31 January
// is followed by 28 February and then 31 March.
Date add_months(Date date, std::int32_t months, std::int32_t anchor_day);

// Whole months from `from` back from `to`, and the days that remain: `to` less `months` months (on
// `anchor_day`) is `days` after `from`. Needs from <= to.
struct MonthsAndDays {
  std::int32_t months = 0;
  std::int32_t days = 0;
};
MonthsAndDays months_back(Date from, Date to, std::int32_t anchor_day);

enum class DayCount : std::uint8_t {
  k30_360,     // a month is a twelfth of a year, an odd day 1/360
  kActual365,  // each day is 1/365 of a year
  kActual360,  // each day is 1/360 of a year
};

// The time from `from` to `to` in years, as days / year.
struct YearShare {
  std::int64_t days = 0;
  std::int64_t year = 360;
};
YearShare year_share(Date from, Date to, DayCount day_count, std::int32_t anchor_day);

}  // namespace fenqi::offers
