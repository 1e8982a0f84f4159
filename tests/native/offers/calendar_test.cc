#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/calendar.h"

#include <doctest/doctest.h>

#include <vector>

#include "offers/loan.h"

using namespace fenqi::offers;

namespace {

Date day(int year, int month, int of_month) {
  return to_date({year, month, of_month});
}

}  // namespace

TEST_CASE("every day of ten thousand years is the successor of the one before") {
  CHECK(to_date({1, 1, 1}) == kFirstDate);
  CHECK(to_date({9999, 12, 31}) == kLastDate);
  CHECK(to_date({1970, 1, 1}) == 0);
  CivilDate expected{1, 1, 1};
  int wrong = 0;
  for (Date date = kFirstDate; date <= kLastDate; ++date) {
    const CivilDate civil = civil_date(date);
    wrong += civil.year != expected.year || civil.month != expected.month ||
             civil.day != expected.day || to_date(civil) != date;
    if (++expected.day > days_in_month(expected.year, expected.month)) {
      expected.day = 1;
      if (++expected.month > 12) {
        expected.month = 1;
        ++expected.year;
      }
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("month ends go back to the original day, leap days included") {
  Loan loan;
  loan.principal_fen = 1;
  loan.periods = 13;
  loan.disbursed = day(2023, 12, 31);
  const std::vector<Date> expected{
      day(2024, 1, 31),  day(2024, 2, 29),  day(2024, 3, 31), day(2024, 4, 30), day(2024, 5, 31),
      day(2024, 6, 30),  day(2024, 7, 31),  day(2024, 8, 31), day(2024, 9, 30), day(2024, 10, 31),
      day(2024, 11, 30), day(2024, 12, 31), day(2025, 1, 31)};
  for (int row = 1; row <= 13; ++row) {
    CHECK(due_date(loan, row) == expected[static_cast<std::size_t>(row - 1)]);
  }
  loan.first_due = day(2025, 2, 28);
  loan.due_day = 30;
  CHECK(due_date(loan, 1) == day(2025, 2, 28));
  CHECK(due_date(loan, 2) == day(2025, 3, 30));
}

TEST_CASE("yearly due dates from 29 February return to it") {
  Loan loan;
  loan.periods = 4;
  loan.frequency = Frequency::kYearly;
  loan.disbursed = day(2024, 2, 29);
  CHECK(due_date(loan, 1) == day(2025, 2, 28));
  CHECK(due_date(loan, 4) == day(2028, 2, 29));
}

TEST_CASE("whole months are counted back from the later date, and days are what remains") {
  // Regulation Z, Appendix J (c)(1)(ii) and (iv).
  MonthsAndDays span = months_back(day(1978, 2, 10), day(1978, 4, 1), 1);
  CHECK(span.months == 1);
  CHECK(span.days == 19);
  span = months_back(day(1978, 5, 23), day(1978, 10, 1), 1);
  CHECK(span.months == 4);
  CHECK(span.days == 9);
  span = months_back(day(2024, 1, 31), day(2024, 2, 29), 31);
  CHECK(span.months == 1);
  CHECK(span.days == 0);
  span = months_back(day(2024, 2, 29), day(2024, 2, 29), 29);
  CHECK(span.months == 0);
  CHECK(span.days == 0);
}

TEST_CASE("day counts differ as their names say") {
  const Date from = day(2024, 1, 31);
  const Date to = day(2024, 3, 31);
  YearShare share = year_share(from, to, DayCount::k30_360, 31);
  CHECK(share.days == 60);
  CHECK(share.year == 360);
  share = year_share(from, to, DayCount::kActual365, 31);
  CHECK(share.days == 60);
  CHECK(share.year == 365);
  share = year_share(day(2023, 1, 31), day(2023, 3, 31), DayCount::kActual360, 31);
  CHECK(share.days == 59);
  CHECK(share.year == 360);
}
