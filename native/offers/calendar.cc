#include "offers/calendar.h"

#include <algorithm>

namespace fenqi::offers {
namespace {

// The era of 400 years repeats exactly; with the year beginning in March a leap day comes last.
constexpr std::int32_t kDaysPerEra = 146097;
constexpr std::int32_t kEpochShift = 719468;  // days from 0000-03-01 to 1970-01-01

std::int32_t floor_divide(std::int32_t a, std::int32_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

// Days from 1 March to the first day of the month that lies `months` after March.
std::int32_t days_before(std::int32_t months) {
  return (153 * months + 2) / 5;
}

}  // namespace

bool is_leap_year(std::int32_t year) {
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

std::int32_t days_in_month(std::int32_t year, std::int32_t month) {
  if (month == 2) return is_leap_year(year) ? 29 : 28;
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

CivilDate civil_date(Date date) {
  const std::int32_t shifted = date + kEpochShift;
  const std::int32_t era = floor_divide(shifted, kDaysPerEra);
  const std::int32_t day_of_era = shifted - era * kDaysPerEra;
  const std::int32_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int32_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int32_t month = (5 * day_of_year + 2) / 153;
  const std::int32_t year = year_of_era + era * 400 + (month >= 10 ? 1 : 0);
  return {year, month < 10 ? month + 3 : month - 9, day_of_year - days_before(month) + 1};
}

Date to_date(const CivilDate& civil) {
  const std::int32_t year = civil.year - (civil.month <= 2 ? 1 : 0);
  const std::int32_t era = floor_divide(year, 400);
  const std::int32_t year_of_era = year - era * 400;
  const std::int32_t month = civil.month > 2 ? civil.month - 3 : civil.month + 9;
  const std::int32_t day_of_era =
      year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + days_before(month) + civil.day - 1;
  return era * kDaysPerEra + day_of_era - kEpochShift;
}

bool is_month_end(Date date) {
  const CivilDate civil = civil_date(date);
  return civil.day == days_in_month(civil.year, civil.month);
}

Date add_months(Date date, std::int32_t months, std::int32_t anchor_day) {
  const CivilDate civil = civil_date(date);
  const std::int32_t index = civil.year * 12 + civil.month - 1 + months;
  const std::int32_t year = floor_divide(index, 12);
  const std::int32_t month = index - year * 12 + 1;
  return to_date({year, month, std::min(anchor_day, days_in_month(year, month))});
}

MonthsAndDays months_back(Date from, Date to, std::int32_t anchor_day) {
  const CivilDate first = civil_date(from);
  const CivilDate last = civil_date(to);
  std::int32_t months = (last.year - first.year) * 12 + last.month - first.month;
  // `to` itself is where it is, also where the anchor would put it elsewhere in its month.
  const auto back = [&](std::int32_t count) {
    return count == 0 ? to : add_months(to, -count, anchor_day);
  };
  if (months > 0 && back(months) < from) --months;
  return {months, from <= back(months) ? back(months) - from : 0};
}

YearShare year_share(Date from, Date to, DayCount day_count, std::int32_t anchor_day) {
  switch (day_count) {
    case DayCount::kActual365:
      return {to - from, 365};
    case DayCount::kActual360:
      return {to - from, 360};
    case DayCount::k30_360:
      break;
  }
  const MonthsAndDays span = months_back(from, to, anchor_day);
  return {std::int64_t{30} * span.months + span.days, 360};
}

}  // namespace fenqi::offers
