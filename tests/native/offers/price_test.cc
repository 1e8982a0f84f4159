#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/price.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>

#include "offers/affordability.h"
#include "offers/break_even.h"
#include "offers/capital.h"
#include "offers/smooth_plan.h"

using namespace fenqi::offers;

namespace {

std::array<Row, kMaxPeriods> rows;

Loan plain() {
  Loan loan;
  loan.principal_fen = 1'000'000;
  loan.periods = 12;
  return loan;
}

constexpr RiskCosts kCosts{0.65, 0.06, 15'000.0, 500.0};

}  // namespace

TEST_CASE("net present values are those of the published example") {
  const Loan loan = plain();
  SmoothPlan plan(loan, {});
  plan.at(0.24);
  const LenderFlow flow{plan.paid_out_fen(), plan.payments_fen(), plan.opening_fen(), 12.0};
  const std::array<double, 6> risks{0.02, 0.04, 0.06, 0.08, 0.10, 0.12};
  const std::array<double, 6> values{70861, 62871, 54829, 46731, 38578, 30366};
  for (std::size_t k = 0; k < risks.size(); ++k) {
    CHECK(net_present_value(flow, risks[k], kCosts) == doctest::Approx(values[k]).epsilon(1e-5));
    CHECK(expected_profit(flow, risks[k], kCosts).net_present_value_fen ==
          net_present_value(flow, risks[k], kCosts));
  }
}

TEST_CASE("without risk and cost a loan at rate 0 is worth nothing, and loses nothing") {
  const Loan loan = plain();
  SmoothPlan plan(loan, {});
  plan.at(0.0);
  const LenderFlow flow{plan.paid_out_fen(), plan.payments_fen(), plan.opening_fen(), 12.0};
  CHECK(std::abs(net_present_value(flow, 0.0, {})) < 1e-6);
  const Profit profit = expected_profit(flow, 0.0, {});
  CHECK(profit.expected_loss_fen == 0.0);
  CHECK(profit.raroc == 0.0);
}

TEST_CASE("a loan that defaults at the end of its only year loses PD x LGD x EAD") {
  Loan loan = plain();
  loan.periods = 1;
  loan.frequency = Frequency::kYearly;
  SmoothPlan plan(loan, {});
  plan.at(0.1);
  const LenderFlow flow{plan.paid_out_fen(), plan.payments_fen(), plan.opening_fen(), 1.0};
  CHECK(expected_profit(flow, 0.05, {0.6, 0.0, 0.0, 0.0}).expected_loss_fen ==
        doctest::Approx(30'000.0).epsilon(1e-12));
}

TEST_CASE("the smooth plan is the rounded plan, but for rounding, with every method") {
  for (const Method method : {Method::kEqualInstalments, Method::kEqualPrincipal,
                              Method::kInterestOnly, Method::kFlatFee}) {
    for (const DayCount days : {DayCount::k30_360, DayCount::kActual365}) {
      Loan loan = plain();
      loan.principal_fen = std::int64_t{1} << 40;
      loan.method = method;
      loan.day_count = days;
      loan.grace_periods = 3;
      loan.disbursed = 20'000;
      (method == Method::kFlatFee ? loan.flat_rate : loan.annual_rate) = kRateUnit / 100;
      const std::array<Charge, 3> charges{{
          {ChargeTiming::kEachInstalment, ChargeBase::kInterest, Payee::kLender, 0, kRateUnit / 10},
          {ChargeTiming::kEachInstalment, ChargeBase::kFlat, Payee::kGuarantor, 10'000, 0},
          {ChargeTiming::kAdded, ChargeBase::kFlat, Payee::kLender, 1'000'000, 0},
      }};
      Schedule schedule;
      REQUIRE(build_schedule(loan, charges, rows, {}, schedule).ok());
      SmoothPlan plan(loan, charges);
      plan.at(0.01);
      std::int64_t balance = schedule.financed_fen;
      for (std::size_t k = 0; k < 12; ++k) {
        CHECK(plan.opening_fen()[k] ==
              doctest::Approx(static_cast<double>(balance)).epsilon(1e-10));
        const auto lenders = static_cast<double>(rows[k].payment_fen() - 10'000);
        CHECK(plan.payments_fen()[k] == doctest::Approx(lenders).epsilon(1e-8));
        balance = rows[k].balance_fen;
      }
    }
  }
}

TEST_CASE("the highest rate within the cap is within it, and a step more is not") {
  const std::array<Charge, 1> guarantee{
      {{ChargeTiming::kEachInstalment, ChargeBase::kFlat, Payee::kGuarantor, 5'000, 0}}};
  for (const CapBasis basis : {CapBasis::kNominal, CapBasis::kEffective}) {
    for (const std::size_t with : {0u, 1u}) {
      const std::int64_t step = kRateUnit / 100'000;
      std::int64_t rate = 0;
      Loan loan = plain();
      const auto charges = std::span(guarantee).first(with);
      REQUIRE(highest_rate_within_cap(loan, charges, 0.24, basis, step, rows, &rate).ok());
      Schedule schedule;
      loan.annual_rate = rate;
      REQUIRE(build_schedule(loan, charges, rows, {}, schedule).ok());
      CHECK(within_cap(cost_rate(loan, schedule, rows), 0.24, basis));
      loan.annual_rate = rate + 10 * step;
      REQUIRE(build_schedule(loan, charges, rows, {}, schedule).ok());
      CHECK(!within_cap(cost_rate(loan, schedule, rows), 0.24, basis));
    }
  }
}

TEST_CASE("a 24 % loan rounded half up, at 24.0001 %, is within a cap of 24 % as disclosed") {
  CHECK(within_cap({0.240001, 0.27, 0.24}, 0.24, CapBasis::kNominal));
  CHECK(!within_cap({0.24005, 0.27, 0.24}, 0.24, CapBasis::kNominal));
  CHECK(disclosed(0.24004999) == doctest::Approx(0.24).epsilon(1e-12));
}

TEST_CASE("adverse selection is a fixed point: the price breaks even on those who accept it") {
  const Loan loan = plain();
  PriceTerms terms;
  terms.costs = kCosts;
  terms.cap = 0.9;
  terms.margin = 0.02;
  terms.rate_step = 1e-9;
  terms.selection_sensitivity = 4.0;
  terms.reference_rate = 0.12;
  Price price;
  REQUIRE(price_loan(loan, {}, terms, 0.05, rows, &price).ok());
  REQUIRE(price.verdict == PriceVerdict::kOffered);
  CHECK(price.pd12 == doctest::Approx(selected_pd(0.05, price.rate, 4.0, 0.12)).epsilon(1e-9));
  CHECK(price.pd12 > 0.05);
  SmoothPlan plan(loan, {});
  plan.at(price.break_even);
  const LenderFlow flow{plan.paid_out_fen(), plan.payments_fen(), plan.opening_fen(), 12.0};
  CHECK(std::abs(net_present_value(flow, price.pd12, kCosts)) < 0.01);
}

TEST_CASE("at the break-even rate a plan is worth nothing, whatever its length, risk and costs") {
  // From one month to fifty years, rates from nearly nothing to hundreds of percent.
  for (const std::int32_t periods : {1, 2, 12, 36, 600}) {
    for (const Frequency frequency :
         {Frequency::kWeekly, Frequency::kMonthly, Frequency::kYearly}) {
      for (const double pd : {0.0, 1e-6, 0.03, 0.6}) {
        for (const double funds : {1e-7, 0.06, 0.9}) {
          Loan loan = plain();
          loan.periods = periods;
          loan.frequency = frequency;
          PriceTerms terms;
          terms.costs = {0.65, funds, 15.0, 2.0};
          LoanValue value(loan, {}, terms, pd);
          const double even = value.break_even();
          if (even < 0.0) continue;
          REQUIRE(even > 0.0);
          SmoothPlan plan(loan, {});
          plan.at(even);
          const LenderFlow flow{plan.paid_out_fen(), plan.payments_fen(), plan.opening_fen(),
                                static_cast<double>(periods_per_year(frequency))};
          // A fen's 10^-5 of a loan of 10,000 yuan, for each period that money is lent.
          CHECK(std::abs(net_present_value(flow, pd, terms.costs)) < 1e-5 * periods);
        }
      }
    }
  }
}

TEST_CASE("where worse risks outrun every price there is none") {
  PriceTerms terms;
  terms.costs = kCosts;
  terms.selection_sensitivity = 100.0;
  Price price;
  REQUIRE(price_loan(plain(), {}, terms, 0.2, rows, &price).ok());
  CHECK(price.verdict == PriceVerdict::kNoBreakEven);
}

TEST_CASE("capital for other retail is Basel's table") {
  // Basel II, Annex 5: risk weights in percent at LGD 45 %, without the scaling factor.
  const std::array<double, 9> risks{0.0003, 0.001, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2};
  const std::array<double, 9> weights{4.45,  11.16, 32.36, 45.77, 57.99,
                                      62.79, 66.42, 75.54, 100.28};
  for (std::size_t k = 0; k < risks.size(); ++k) {
    const double weight = other_retail_capital(risks[k], 0.45) * 12.5 * 100.0;
    CHECK(std::abs(weight - weights[k]) < 0.005);
  }
  CHECK(other_retail_capital(0.05, 0.6) == doctest::Approx(0.070843).epsilon(1e-5));
  CHECK(other_retail_capital(0.0, 0.6) == 0.0);
  CHECK(other_retail_capital(1.0, 0.6) == 0.0);
}

TEST_CASE("the normal quantile is the inverse of the distribution to the last digits") {
  for (double p = 1e-300; p < 1.0; p = p < 0.01 ? p * 3.0 : p + 0.01) {
    CHECK(normal_cdf(normal_quantile(p)) == doctest::Approx(p).epsilon(1e-12));
  }
  CHECK(normal_quantile(0.999) == doctest::Approx(3.090232306167813).epsilon(1e-14));
}
