#include "server/scoring_service.h"

#include <array>
#include <charconv>
#include <cstring>

#include "engine/scorer.h"

namespace fenqi::server {
namespace {

constexpr std::string_view kStageTrailer = "fenqi-stage-us";

enum MethodId : std::uint32_t { kScore, kScoreBatch, kScoreStream };

constexpr std::array<Method, 3> kMethods = {{
    {"/fenqi.v1.Scoring/Score", MethodKind::kUnary, kScore},
    {"/fenqi.v1.Scoring/ScoreBatch", MethodKind::kUnary, kScoreBatch},
    {"/fenqi.v1.Scoring/ScoreStream", MethodKind::kStreaming, kScoreStream},
}};

// "read=0.8,program=1.2,...": one decimal, the total left out. Written by hand because it is part
// of every answer.
class StageText {
 public:
  explicit StageText(const engine::Timings& timings) {
    for (std::size_t i = 0; i + 1 < engine::kStageCount; ++i) {
      if (i > 0) *at_++ = ',';
      const char* name = engine::kStageNames[i];
      const std::size_t size = std::strlen(name);
      std::memcpy(at_, name, size);
      at_ += size;
      *at_++ = '=';
      const std::int64_t tenths = (timings[i] + 50) / 100;
      at_ = std::to_chars(at_, text_.data() + text_.size(), tenths / 10).ptr;
      *at_++ = '.';
      *at_++ = static_cast<char>('0' + tenths % 10);
    }
  }

  std::string_view text() const {
    return {text_.data(), static_cast<std::size_t>(at_ - text_.data())};
  }

 private:
  std::array<char, 192> text_;  // five names and five numbers of at most 19 digits
  char* at_ = text_.data();
};

void finish_with_timings(Call& call, const engine::Timings& timings) {
  const StageText stages(timings);
  const MetadataEntry trailer{kStageTrailer, stages.text()};
  call.finish({}, {&trailer, 1});
}

// One call of ScoreStream: an answer a request, in order.
class ScoreStream final : public StreamHandler {
 public:
  explicit ScoreStream(engine::Scorer& scorer) : scorer_(scorer) {}

  void on_message(Call& call, std::span<const std::uint8_t> message) override {
    const engine::Outcome outcome = scorer_.score(message);
    if (!outcome.status.ok()) {
      call.finish(outcome.status);
      return;
    }
    // Above its mark the front leaves this call's requests unread, so a slow reader costs nothing.
    call.send(outcome.response);
    for (std::size_t i = 0; i < timings_.size(); ++i) timings_[i] += outcome.timings[i];
  }

  void on_half_close(Call& call) override { finish_with_timings(call, timings_); }

 private:
  engine::Scorer& scorer_;
  engine::Timings timings_{};  // of all requests so far
};

class Instance final : public ServiceInstance {
 public:
  Instance(std::shared_ptr<engine::Engine> engine, Waker wake)
      : engine_(std::move(engine)), scorer_(*engine_, std::move(wake)) {}

  void unary(Call& call, std::uint32_t method, std::span<const std::uint8_t> request) override {
    const engine::Outcome outcome =
        method == kScore ? scorer_.score(request) : scorer_.score_batch(request);
    if (!outcome.status.ok()) {
      call.finish(outcome.status);
      return;
    }
    call.send(outcome.response);
    finish_with_timings(call, outcome.timings);
  }

  std::unique_ptr<StreamHandler> open(Call&, std::uint32_t) override {
    return std::make_unique<ScoreStream>(scorer_);
  }

  // A worker without requests lets go of old releases.
  void on_wake() override { scorer_.follow(); }

 private:
  std::shared_ptr<engine::Engine> engine_;
  engine::Scorer scorer_;
};

class ScoringService final : public Service {
 public:
  explicit ScoringService(std::shared_ptr<engine::Engine> engine) : engine_(std::move(engine)) {}

  std::string_view name() const override { return "fenqi.v1.Scoring"; }
  std::span<const Method> methods() const override { return kMethods; }
  std::unique_ptr<ServiceInstance> make_instance(Waker wake) override {
    return std::make_unique<Instance>(engine_, std::move(wake));
  }

 private:
  std::shared_ptr<engine::Engine> engine_;
};

}  // namespace

std::unique_ptr<Service> make_scoring_service(std::shared_ptr<engine::Engine> engine) {
  return std::make_unique<ScoringService>(std::move(engine));
}

}  // namespace fenqi::server
