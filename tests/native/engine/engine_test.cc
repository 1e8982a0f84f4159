#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engine/engine.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string>
#include <string_view>
#include <thread>

#include "../eventually.h"
#include "engine/scorer.h"
#include "fenqi/contract.h"
#include "images.h"
#include "wire/decode.h"
#include "wire/writer.h"

using namespace fenqi;
using namespace fenqi::engine;
using fenqi::engine::testing::load_rules;
using fenqi::engine::testing::read_image;
using fenqi::engine::testing::read_requests;
using fenqi::testing::eventually;

namespace {

namespace decision = contract::decision;

// Which release an answer names, and whether its numbers are that release's: rules_a declines,
// rules_b refers.
struct Answer {
  std::string policy;
  std::uint64_t decision = 0;

  bool is_whole() const {
    return policy == "rules_a" ? decision == decision::kDecline : decision == decision::kRefer;
  }
};

Answer parse(const Outcome& outcome) {
  Answer answer;
  wire::MessageReader reader(outcome.response);
  while (reader.next()) {
    if (reader.number() == contract::score_response::kDecision) answer.decision = reader.bits();
    if (reader.number() != contract::score_response::kRelease) continue;
    wire::MessageReader release(reader.payload());
    while (release.next()) {
      if (release.number() == contract::release::kPolicy) answer.policy = release.text();
    }
  }
  return answer;
}

}  // namespace

TEST_CASE("the canary answers the customers that it draws, the champion all others") {
  Engine engine;
  Scorer scorer(engine);
  const Canary canary{load_rules("rules_b"), 0.3, "salt"};
  REQUIRE(engine.deploy({load_rules("rules_a"), canary, {}}).ok());
  const CanaryDraw draw(canary);
  std::uint64_t drawn = 0;
  const std::vector<Bytes> requests = read_requests();
  for (const Bytes& request : requests) {
    const Outcome outcome = scorer.score(request);
    REQUIRE(outcome.status.ok());
    CHECK(parse(outcome).policy == (draw.takes(customer_key_of(request)) ? "rules_b" : "rules_a"));
    drawn += draw.takes(customer_key_of(request));
  }
  CHECK(drawn > 0);
  const DeploymentReport report = engine.traffic();
  CHECK(report.number == 1);
  CHECK(report.champion.requests == requests.size() - drawn);
  CHECK(report.champion.decisions[decision::kDecline - 1] == requests.size() - drawn);
  CHECK(report.canary->requests == drawn);
  CHECK(report.canary->decisions[decision::kRefer - 1] == drawn);
}

TEST_CASE("each application of a batch is routed by itself") {
  Engine engine;
  Scorer scorer(engine);
  REQUIRE(engine.deploy({load_rules("rules_a"), Canary{load_rules("rules_b"), 0.5, "s"}, {}}).ok());
  wire::MessageWriter batch;
  for (const Bytes& request : read_requests()) {
    const auto mark = batch.begin(contract::score_batch_request::kRequests);
    batch.raw(request);
    batch.end(mark);
  }
  REQUIRE(scorer.score_batch(batch.bytes()).status.ok());
  const DeploymentReport report = engine.traffic();
  CHECK(report.champion.requests > 50);
  CHECK(report.canary->requests > 50);
}

TEST_CASE("a shadow changes no answer, and is compared with all that the champion answered") {
  Engine engine;
  Scorer scorer(engine);
  const auto champion = load_rules("rules_a");
  REQUIRE(engine.deploy({champion, std::nullopt, {load_rules("rules_b"), champion}}).ok());
  const std::vector<Bytes> requests = read_requests();
  for (const Bytes& request : requests) CHECK(parse(scorer.score(request)).policy == "rules_a");
  const auto all_compared = [&] {
    const DeploymentReport report = engine.traffic();
    return report.shadows[0].comparison.compared == requests.size() &&
           report.shadows[1].comparison.compared == requests.size();
  };
  CHECK(eventually(all_compared));
  const DeploymentReport report = engine.traffic();
  CHECK(report.shadows[0].comparison.agreed == 0);
  CHECK(report.shadows[0].comparison.swaps[decision::kDecline - 1][decision::kRefer - 1] ==
        requests.size());
  CHECK(report.shadows[0].decisions[decision::kRefer - 1] == requests.size());
  CHECK(report.shadows[1].comparison.agreed == requests.size());
  CHECK(report.champion.requests == requests.size());
  CHECK(report.champion.comparison.compared == 0);
}

