// Counts what a warm scorer takes from the heap. What onnxruntime takes for itself is not ours to
// count: models here are native.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "base/counted_heap.h"
#include "engine/engine.h"
#include "engine/scorer.h"
#include "images.h"

namespace {

// What ten rounds of requests take from the heap once the scorer is warm.
std::uint64_t taken_when_warm(const std::string& image) {
  using namespace fenqi::engine;
  Engine engine;
  engine.publish(fenqi::engine::testing::load_rules(image));
  Scorer scorer(engine);
  const std::vector<Bytes> requests = fenqi::engine::testing::read_requests();
  for (const Bytes& request : requests) REQUIRE(scorer.score(request).status.ok());

  const std::uint64_t before = allocations;
  bool fine = true;
  for (int round = 0; round < 10; ++round) {
    for (const Bytes& request : requests) fine = scorer.score(request).status.ok() && fine;
  }
  const std::uint64_t taken = allocations - before;
  CHECK(fine);
  return taken;
}

}  // namespace

TEST_CASE("scoring takes nothing from the heap once it is warm") {
  CHECK(taken_when_warm("rules_a") == 0);
}

TEST_CASE("neither do comprehensions, dynamic values, patterns and time zones") {
  CHECK(taken_when_warm("dynamic") == 0);
}

TEST_CASE("nor does the search for loans, approved, countered and declined") {
  CHECK(taken_when_warm("lending") == 0);
}

TEST_CASE("neither do tables, scorecards, segments, exploration and consent") {
  CHECK(taken_when_warm("everything") == 0);
}

TEST_CASE("neither do native models with their reasons") {
  CHECK(taken_when_warm("taiwan") == 0);
}
