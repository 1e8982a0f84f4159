// What a warm quoter takes from the heap: nothing. Python's tests say whether its answers are
// right.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engine/quoter.h"

#include <doctest/doctest.h>

#include <string>

#include "base/counted_heap.h"
#include "engine/engine.h"
#include "engine/scorer.h"
#include "fenqi/contract.h"
#include "images.h"

namespace {

namespace contract = fenqi::contract;
using fenqi::engine::Engine;
using fenqi::engine::Quoter;
using fenqi::engine::QuoterOutcome;

// A loan with a charge of a third party, as a QuoteRequest.
fenqi::wire::MessageWriter quote_request() {
  fenqi::wire::MessageWriter writer;
  writer.string(contract::quote_request::kCustomerKey, "customer");
  writer.sint(contract::quote_request::kQuotedAtSeconds, 1'790'000'000);
  const auto loan = writer.begin(contract::quote_request::kLoan);
  writer.sint(contract::loan_terms::kPrincipalFen, 1'000'000);
  writer.number64(contract::loan_terms::kAnnualRate, 0.12);
  writer.sint(contract::loan_terms::kPeriods, 36);
  writer.sint(contract::loan_terms::kDisbursedDateDays, 20'500);
  const auto charge = writer.begin(contract::loan_terms::kCharges);
  writer.string(contract::loan_charge::kNameZh, "担保费");
  writer.string(contract::loan_charge::kNameEn, "Guarantee fee");
  writer.uint(contract::loan_charge::kTiming, contract::charge_timing::kEachInstalment);
  writer.uint(contract::loan_charge::kBase, contract::charge_base::kPrincipal);
  writer.number64(contract::loan_charge::kRate, 0.005);
  writer.end(charge);
  writer.end(loan);
  return writer;
}

std::uint64_t taken_by(Quoter& quoter,
                       QuoterOutcome (Quoter::*method)(std::span<const std::uint8_t>),
                       std::span<const std::uint8_t> request) {
  REQUIRE((quoter.*method)(request).status.ok());
  const std::uint64_t before = allocations;
  bool fine = true;
  for (int round = 0; round < 10; ++round) fine = (quoter.*method)(request).status.ok() && fine;
  CHECK(fine);
  return allocations - before;
}

}  // namespace

TEST_CASE("a warm quoter takes nothing from the heap") {
  Engine engine(fenqi::quoting::AcknowledgementKey::create(std::string(32, 'k')));
  engine.publish(fenqi::engine::testing::load_rules("rules_a"));
  Quoter quoter(engine);
  const fenqi::wire::MessageWriter quote = quote_request();
  CHECK(taken_by(quoter, &Quoter::quote, quote.bytes()) == 0);
  engine.publish(fenqi::engine::testing::load_rules("us_pack"));
  CHECK(taken_by(quoter, &Quoter::quote, quote.bytes()) == 0);

  fenqi::wire::MessageWriter flows;
  for (int day = 0; day < 400; day += 30) {
    const auto flow = flows.begin(contract::annual_rate_request::kFlows);
    flows.sint(contract::dated_flow::kDateDays, day);
    flows.sint(contract::dated_flow::kAmountFen, day == 0 ? 1'000'000 : -90'000);
    flows.end(flow);
  }
  CHECK(taken_by(quoter, &Quoter::annual_rate, flows.bytes()) == 0);
}

TEST_CASE("neither does a drawdown that hands a token back") {
  Engine engine(fenqi::quoting::AcknowledgementKey::create(std::string(32, 'k')));
  engine.publish(fenqi::engine::testing::load_rules("drawdown"));
  Quoter quoter(engine);
  const QuoterOutcome quoted = quoter.quote(quote_request().bytes());
  REQUIRE(quoted.status.ok());
  fenqi::wire::MessageWriter request;
  request.uint(contract::score_request::kStage, contract::stage::kDrawdown);
  request.sint(contract::score_request::kDecidedAtSeconds, 1'790'000'100);
  const auto application = request.begin(contract::score_request::kApplication);
  request.string(contract::application::kCustomerKey, "customer");
  const auto loan = request.begin(contract::application::kLoan);
  request.sint(contract::loan_request::kAmountFen, 1'000'000);
  request.sint(contract::loan_request::kTermMonths, 36);
  request.end(loan);
  request.end(application);
  const auto acknowledgement = request.begin(contract::score_request::kAcknowledgement);
  fenqi::wire::MessageReader fields(quoted.response);
  while (fields.next()) {
    if (fields.number() == contract::quote_response::kQuoteHash) {
      request.string(contract::acknowledgement::kQuoteHash, fields.text());
    } else if (fields.number() == contract::quote_response::kAcknowledgementToken) {
      request.string(contract::acknowledgement::kToken, fields.text());
    }
  }
  request.sint(contract::acknowledgement::kAcknowledgedAtSeconds, 1'790'000'060);
  request.end(acknowledgement);

  fenqi::engine::Scorer scorer(engine);
  REQUIRE(scorer.score(request.bytes()).status.ok());
  const std::uint64_t before = allocations;
  const fenqi::engine::Outcome outcome = scorer.score(request.bytes());
  CHECK(allocations == before);
  REQUIRE(outcome.status.ok());
  fenqi::wire::MessageReader answer(outcome.response);
  while (answer.next()) {
    if (answer.number() == contract::score_response::kDecision) {
      CHECK(answer.bits() == contract::decision::kApprove);
    }
    CHECK(answer.number() != contract::score_response::kRuleHits);
  }
}

TEST_CASE("a quoter follows what is published") {
  Engine engine;
  Quoter quoter(engine);
  const fenqi::wire::MessageWriter request = quote_request();
  CHECK(quoter.quote(request.bytes()).status.code == fenqi::StatusCode::kFailedPrecondition);
  for (const char* name : {"rules_a", "rules_b"}) {
    engine.publish(fenqi::engine::testing::load_rules(name));
    const QuoterOutcome outcome = quoter.quote(request.bytes());
    REQUIRE(outcome.status.ok());
    const std::string_view text(reinterpret_cast<const char*>(outcome.response.data()),
                                outcome.response.size());
    CHECK(text.find(engine.release()->content_hash()) != std::string_view::npos);
  }
}