TEST_CASE("what the observer has no time for is counted as missed, and nothing is lost") {
  Engine engine;
  Scorer scorer(engine);
  REQUIRE(engine.deploy({load_rules("rules_a"), std::nullopt, {load_rules("everything")}}).ok());
  const std::vector<Bytes> requests = read_requests();
  constexpr std::uint64_t kRounds = 100;
  for (std::uint64_t round = 0; round < kRounds; ++round) {
    for (const Bytes& request : requests) REQUIRE(scorer.score(request).status.ok());
  }
  const auto is_complete = [&] {
    const Comparison comparison = engine.traffic().shadows[0].comparison;
    return comparison.compared + comparison.missed == kRounds * requests.size();
  };
  CHECK(eventually(is_complete));
}

TEST_CASE("the champion scores what the canary answered, so that its swaps are known") {
  Engine engine;
  Scorer scorer(engine);
  REQUIRE(engine.deploy({load_rules("rules_a"), Canary{load_rules("rules_b"), 0.5, "s"}, {}}).ok());
  std::uint64_t to_canary = 0;
  for (const Bytes& request : read_requests())
    to_canary += parse(scorer.score(request)).policy == "rules_b";
  // And one in 16 of what the champion answered is scored by the canary.
  const std::uint64_t sampled = (200 - to_canary + 15) / 16;
  const auto is_complete = [&] {
    return engine.traffic().canary->comparison.compared == to_canary + sampled;
  };
  CHECK(eventually(is_complete));
  const Comparison comparison = engine.traffic().canary->comparison;
  CHECK(comparison.swaps[decision::kDecline - 1][decision::kRefer - 1] == to_canary + sampled);
  CHECK(comparison.missed == 0);
}

TEST_CASE("a request that cannot be read is an error of its role and compares nobody") {
  Engine engine;
  Scorer scorer(engine);
  REQUIRE(engine.deploy({load_rules("rules_a"), std::nullopt, {load_rules("rules_b")}}).ok());
  const Bytes request = read_requests().front();
  CHECK_FALSE(scorer.score(std::span(request).first(5)).status.ok());
  REQUIRE(scorer.score(request).status.ok());
  CHECK(eventually([&] { return engine.traffic().shadows[0].requests == 1; }));
  const DeploymentReport report = engine.traffic();
  CHECK(report.champion.requests == 2);
  CHECK(report.champion.errors == std::map<int, std::uint64_t>{{3, 1}});
  CHECK(report.shadows[0].comparison.missed == 0);
}

TEST_CASE("counts go on while a release keeps its role, and begin anew in another role") {
  Engine engine;
  Scorer scorer(engine);
  const auto a = load_rules("rules_a");
  const auto b = load_rules("rules_b");
  const Bytes request = read_requests().front();
  REQUIRE(engine.deploy({a, std::nullopt, {}}).ok());
  REQUIRE(scorer.score(request).status.ok());
  REQUIRE(engine.deploy({a, Canary{b, 1.0, "s"}, {}}).ok());
  REQUIRE(scorer.score(request).status.ok());
  CHECK(engine.traffic().champion.requests == 1);
  REQUIRE(engine.deploy({a, Canary{b, 0.0, "s"}, {}}).ok());
  REQUIRE(scorer.score(request).status.ok());
  CHECK(engine.traffic().champion.requests == 2);
  CHECK(engine.traffic().canary->requests == 1);
  REQUIRE(engine.deploy({b, std::nullopt, {}}).ok());
  REQUIRE(scorer.score(request).status.ok());
  CHECK(engine.traffic().number == 4);
  CHECK(engine.traffic().champion.requests == 1);
}

