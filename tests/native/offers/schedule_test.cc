#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/schedule.h"

#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <random>
#include <string>

#include "offers/cost_rate.h"

using namespace fenqi::offers;

namespace {

std::array<Row, kMaxPeriods> rows;

Loan plain() {
  Loan loan;
  loan.principal_fen = 1'000'000;
  loan.annual_rate = 180'000'000'000;
  loan.periods = 12;
  return loan;
}

Schedule build(const Loan& loan, std::span<const Charge> charges = {}) {
  Schedule schedule;
  const Fault fault = build_schedule(loan, charges, rows, {}, schedule);
  CHECK_MESSAGE(fault.ok(), std::string(fault.ok() ? "" : fault.what));
  return schedule;
}

std::string refused(const Loan& loan, std::span<const Charge> charges = {}) {
  Schedule schedule;
  const Fault fault = build_schedule(loan, charges, rows, {}, schedule);
  return fault.ok() ? "" : fault.field;
}

void check_invariants(const Loan& loan, const Schedule& schedule) {
  std::int64_t balance = schedule.financed_fen;
  std::int64_t principal = 0;
  bool interest_fills_a_row = false;
  for (std::int32_t k = 0; k < schedule.rows; ++k) {
    const Row& row = rows[static_cast<std::size_t>(k)];
    REQUIRE(row.principal_fen >= 0);
    REQUIRE(row.interest_fen >= 0);
    REQUIRE(row.charges_fen >= 0);
    REQUIRE(row.capitalised_fen >= 0);
    interest_fills_a_row = interest_fills_a_row || (row.principal_fen == 0 && row.interest_fen > 0);
    balance += row.capitalised_fen - row.principal_fen;
    REQUIRE(row.balance_fen == balance);
    principal += row.principal_fen;
  }
  REQUIRE(balance == 0);
  REQUIRE(principal == schedule.financed_fen + schedule.capitalised_fen);
  // One instalment alone is the first, which takes up an odd first period.
  if (loan.method == Method::kEqualInstalments && loan.amortisation_periods == 0 &&
      !interest_fills_a_row && schedule.rows > 1) {
    const Row& last = rows[static_cast<std::size_t>(schedule.rows - 1)];
    const std::int64_t paid = last.principal_fen + last.interest_fen;
    REQUIRE(std::abs(paid - schedule.instalment_fen) <= loan.periods + 1);
  }
}

}  // namespace

