#include "offers/annual_rate.h"

#include <algorithm>
#include <cmath>

namespace fenqi::offers {
namespace {

Date first_date(std::span<const DatedFlow> flows) {
  return std::min_element(flows.begin(), flows.end(),
                          [](const DatedFlow& a, const DatedFlow& b) { return a.date < b.date; })
      ->date;
}

// Days before `end` as a part of the year that ends there.
double odd_days(Date end, std::int32_t days) {
  if (days == 0) return 0.0;
  return static_cast<double>(days) / (end - add_months(end, -12, civil_date(end).day));
}

// Whole steps of `months` back from `to`, and the date that they lead to. Two month ends are whole
// months apart, also where the later month is the shorter one.
std::int32_t steps_back(Date from, Date to, std::int32_t months, Date* reached) {
  const bool ends = is_month_end(from) && is_month_end(to);
  const std::int32_t anchor = ends ? 31 : civil_date(to).day;
  const std::int32_t steps = months_back(from, to, anchor).months / months;
  *reached = steps == 0 ? to : add_months(to, -steps * months, anchor);
  return steps;
}

AnnualRate to_answer(const InternalRate& found, double rate) {
  return {found.solutions, found.ok() ? rate : 0.0, found.count};
}

}  // namespace

Fault check(std::span<const DatedFlow> flows, std::size_t room) {
  if (flows.size() < 2) return {"flows", "must be two at least: an advance and a payment"};
  if (flows.size() > kMaxFlows || flows.size() > room) return {"flows", "must be at most 4096"};
  for (const DatedFlow& flow : flows) {
    if (flow.date < kFirstDate || flow.date > kLastDate) {
      return {"flows.date", "must be a date of the years 1 to 9999"};
    }
    // Beyond it sums of amounts and of amounts times years would leave the doubles.
    if (!(std::abs(flow.amount) <= 1e100)) {
      return {"flows.amount", "must be a finite number, at most 1e100"};
    }
  }
  return {};
}

double years_between(Date from, Date to, Interval interval) {
  Date reached = to;
  switch (interval) {
    case Interval::kDays:
      return (to - from) / 365.0;
    case Interval::kWeeks: {
      const std::int32_t weeks = (to - from) / 7;
      reached = to - 7 * weeks;
      return weeks / 52.0 + odd_days(reached, reached - from);
    }
    case Interval::kMonths: {
      const std::int32_t months = steps_back(from, to, 1, &reached);
      return months / 12.0 + odd_days(reached, reached - from);
    }
    case Interval::kYears:
      break;
  }
  const std::int32_t years = steps_back(from, to, 12, &reached);
  return years + odd_days(reached, reached - from);
}

Fault effective_rate(std::span<const DatedFlow> flows, Interval interval, std::span<Flow> scratch,
                     AnnualRate* answer) {
  if (const Fault fault = check(flows, scratch.size()); !fault.ok()) return fault;
  const Date start = first_date(flows);
  for (std::size_t k = 0; k < flows.size(); ++k) {
    scratch[k] = {years_between(start, flows[k].date, interval), 0.0, flows[k].amount};
  }
  const InternalRate found = internal_rate(scratch.first(flows.size()));
  *answer = to_answer(found, found.rate());
  return {};
}

bool within_appendix_j_tolerance(double disclosed, double actual, bool irregular) {
  return std::abs(disclosed - actual) <= (irregular ? 0.0025 : 0.00125);
}

Fault simple_rate(std::span<const DatedFlow> flows, AnnualRate* answer) {
  if (const Fault fault = check(flows, flows.size()); !fault.ok()) return fault;
  const Date start = first_date(flows);
  double first = 0.0;
  for (const DatedFlow& flow : flows) first += flow.date == start ? flow.amount : 0.0;
  double advanced = 0.0;
  double paid = 0.0;
  double advanced_time = 0.0;
  double paid_time = 0.0;
  for (const DatedFlow& flow : flows) {
    const double years = (flow.date - start) / 365.0;
    const double amount = std::abs(flow.amount);
    const bool advance = (flow.amount > 0.0) == (first > 0.0);
    (advance ? advanced : paid) += amount;
    (advance ? advanced_time : paid_time) += amount * years;
  }
  *answer = {Solutions::kNoChange, 0.0, 0};
  if (advanced == 0.0 || paid == 0.0) return {};
  const double principal_years = paid_time * (advanced / paid) - advanced_time;
  const double rate = (paid - advanced) / principal_years;
  // Also where amounts are so far apart that their quotient is no number.
  if (!(principal_years > 0.0) || !std::isfinite(rate)) {
    answer->solutions = Solutions::kNone;
    return {};
  }
  *answer = {Solutions::kUnique, rate, 1};
  return {};
}

}  // namespace fenqi::offers
