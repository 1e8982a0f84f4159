// Arbitrary bytes as requests of fenqi.v1.Quoting, of a policy whose drawdowns need a quote and of
// one that lends products: every method ends with an answer or with INVALID_ARGUMENT, says the same
// when it is asked again, and answers without a number that is none.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/engine.h"
#include "engine/quoter.h"
#include "fenqi/contract.h"
#include "images.h"
#include "wire/decode.h"

using namespace fenqi::engine;
namespace contract = fenqi::contract;

namespace {

// Of a policy that was published.
struct Desk {
  explicit Desk(const char* policy) { engine.publish(testing::load_rules(policy)); }

  Engine engine{fenqi::quoting::AcknowledgementKey::create(std::string(32, 'k'))};
  Quoter quoter{engine};
};

void must(bool so) {
  if (!so) std::abort();
}

// The yearly rates of a Schedule.
void check_schedule(std::span<const std::uint8_t> schedule) {
  namespace field = contract::schedule;
  fenqi::wire::MessageReader fields(schedule);
  while (fields.next()) {
    const std::uint32_t number = fields.number();
    if (number == field::kNominalAnnualRate || number == field::kEffectiveAnnualRate ||
        number == field::kSimpleAnnualRate) {
      must(std::isfinite(fields.number64()));
    }
  }
}

void check_rates(std::span<const std::uint8_t> response) {
  fenqi::wire::MessageReader answers(response);
  while (answers.next()) {
    fenqi::wire::MessageReader answer(answers.payload());
    while (answer.next()) {
      if (answer.number() == contract::rate_answer::kRate) must(std::isfinite(answer.number64()));
    }
  }
}

void check_quote(std::span<const std::uint8_t> response) {
  fenqi::wire::MessageReader parts(response);
  while (parts.next()) {
    if (parts.number() != contract::quote_response::kQuote) continue;
    fenqi::wire::MessageReader quote(parts.payload());
    while (quote.next()) {
      if (quote.number() == contract::quote::kSchedule) check_schedule(quote.payload());
    }
  }
}

void try_all(Quoter& quoter, std::span<const std::uint8_t> request) {
  for (const auto method : {&Quoter::quote, &Quoter::schedule, &Quoter::annual_rate}) {
    const QuoterOutcome outcome = (quoter.*method)(request);
    must(outcome.status.ok() || outcome.status.code == fenqi::StatusCode::kInvalidArgument);
    const Bytes first(outcome.response.begin(), outcome.response.end());
    if (method == &Quoter::quote) {
      check_quote(first);
      continue;  // reads the clock unless it is told the time
    }
    if (method == &Quoter::annual_rate) check_rates(first);
    const QuoterOutcome again = (quoter.*method)(request);
    must(std::equal(first.begin(), first.end(), again.response.begin(), again.response.end()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Desk drawdown("drawdown");
  static Desk lending("lending");
  for (Desk* const desk : {&drawdown, &lending}) try_all(desk->quoter, {data, size});
  return 0;
}