TEST_CASE("any loan that is accepted has a plan that keeps its promises") {
  std::mt19937_64 random(1);
  const auto below = [&](std::uint64_t limit) {
    return static_cast<std::int64_t>(random() % limit);
  };
  int accepted = 0;
  for (int i = 0; i < 20'000; ++i) {
    Loan loan;
    loan.method = static_cast<Method>(below(4));
    loan.frequency = static_cast<Frequency>(below(6));
    loan.principal_fen = 1 + below(std::uint64_t{1} << (1 + below(53)));
    loan.periods = static_cast<std::int32_t>(1 + below(below(20) == 0 ? 600 : 60));
    (loan.method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) =
        below(3) == 0 ? below(1000) : below(10 * kRateUnit);
    loan.instalment_rounding = static_cast<Rounding>(below(4));
    loan.interest_rounding = static_cast<Rounding>(below(4));
    if (below(3) == 0) {
      loan.grace_periods =
          static_cast<std::int32_t>(below(static_cast<std::uint64_t>(loan.periods)));
      loan.grace = static_cast<Grace>(below(2));
    }
    if (below(2) == 0) {
      loan.day_count = static_cast<DayCount>(below(3));
      loan.disbursed = static_cast<Date>(below(40'000));
      if (below(3) == 0) loan.first_due = loan.disbursed + static_cast<Date>(1 + below(100));
    }
    Schedule schedule;
    const Fault fault = build_schedule(loan, {}, rows, {}, schedule);
    if (!fault.ok()) {
      // Only what interest makes of such amounts may be refused.
      const std::string field = fault.field;
      REQUIRE((field == "annual_rate" || field == "flat_rate"));
      continue;
    }
    ++accepted;
    // Above 100 % a period a fen of rounding grows to more than a fen at the next instalment.
    const double per_period = static_cast<double>(loan.annual_rate) / 1e12 /
                              std::max(1, periods_per_year(loan.frequency));
    if (per_period > 1.0) continue;
    check_invariants(loan, schedule);
  }
  CHECK(accepted > 15'000);
}

TEST_CASE("rounding that compounds is spread instead of left to the last instalment") {
  Loan loan = plain();
  loan.annual_rate = 360'000'000'000;
  loan.periods = 360;
  loan.instalment_rounding = Rounding::kUp;
  Schedule schedule = build(loan);
  check_invariants(loan, schedule);
  loan.last_instalment = LastInstalment::kTakesAll;
  schedule = build(loan);
  const Row& last = rows[static_cast<std::size_t>(schedule.rows - 1)];
  CHECK(schedule.instalment_fen - last.payment_fen() > 361);
}

TEST_CASE("full grace adds interest to the balance, interest-only grace has it paid") {
  Loan loan = plain();
  loan.grace_periods = 2;
  Schedule schedule = build(loan);
  CHECK(rows[0].interest_fen == 15'000);
  CHECK(rows[1].balance_fen == 1'000'000);
  CHECK(schedule.capitalised_fen == 0);
  loan.grace = Grace::kFull;
  schedule = build(loan);
  CHECK(rows[0].payment_fen() == 0);
  CHECK(rows[0].capitalised_fen == 15'000);
  CHECK(rows[1].capitalised_fen == 15'225);
  CHECK(rows[1].balance_fen == 1'030'225);
  check_invariants(loan, schedule);
}

TEST_CASE("a long first period is charged in the first instalment, the others stay as they were") {
  Loan loan = plain();
  const Schedule regular = build(loan);
  loan.disbursed = to_date({2026, 1, 10});
  loan.first_due = to_date({2026, 2, 20});
  const Schedule schedule = build(loan);
  CHECK(schedule.instalment_fen == regular.instalment_fen);
  // One month and ten days: 40 / 360 of 18 %.
  CHECK(rows[0].interest_fen == 20'000);
  CHECK(rows[0].payment_fen() == regular.instalment_fen + 5'000);
  CHECK(rows[1].payment_fen() == regular.instalment_fen);
  loan.first_due = to_date({2026, 1, 25});
  build(loan);
  CHECK(rows[0].interest_fen == 7'500);
  CHECK(rows[0].payment_fen() == regular.instalment_fen - 7'500);
  check_invariants(loan, schedule);
}

TEST_CASE("where days are counted the equal instalment is solved for the days that there are") {
  Loan loan = plain();
  loan.disbursed = to_date({2027, 12, 31});
  loan.day_count = DayCount::kActual365;
  const Schedule schedule = build(loan);
  check_invariants(loan, schedule);
  // 31 days of January; 29 of February 2028.
  CHECK(rows[0].interest_fen == 15'288);
  loan.level_basis = LevelBasis::kEqualPeriods;
  const Schedule nominal = build(loan);
  CHECK(nominal.instalment_fen == 91'680);
  CHECK(nominal.instalment_fen != schedule.instalment_fen);
}

TEST_CASE("custom dates are used as given") {
  const std::array<Date, 3> dates{to_date({2026, 2, 1}), to_date({2026, 2, 15}),
                                  to_date({2026, 6, 1})};
  Loan loan = plain();
  loan.periods = 3;
  loan.frequency = Frequency::kCustom;
  loan.day_count = DayCount::kActual365;
  loan.disbursed = to_date({2026, 1, 1});
  loan.due_dates = dates;
  const Schedule schedule = build(loan);
  for (std::size_t k = 0; k < 3; ++k) CHECK(rows[k].due == dates[k]);
  CHECK(rows[0].interest_fen == 15'288);
  check_invariants(loan, schedule);
}

TEST_CASE("each charge goes to its base, its time and its total") {
  const std::array<Charge, 5> charges{{
      {ChargeTiming::kDeducted, ChargeBase::kPrincipal, Payee::kLender, 0, 30'000'000'000},
      {ChargeTiming::kAdded, ChargeBase::kFlat, Payee::kInsurer, 20'000, 0},
      {ChargeTiming::kEachInstalment, ChargeBase::kFlat, Payee::kGuarantor, 5'000, 0},
      {ChargeTiming::kEachInstalment, ChargeBase::kBalance, Payee::kPlatform, 0, 1'000'000'000},
      {ChargeTiming::kEachInstalment, ChargeBase::kInterest, Payee::kOther, 0, 100'000'000'000},
  }};
  const Loan loan = plain();
  Schedule schedule;
  std::array<std::int64_t, 5> totals{};
  REQUIRE(build_schedule(loan, charges, rows, totals, schedule).ok());
  CHECK(schedule.received_fen == 970'000);
  CHECK(schedule.financed_fen == 1'020'000);
  CHECK(rows[0].interest_fen == 15'300);
  CHECK(rows[0].charges_fen == 5'000 + 1'020 + 1'530);
  CHECK(totals[0] == 30'000);
  CHECK(totals[1] == 20'000);
  CHECK(totals[2] == 60'000);
  std::int64_t sum = 0;
  for (const std::int64_t total : totals) sum += total;
  CHECK(sum == schedule.charges_fen);
  check_invariants(loan, schedule);
}

TEST_CASE("what cannot be computed is refused by its field") {
  Loan loan = plain();
  const auto with = [&](auto change) {
    Loan changed = plain();
    change(changed);
    return refused(changed);
  };
  CHECK(with([](Loan& l) { l.principal_fen = 0; }) == "principal_fen");
  CHECK(with([](Loan& l) { l.principal_fen = -5; }) == "principal_fen");
  CHECK(with([](Loan& l) { l.principal_fen = kMaxAmountFen + 1; }) == "principal_fen");
  CHECK(with([](Loan& l) { l.periods = 0; }) == "periods");
  CHECK(with([](Loan& l) { l.periods = kMaxPeriods + 1; }) == "periods");
  CHECK(with([](Loan& l) { l.annual_rate = -1; }) == "annual_rate");
  CHECK(with([](Loan& l) { l.annual_rate = kMaxRate + 1; }) == "annual_rate");
  CHECK(with([](Loan& l) { l.flat_rate = 1; }) == "flat_rate");
  CHECK(with([](Loan& l) { l.grace_periods = 12; }) == "grace_periods");
  CHECK(with([](Loan& l) { l.day_count = DayCount::kActual365; }) == "disbursed");
  CHECK(with([](Loan& l) { l.first_due = 5; }) == "disbursed");
  CHECK(with([](Loan& l) { l.disbursed = 5, l.first_due = 5; }) == "first_due");
  CHECK(with([](Loan& l) { l.disbursed = kLastDate - 40; }) == "periods");
  CHECK(with([](Loan& l) { l.due_day = 32, l.disbursed = 5; }) == "due_day");
  CHECK(with([](Loan& l) { l.frequency = Frequency::kCustom; }) == "due_dates");
  CHECK(with([](Loan& l) { l.instalment_fen = 14'999; }) == "instalment_fen");
  CHECK(with([](Loan& l) { l.amortisation_periods = 6; }) == "amortisation_periods");
  CHECK(with([](Loan& l) {
          l.annual_rate = kMaxRate, l.frequency = Frequency::kYearly,
          l.principal_fen = kMaxAmountFen;
        }) == "annual_rate");
  const std::array<Date, 2> backwards{20, 10};
  loan.frequency = Frequency::kCustom;
  loan.periods = 2;
  loan.disbursed = 0;
  loan.due_dates = backwards;
  CHECK(refused(loan) == "due_dates");
  const std::array<Charge, 1> all{
      {{ChargeTiming::kDeducted, ChargeBase::kFlat, Payee::kLender, 1'000'000, 0}}};
  CHECK(refused(plain(), all) == "charges");
  const std::array<Charge, 1> by_balance{
      {{ChargeTiming::kDeducted, ChargeBase::kBalance, Payee::kLender, 0, 1}}};
  CHECK(refused(plain(), by_balance) == "charges.base");
}

TEST_CASE("the cost of a plan without charges is the contract's rate, but for rounding") {
  Loan loan = plain();
  loan.principal_fen = std::int64_t{1} << 45;
  for (const Method method :
       {Method::kEqualInstalments, Method::kEqualPrincipal, Method::kInterestOnly}) {
    loan.method = method;
    const Schedule schedule = build(loan);
    const CostRate cost = cost_rate(loan, schedule, rows);
    CHECK(cost.nominal == doctest::Approx(0.18).epsilon(1e-9));
    CHECK(cost.simple == doctest::Approx(0.18).epsilon(1e-9));
    CHECK(cost.effective == doctest::Approx(std::pow(1.015, 12) - 1.0).epsilon(1e-9));
  }
}

TEST_CASE("cost in days agrees with cost in periods within what days make of them") {
  Loan loan = plain();
  loan.disbursed = to_date({2026, 1, 10});
  const Schedule by_periods = build(loan);
  const CostRate periods = cost_rate(loan, by_periods, rows);
  loan.first_due = to_date({2026, 2, 11});
  const Schedule by_days = build(loan);
  const CostRate days = cost_rate(loan, by_days, rows);
  CHECK(days.effective == doctest::Approx(periods.effective).epsilon(0.01));
  CHECK(days.effective != periods.effective);
}
