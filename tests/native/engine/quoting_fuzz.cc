// Arbitrary bytes as requests of fenqi.v1.Quoting: every method ends with an answer or with
// INVALID_ARGUMENT, and says the same when it is asked again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "engine/engine.h"
#include "engine/quoter.h"
#include "images.h"

using namespace fenqi::engine;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Engine engine(fenqi::quoting::AcknowledgementKey::create(std::string(32, 'k')));
  static const bool published = [] {
    engine.publish(testing::load_rules("drawdown"));
    return true;
  }();
  static Quoter quoter(engine);
  if (!published) return 0;
  for (const auto method : {&Quoter::quote, &Quoter::schedule, &Quoter::annual_rate}) {
    const QuoterOutcome outcome = (quoter.*method)({data, size});
    const bool refused = outcome.status.code == fenqi::StatusCode::kInvalidArgument;
    if (!outcome.status.ok() && !refused) std::abort();
    const Bytes first(outcome.response.begin(), outcome.response.end());
    if (method == &Quoter::quote) continue;  // reads the clock unless it is told the time
    const QuoterOutcome again = (quoter.*method)({data, size});
    if (!std::equal(first.begin(), first.end(), again.response.begin(), again.response.end())) {
      std::abort();
    }
  }
  return 0;
}
