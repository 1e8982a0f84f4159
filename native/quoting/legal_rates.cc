#include "quoting/legal_rates.h"

#include <limits>

namespace fenqi::quoting {
namespace {

// Annex III (c) of the directive: equal months, weeks or years where the plan is made of them.
offers::Interval interval_of(offers::Frequency frequency) {
  switch (frequency) {
    case offers::Frequency::kMonthly:
    case offers::Frequency::kQuarterly:
      return offers::Interval::kMonths;
    case offers::Frequency::kWeekly:
    case offers::Frequency::kFortnightly:
      return offers::Interval::kWeeks;
    case offers::Frequency::kYearly:
      return offers::Interval::kYears;
    case offers::Frequency::kSemimonthly:
    case offers::Frequency::kCustom:
      break;
  }
  return offers::Interval::kDays;
}

double number(const offers::Fault& fault, const offers::AnnualRate& answer) {
  const bool found = fault.ok() && (answer.solutions == offers::Solutions::kUnique ||
                                    answer.solutions == offers::Solutions::kSeveral);
  return found ? answer.rate : std::numeric_limits<double>::infinity();
}

}  // namespace

LegalRateCounter::LegalRateCounter() : scratch_(offers::kMaxPeriods + 1) {
  flows_.reserve(offers::kMaxPeriods + 1);
}

LegalRates LegalRateCounter::count(const offers::Loan& loan, const offers::Schedule& schedule,
                                   std::span<const offers::Row> rows) {
  flows_.clear();
  flows_.push_back({loan.disbursed, static_cast<double>(schedule.received_fen)});
  for (const offers::Row& row : rows) {
    flows_.push_back({row.due, -static_cast<double>(row.payment_fen())});
  }
  const std::span<offers::Flow> scratch = std::span(scratch_).first(flows_.size());
  LegalRates rates;
  offers::AnnualRate answer;
  offers::Fault fault = appendix_j_rate(flows_, common_unit_period(flows_), scratch, &answer);
  rates.appendix_j = number(fault, answer);
  answer = {};
  fault = effective_rate(flows_, interval_of(loan.frequency), scratch, &answer);
  rates.eu = number(fault, answer);
  return rates;
}

}  // namespace fenqi::quoting
