#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "offers/repayment.h"

#include <doctest/doctest.h>

#include <array>
#include <random>

using namespace fenqi::offers;

namespace {

OpenInstalment open(Date due, std::int64_t charges, std::int64_t interest, std::int64_t principal) {
  OpenInstalment one;
  one.due = due;
  one.unpaid_fen = {charges, 0, interest, principal};
  return one;
}

}  // namespace

TEST_CASE("no fen of a payment is lost, whatever it meets") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 2000; ++i) {
    ServicingTerms terms;
    std::shuffle(terms.waterfall.begin(), terms.waterfall.end(), random);
    terms.tolerance_fen = static_cast<std::int64_t>(random() % 2000);
    std::array<OpenInstalment, 4> open_now;
    std::int64_t before = 0;
    for (std::size_t k = 0; k < open_now.size(); ++k) {
      open_now[k] = open(static_cast<Date>(30 * k), static_cast<std::int64_t>(random() % 100),
                         static_cast<std::int64_t>(random() % 1000),
                         static_cast<std::int64_t>(random() % 10'000));
      before += open_now[k].total_fen();
    }
    const auto amount = static_cast<std::int64_t>(random() % 50'000);
    const Allocation used = allocate(amount, open_now, 60, terms);
    std::int64_t after = 0;
    std::int64_t paid = 0;
    for (const OpenInstalment& one : open_now) after += one.total_fen();
    for (const std::int64_t part : used.paid_fen) paid += part;
    REQUIRE(paid + used.left_fen == amount);
    REQUIRE(before - after == paid);
    REQUIRE((used.left_fen == 0 || after == 0));
  }
}

TEST_CASE("the penalty of a stretch is that of its days, once, on what is overdue") {
  ServicingTerms terms;
  terms.penalty_rate = 360'000'000'000;  // 36 %: a thousandth a day of 360
  terms.grace_days = 3;
  OpenInstalment one = open(100, 0, 10'000, 100'000);
  CHECK(accrue_penalty(one, 103, terms).ok());
  CHECK(one.unpaid_fen[1] == 0);
  CHECK(days_past_due(one, 103, terms) == 0);
  CHECK(days_past_due(one, 104, terms) == 4);
  CHECK(accrue_penalty(one, 104, terms).ok());
  CHECK(one.unpaid_fen[1] == 400);
  CHECK(accrue_penalty(one, 104, terms).ok());
  CHECK(one.unpaid_fen[1] == 400);
  CHECK(accrue_penalty(one, 114, terms).ok());
  CHECK(one.unpaid_fen[1] == 1400);
  terms.penalty_base = PenaltyBase::kInstalment;
  CHECK(accrue_penalty(one, 124, terms).ok());
  CHECK(one.unpaid_fen[1] == 2500);
}

TEST_CASE("a penalty that no amount can hold is refused and changes nothing") {
  ServicingTerms terms;
  terms.penalty_rate = kMaxRate;
  terms.penalty_base = PenaltyBase::kInstalment;
  OpenInstalment one = open(0, 0, kMaxAmountFen, kMaxAmountFen);
  CHECK(accrue_penalty(one, 367, terms).ok());
  const OpenInstalment before = one;
  CHECK_FALSE(accrue_penalty(one, kLastDate, terms).ok());
  CHECK(one.unpaid_fen == before.unpaid_fen);
  CHECK(one.penalty_until == before.penalty_until);
}

TEST_CASE("a shortfall within the tolerance is due with the next instalment") {
  ServicingTerms terms;
  terms.tolerance_fen = 1000;
  std::array<OpenInstalment, 2> open_now{open(100, 0, 0, 50'000), open(130, 0, 0, 50'000)};
  allocate(49'000, open_now, 100, terms);
  CHECK(open_now[0].total_fen() == 0);
  CHECK(open_now[1].total_fen() == 51'000);
  std::array<OpenInstalment, 2> short_by_more{open(100, 0, 0, 50'000), open(130, 0, 0, 50'000)};
  allocate(48'999, short_by_more, 100, terms);
  CHECK(short_by_more[0].total_fen() == 1001);
}