TEST_CASE("no answer mixes releases while deployments change under several scorers") {
  const auto a = load_rules("rules_a");
  const auto b = load_rules("rules_b");
  const std::vector<Bytes> requests = read_requests();
  Engine engine;
  REQUIRE(engine.deploy({a, std::nullopt, {}}).ok());
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> mixed{0};
  std::atomic<std::uint64_t> done{0};
  const auto work = [&] {
    Scorer scorer(engine);
    for (std::size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      const Outcome outcome = scorer.score(requests[i % requests.size()]);
      if (!outcome.status.ok() || !parse(outcome).is_whole()) ++mixed;
      ++done;
    }
  };
  {
    const std::jthread first(work);
    const std::jthread second(work);
    for (int i = 0; i < 60; ++i) {
      const auto& champion = i % 2 == 0 ? b : a;
      const auto& other = i % 2 == 0 ? a : b;
      Deployment next{champion, std::nullopt, {}};
      if (i % 3 > 0) next.canary = Canary{other, 0.5, std::to_string(i)};
      if (i % 4 > 1) next.shadows = {a, b};
      CHECK(engine.deploy(std::move(next)).ok());
      const std::uint64_t seen = done.load();
      while (done.load() < seen + 20) std::this_thread::yield();
    }
    stop = true;
  }
  CHECK(mixed == 0);
  CHECK(done > 1000);
}

TEST_CASE("an idle scorer that is woken lets go of an old release") {
  Engine engine;
  std::atomic<bool> woken{false};
  Scorer scorer(engine, [&] { woken = true; });
  std::weak_ptr<const Release> old;
  {
    auto loaded = engine.load(read_image("rules_a"), "");
    REQUIRE(loaded.ok());
    old = loaded.value();
    REQUIRE(engine.deploy({std::move(loaded.value()), std::nullopt, {}}).ok());
  }
  scorer.follow();
  REQUIRE(engine.deploy({load_rules("rules_b"), std::nullopt, {}}).ok());
  CHECK(woken);
  CHECK_FALSE(old.expired());
  scorer.follow();
  CHECK(eventually([&] { return old.expired(); }));
}

TEST_CASE("old canaries and shadows are let go of, also by the observer") {
  Engine engine;
  Scorer scorer(engine);
  std::weak_ptr<const Release> old;
  {
    const auto watched = load_rules("rules_b");
    old = watched;
    const auto champion = load_rules("rules_a");
    REQUIRE(engine.deploy({champion, Canary{watched, 0.5, "s"}, {watched}}).ok());
    for (const Bytes& request : read_requests()) REQUIRE(scorer.score(request).status.ok());
    REQUIRE(engine.deploy({champion, std::nullopt, {}}).ok());
    scorer.follow();
  }
  CHECK(eventually([&] { return old.expired(); }));
}

TEST_CASE("a deployment that makes no sense changes nothing") {
  Engine engine;
  Scorer scorer(engine);
  REQUIRE(engine.deploy({load_rules("rules_a"), std::nullopt, {}}).ok());
  const Deployment bad{load_rules("rules_b"), Canary{load_rules("rules_b"), 2.0, "s"}, {}};
  CHECK(engine.deploy(bad).code == StatusCode::kInvalidArgument);
  CHECK(engine.generation() == 1);
  CHECK(parse(scorer.score(read_requests().front())).policy == "rules_a");
}

TEST_CASE("a release is ready when it meets the budget, and the report says by how much it fails") {
  Engine engine;
  const auto release = load_rules("rules_a");
  const Readiness ready = engine.prepare(release, read_requests(), 1e9);
  CHECK(ready.ready);
  CHECK(ready.requests == 200);
  CHECK(ready.p50_us > 0.0);
  CHECK(ready.p99_us >= ready.p50_us);
  CHECK(ready.why.empty());
  const Readiness slow = engine.prepare(release, read_requests(), 0.001);
  CHECK_FALSE(slow.ready);
  CHECK(slow.why.find("above the budget of 0.0 us") != std::string::npos);
  const Readiness failing = engine.prepare(release, {Bytes{0xff}}, 1e9);
  CHECK_FALSE(failing.ready);
  CHECK(failing.failed == 1);
  CHECK(failing.why.find("golden request 0: ") == 0);
  CHECK_FALSE(engine.prepare(release, {}, 1e9).ready);
}
