#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engine/scorer.h"

#include <doctest/doctest.h>

#include <atomic>
#include <string_view>
#include <thread>

#include "../eventually.h"
#include "engine/engine.h"
#include "fenqi/contract.h"
#include "images.h"
#include "wire/decode.h"
#include "wire/writer.h"

using namespace fenqi;
using namespace fenqi::engine;
using fenqi::engine::testing::load_rules;
using fenqi::engine::testing::load_taiwan;
using fenqi::engine::testing::read_image;
using fenqi::engine::testing::read_requests;
using fenqi::testing::eventually;

namespace {

// What an answer says of itself.
struct Answer {
  std::uint64_t decision = 0;
  std::string_view policy;
  std::string_view reason;
};

Answer parse(std::span<const std::uint8_t> response) {
  namespace field = contract::score_response;
  Answer answer;
  wire::MessageReader reader(response);
  while (reader.next()) {
    if (reader.number() == field::kDecision) answer.decision = reader.bits();
    if (reader.number() != field::kRelease && reader.number() != field::kReasons) continue;
    wire::MessageReader inner(reader.payload());
    while (inner.next()) {
      if (inner.number() != 1) continue;
      (reader.number() == field::kRelease ? answer.policy : answer.reason) = inner.text();
    }
  }
  CHECK(reader.ok());
  return answer;
}

}  // namespace

TEST_CASE("a call before the first publication is refused, not answered") {
  Engine engine;
  Scorer scorer(engine);
  CHECK(scorer.score({}).status.code == StatusCode::kFailedPrecondition);
}

TEST_CASE("the same request against the same release gives the same bytes") {
  Engine engine;
  engine.publish(load_taiwan());
  Scorer one(engine);
  Scorer other(engine);
  for (const Bytes& request : read_requests()) {
    const Outcome first = one.score(request);
    REQUIRE(first.status.ok());
    const Bytes kept(first.response.begin(), first.response.end());
    const Outcome again = one.score(request);
    const Outcome elsewhere = other.score(request);
    CHECK(std::equal(kept.begin(), kept.end(), again.response.begin(), again.response.end()));
    CHECK(
        std::equal(kept.begin(), kept.end(), elsewhere.response.begin(), elsewhere.response.end()));
  }
}

TEST_CASE("a batch answers in order, and one bad application fails alone") {
  Engine engine;
  engine.publish(load_rules("rules_a"));
  Scorer scorer(engine);
  const std::vector<Bytes> requests = read_requests();
  wire::MessageWriter writer;
  for (int i = 0; i < 3; ++i) {
    const auto mark = writer.begin(contract::score_batch_request::kRequests);
    writer.raw(std::span(requests[0]).first(i == 1 ? 5 : requests[0].size()));
    writer.end(mark);
  }
  const Outcome outcome = scorer.score_batch(writer.bytes());
  REQUIRE(outcome.status.ok());
  std::vector<std::uint32_t> results;
  wire::MessageReader reader(outcome.response);
  while (reader.next()) {
    wire::MessageReader result(reader.payload());
    REQUIRE(result.next());
    results.push_back(result.number());
  }
  CHECK(results == std::vector<std::uint32_t>{contract::score_result::kResponse,
                                              contract::score_result::kError,
                                              contract::score_result::kResponse});
}

TEST_CASE("answers never mix two releases while releases are swapped under load") {
  const auto a = load_rules("rules_a");
  const auto b = load_rules("rules_b");
  const std::vector<Bytes> requests = read_requests();
  Engine engine;
  engine.publish(a);
  std::atomic<bool> stop{false};
  std::atomic<int> mixed{0};
  std::atomic<std::uint64_t> answered{0};
  const auto work = [&] {
    Scorer scorer(engine);
    for (std::size_t i = 0; !stop.load(std::memory_order_relaxed); ++i) {
      const Outcome outcome = scorer.score(requests[i % requests.size()]);
      if (!outcome.status.ok()) {
        ++mixed;
        continue;
      }
      const Answer answer = parse(outcome.response);
      const bool whole =
          answer.policy == "rules_a"
              ? answer.decision == contract::decision::kDecline && answer.reason == "R_A"
              : answer.decision == contract::decision::kRefer && answer.reason == "R_B";
      if (!whole) ++mixed;
      ++answered;
    }
  };
  {
    std::jthread first(work);
    std::jthread second(work);
    for (int i = 0; i < 300; ++i) {
      engine.publish(i % 2 == 0 ? b : a);
      const std::uint64_t seen = answered.load();
      while (answered.load() < seen + 20) std::this_thread::yield();
    }
    stop = true;
  }
  CHECK(mixed == 0);
  CHECK(engine.latency()->back().count() == answered);
}

TEST_CASE("a release is freed when the last scorer has moved on") {
  Engine engine;
  Scorer scorer(engine);
  std::weak_ptr<const Release> old;
  {
    const auto a = load_rules("rules_a");
    old = a;
    engine.publish(a);
  }
  const Bytes request = read_requests().front();
  CHECK(scorer.score(request).status.ok());
  engine.publish(load_rules("rules_b"));
  CHECK_FALSE(old.expired());
  CHECK(scorer.score(request).status.ok());
  CHECK(eventually([&] { return old.expired(); }));
}

TEST_CASE("a failed condition says what failed and where") {
  Engine engine;
  engine.publish(load_rules("rules_a"));
  Scorer scorer(engine);
  wire::MessageWriter writer;
  const auto application = writer.begin(contract::score_request::kApplication);
  const auto behaviour = writer.begin(contract::application::kBehaviour);
  const auto statement = writer.begin(contract::behaviour::kCardStatements);
  writer.uint(contract::card_statement::kCreditLimitFen, 100);
  writer.end(statement);
  writer.end(behaviour);
  writer.end(application);
  const Outcome outcome = scorer.score(writer.bytes());
  REQUIRE(outcome.status.ok());
  const std::string_view text(reinterpret_cast<const char*>(outcome.response.data()),
                              outcome.response.size());
  CHECK(text.find("division by zero at ") != std::string_view::npos);
  CHECK(text.find("rules_a.yaml:17:13") != std::string_view::npos);
}

TEST_CASE("an image that is cut anywhere is refused with a reason") {
  const Bytes image = read_image("rules_a");
  for (std::size_t size = 0; size < image.size(); size += 7) {
    const auto release = Release::load(std::span(image).first(size), nullptr);
    if (release.ok()) continue;  // a cut between the last fields leaves a smaller whole
    CHECK_FALSE(release.status().message.empty());
  }
}
