// Regulation Z, Appendix J (12 CFR 1026): unit periods and odd days.
#include <algorithm>
#include <cmath>

#include "offers/annual_rate.h"

namespace fenqi::offers {
namespace {

using Kind = UnitPeriod::Kind;

// The day to which the months of a series go back, (b)(2) and (b)(5)(i): the last day of the month
// for a series on last days, the 29th or 30th for a series that February cuts short; 0 where the
// dates are no such series, and each goes back on its own day.
std::int32_t series_day(std::span<const DatedFlow> flows, Date start) {
  std::int32_t day = 0;
  bool all_last = is_month_end(start);
  for (const DatedFlow& flow : flows) {
    if (flow.date == start) continue;
    day = std::max(day, civil_date(flow.date).day);
    all_last = all_last && is_month_end(flow.date);
  }
  if (all_last) return 31;
  bool all_last_payments = true;
  bool on_different_days = false;
  for (const DatedFlow& flow : flows) {
    if (flow.date == start) continue;
    const CivilDate civil = civil_date(flow.date);
    if (civil.day != std::min(day, days_in_month(civil.year, civil.month))) return 0;
    all_last_payments = all_last_payments && is_month_end(flow.date);
    on_different_days = on_different_days || civil.day != day;
  }
  return all_last_payments && on_different_days ? 31 : day;
}

struct Span {
  double whole;
  double odd;
};

// (b)(5): the unit periods between two dates, counted back from the later one.
Span unit_periods(Date from, Date to, UnitPeriod unit, std::int32_t day) {
  const std::int32_t anchor = day != 0 ? day : civil_date(to).day;
  const auto split = [](std::int32_t days, std::int32_t length) {
    return Span{static_cast<double>(days / length), static_cast<double>(days % length) / length};
  };
  switch (unit.kind) {
    case Kind::kDays:
      return split(to - from, unit.count);
    case Kind::kSemimonth: {
      const MonthsAndDays span = months_back(from, to, anchor);
      return split(30 * span.months + span.days, 15);
    }
    case Kind::kMonths: {
      const MonthsAndDays span = months_back(from, to, anchor);
      // A month by itself: its odd days, up to 30 of them, are never another month.
      if (unit.count == 1) return {static_cast<double>(span.months), span.days / 30.0};
      return split(30 * span.months + span.days, 30 * unit.count);
    }
    case Kind::kTerm:
      return {to > from ? 1.0 : 0.0, 0.0};
    case Kind::kYear:
      break;
  }
  const MonthsAndDays span = months_back(from, to, anchor);
  const std::int32_t years = span.months / 12;
  // (b)(5)(v): what remains counts in months where they are whole, otherwise in days.
  if (span.days == 0) return {static_cast<double>(years), (span.months % 12) / 12.0};
  const Date reached = years == 0 ? to : add_months(to, -12 * years, anchor);
  return {static_cast<double>(years), (reached - from) / 365.0};
}

// Unit periods in a year; for kTerm the length of the term decides, (b)(5)(vi).
double in_a_year(UnitPeriod unit, Date start, Date end, std::int32_t day) {
  switch (unit.kind) {
    case Kind::kDays:
      return unit.count % 7 == 0 ? 52.0 / (unit.count / 7) : 365.0 / unit.count;
    case Kind::kSemimonth:
      return 24.0;
    case Kind::kMonths:
      return 12.0 / unit.count;
    case Kind::kYear:
      return 1.0;
    case Kind::kTerm:
      break;
  }
  const MonthsAndDays span = months_back(start, end, day != 0 ? day : civil_date(end).day);
  return span.days == 0 ? 12.0 / span.months : 365.0 / (end - start);
}

struct Range {
  Date first;
  Date last;
};

Range range_of(std::span<const DatedFlow> flows) {
  Range range{flows.front().date, flows.front().date};
  for (const DatedFlow& flow : flows) {
    range.first = std::min(range.first, flow.date);
    range.last = std::max(range.last, flow.date);
  }
  return range;
}

// Months where the dates are whole months apart, otherwise days.
UnitPeriod interval(Date from, Date to, std::int32_t day) {
  const MonthsAndDays span = months_back(from, to, day != 0 ? day : civil_date(to).day);
  if (span.months == 0 || span.days != 0) return {Kind::kDays, to - from};
  return span.months < 12 ? UnitPeriod{Kind::kMonths, span.months} : UnitPeriod{Kind::kYear, 1};
}

double length(UnitPeriod unit) {
  switch (unit.kind) {
    case Kind::kDays:
      return unit.count;
    case Kind::kSemimonth:
      return 15.0;
    case Kind::kMonths:
      return 30.0 * unit.count;
    default:
      return 360.0;
  }
}

bool same(UnitPeriod a, UnitPeriod b) {
  return a.kind == b.kind && a.count == b.count;
}

// Half months are 13 to 16 days, in turn: all intervals together tell them from odd days.
bool is_semimonthly(std::span<const DatedFlow> flows, Date start) {
  Date before = kNoDate;
  std::int32_t intervals = 0;
  for (const DatedFlow& flow : flows) {
    if (flow.date == start || flow.date == before) continue;
    if (before != kNoDate) {
      const std::int32_t days = flow.date - before;
      if (days < 13 || days > 16) return false;
      ++intervals;
    }
    before = flow.date;
  }
  return intervals >= 2;
}

// An interval of odd days as a unit period: a whole number of weeks, or of days below a week.
UnitPeriod rounded(std::int32_t days) {
  if (days >= 365) return {Kind::kYear, 1};
  if (days >= 28 && days % 7 != 0) return {Kind::kMonths, std::clamp((days + 15) / 30, 1, 11)};
  if (days > 7) return {Kind::kDays, (days + 3) / 7 * 7};
  return {Kind::kDays, std::max(days, 1)};
}

}  // namespace

UnitPeriod common_unit_period(std::span<const DatedFlow> flows) {
  const Range range = range_of(flows);
  const std::int32_t day = series_day(flows, range.first);
  if (flows.size() == 2) {
    const MonthsAndDays span =
        months_back(range.first, range.last, day != 0 ? day : civil_date(range.last).day);
    return span.months >= 12 ? UnitPeriod{Kind::kYear, 1} : UnitPeriod{Kind::kTerm, 1};
  }
  // Intervals between payments that follow each other in the order given; the first one is often
  // odd.
  UnitPeriod best =
      rounded((range.last - range.first) / static_cast<std::int32_t>(flows.size() - 1));
  std::int32_t best_count = 1;
  for (std::size_t k = 1; k < flows.size(); ++k) {
    if (flows[k].date <= flows[k - 1].date) continue;
    const UnitPeriod candidate = interval(flows[k - 1].date, flows[k].date, day);
    if (best_count > 1 && same(candidate, best)) continue;  // counted already
    std::int32_t count = 0;
    for (std::size_t j = 1; j < flows.size(); ++j) {
      count += flows[j].date > flows[j - 1].date &&
               same(candidate, interval(flows[j - 1].date, flows[j].date, day));
    }
    if (count > best_count ||
        (count == best_count && count > 1 && length(candidate) < length(best))) {
      best = candidate;
      best_count = count;
    }
  }
  const bool odd = best.kind == Kind::kDays && best.count % 7 != 0;
  if (odd && is_semimonthly(flows, range.first)) return {Kind::kSemimonth, 1};
  return best.kind == Kind::kDays ? rounded(best.count) : best;
}

Fault appendix_j_rate(std::span<const DatedFlow> flows, UnitPeriod unit, std::span<Flow> scratch,
                      AnnualRate* answer) {
  if (const Fault fault = check(flows, scratch.size()); !fault.ok()) return fault;
  if (unit.count < 1 || (unit.kind == Kind::kMonths && unit.count > 11) || unit.count > 365) {
    return {"unit_period",
            "must be 1 to 365 days, a semimonth, 1 to 11 months, a year or the term"};
  }
  const Range range = range_of(flows);
  const std::int32_t day = series_day(flows, range.first);
  for (std::size_t k = 0; k < flows.size(); ++k) {
    const Span span = unit_periods(range.first, flows[k].date, unit, day);
    scratch[k] = {span.whole, span.odd, flows[k].amount};
  }
  const InternalRate found = internal_rate(scratch.first(flows.size()));
  const double rate = found.rate() * in_a_year(unit, range.first, range.last, day);
  *answer = {found.solutions, found.ok() ? rate : 0.0, found.count};
  return {};
}

}  // namespace fenqi::offers
