#include "offers/loan.h"

namespace fenqi::offers {
namespace {

bool is_date(Date date) {
  return kFirstDate <= date && date <= kLastDate;
}

Fault check_dates(const Loan& loan) {
  const bool custom = loan.frequency == Frequency::kCustom;
  if (loan.disbursed == kNoDate) {
    if (custom)
      return {"disbursed", "is needed where due dates are given: say when the money is paid out"};
    if (loan.day_count != DayCount::k30_360) {
      return {"disbursed", "is needed where days are counted: say when the money is paid out"};
    }
    if (loan.first_due != kNoDate) {
      return {"disbursed", "is needed beside first_due: say when the money is paid out"};
    }
    return {};
  }
  if (!is_date(loan.disbursed)) return {"disbursed", "must be a date of the years 1 to 9999"};
  if (loan.due_day < 0 || loan.due_day > 31) return {"due_day", "must be 1 to 31"};
  if (loan.first_due != kNoDate) {
    if (custom) return {"first_due", "is the first of due_dates: leave it out"};
    if (!is_date(loan.first_due)) return {"first_due", "must be a date of the years 1 to 9999"};
    if (loan.first_due <= loan.disbursed) return {"first_due", "must be after disbursed"};
  }
  if (custom) {
    Date before = loan.disbursed;
    for (const Date due : loan.due_dates) {
      if (!is_date(due)) return {"due_dates", "must be dates of the years 1 to 9999"};
      if (due <= before) return {"due_dates", "must be after disbursed and ascending"};
      before = due;
    }
  } else if (due_date(loan, loan.periods) > kLastDate) {
    return {"periods", "end after the year 9999: pay out earlier or take fewer periods"};
  }
  return {};
}

Fault check_rate_changes(const Loan& loan) {
  if (loan.rate_changes.empty()) return {};
  if (loan.method == Method::kFlatFee)
    return {"rate_changes", "a flat fee has no rate that changes"};
  if (loan.day_count != DayCount::k30_360 || loan.frequency == Frequency::kCustom) {
    return {"rate_changes", "need equal periods: day_count 30/360 and no custom dates"};
  }
  std::int32_t before = 1;
  for (const RateChange& change : loan.rate_changes) {
    if (change.from_row <= before || change.from_row > loan.periods) {
      return {"rate_changes", "must begin at instalments 2 to periods, ascending"};
    }
    if (change.annual_rate < 0 || change.annual_rate > kMaxRate) {
      return {"rate_changes", "each annual_rate must be 0 to 100 (10,000 %)"};
    }
    if (change.instalment_cap < 0 || change.instalment_cap > kMaxRate) {
      return {"rate_changes", "each instalment_cap must be a factor up to 100"};
    }
    before = change.from_row;
  }
  return {};
}

}  // namespace

std::int32_t periods_per_year(Frequency frequency) {
  switch (frequency) {
    case Frequency::kMonthly:
      return 12;
    case Frequency::kWeekly:
      return 52;
    case Frequency::kFortnightly:
      return 26;
    case Frequency::kSemimonthly:
      return 24;
    case Frequency::kQuarterly:
      return 4;
    case Frequency::kYearly:
      return 1;
    case Frequency::kCustom:
      break;
  }
  return 0;
}

Fault check(const Loan& loan) {
  if (loan.principal_fen < 1 || loan.principal_fen > kMaxAmountFen) {
    return {"principal_fen", "must be 1 to 9,007,199,254,740,992 (2^53) fen"};
  }
  if (loan.periods < 1 || loan.periods > kMaxPeriods) return {"periods", "must be 1 to 1,560"};
  if (loan.annual_rate < 0 || loan.annual_rate > kMaxRate) {
    return {"annual_rate", "must be 0 to 100 (10,000 %), as a fraction: 0.18 is 18 %"};
  }
  const bool flat = loan.method == Method::kFlatFee;
  if (flat && loan.annual_rate != 0) {
    return {"annual_rate", "a flat fee has none: give flat_rate, the fee of one period"};
  }
  if (flat ? loan.flat_rate < 0 || loan.flat_rate > kMaxRate : loan.flat_rate != 0) {
    return {"flat_rate", "must be 0 to 100 with method flat_fee, and 0 with the others"};
  }
  if (loan.frequency == Frequency::kCustom
          ? loan.due_dates.size() != static_cast<std::size_t>(loan.periods)
          : !loan.due_dates.empty()) {
    return {"due_dates", "must be one for each period with frequency custom, none with the others"};
  }
  if (loan.grace_periods < 0 || loan.grace_periods >= loan.periods) {
    return {"grace_periods", "must be 0 or more, and fewer than periods"};
  }
  if (loan.instalment_fen < 0 || loan.instalment_fen > kMaxAmountFen) {
    return {"instalment_fen", "must be positive, or 0 to have it computed"};
  }
  if (loan.method != Method::kEqualInstalments) {
    if (loan.instalment_fen != 0) return {"instalment_fen", "only equal_instalments have one"};
    if (loan.balance == Balance::kPrecise) {
      return {"balance", "is carried unrounded with equal_instalments only"};
    }
  }
  if (loan.amortisation_periods != 0 &&
      (loan.amortisation_periods < loan.periods || loan.amortisation_periods > kMaxPeriods ||
       loan.method != Method::kEqualInstalments)) {
    return {"amortisation_periods", "must be periods to 1,560, with equal_instalments only"};
  }
  if (loan.frequency == Frequency::kCustom &&
      (loan.level_basis == LevelBasis::kEqualPeriods || loan.amortisation_periods > loan.periods)) {
    return {"frequency",
            "custom dates are no equal periods: not with level_basis equal_periods, "
            "nor with amortisation_periods"};
  }
  if (loan.compounding != Compounding::kNominal &&
      (loan.day_count != DayCount::k30_360 || loan.frequency == Frequency::kCustom ||
       loan.first_due != kNoDate)) {
    return {"compounding", "needs equal periods: day_count 30/360, no first_due, no custom dates"};
  }
  if (const Fault fault = check_dates(loan); !fault.ok()) return fault;
  return check_rate_changes(loan);
}

std::int32_t anchor_day(const Loan& loan) {
  if (loan.due_day != 0) return loan.due_day;
  return civil_date(loan.first_due != kNoDate ? loan.first_due : loan.disbursed).day;
}

Date due_date(const Loan& loan, std::int32_t row) {
  if (loan.frequency == Frequency::kCustom) {
    return loan.due_dates[static_cast<std::size_t>(row - 1)];
  }
  if (loan.disbursed == kNoDate) return kNoDate;
  const bool given = loan.first_due != kNoDate;
  const Date start = given ? loan.first_due : loan.disbursed;
  const std::int32_t steps = given ? row - 1 : row;
  switch (loan.frequency) {
    case Frequency::kWeekly:
      return start + 7 * steps;
    case Frequency::kFortnightly:
      return start + 14 * steps;
    case Frequency::kSemimonthly: {
      // Counted from a monthly date, every second one is fifteen days after it.
      const Date monthly = steps < 2 ? start : add_months(start, steps / 2, anchor_day(loan));
      return monthly + (steps % 2) * 15;
    }
    case Frequency::kQuarterly:
      return given && steps == 0 ? start : add_months(start, 3 * steps, anchor_day(loan));
    case Frequency::kYearly:
      return given && steps == 0 ? start : add_months(start, 12 * steps, anchor_day(loan));
    default:
      return given && steps == 0 ? start : add_months(start, steps, anchor_day(loan));
  }
}

YearShare first_period(const Loan& loan) {
  if (loan.frequency == Frequency::kWeekly || loan.frequency == Frequency::kFortnightly) {
    return {loan.first_due - loan.disbursed, 364};
  }
  // From a month's end to a month's end whole months pass, also where the later month is shorter.
  const bool ends = is_month_end(loan.disbursed) && is_month_end(loan.first_due);
  return year_share(loan.disbursed, loan.first_due, DayCount::k30_360,
                    ends ? 31 : anchor_day(loan));
}

bool has_regular_first_period(const Loan& loan) {
  if (loan.frequency == Frequency::kCustom) return false;
  if (loan.first_due == kNoDate) return true;
  const YearShare span = first_period(loan);
  return span.days * periods_per_year(loan.frequency) == span.year;
}

}  // namespace fenqi::offers
