// Decides one request on one release: bytes in, bytes out.
//
// A Decider owns the scratch memory of one thread that belongs to no release; what belongs to one
// is in the Workspace that each call is given. Warm, it takes nothing from the heap but what
// onnxruntime takes for itself.
//
//   Decider decider(key);
//   Outcome outcome = decider.decide(workspace, request);
//   if (outcome.status.ok()) send(outcome.response);
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/arena.h"
#include "base/status.h"
#include "base/value.h"
#include "engine/offering.h"
#include "engine/opinion.h"
#include "engine/verdict.h"
#include "engine/workspace.h"
#include "program/patterns.h"
#include "quoting/acknowledgement.h"
#include "wire/writer.h"

namespace fenqi::engine {

// The stages of a request, in order. kTotal is from the first to the last.
enum class Stage { kRead, kProgram, kModel, kOffers, kReasons, kWrite, kTotal };
inline constexpr std::size_t kStageCount = 7;
inline constexpr std::array<const char*, kStageCount> kStageNames = {
    "read", "program", "model", "offers", "reasons", "write", "total"};

// Nanoseconds spent in each stage.
using Timings = std::array<std::int64_t, kStageCount>;

struct Outcome {
  Status status;
  // A serialized fenqi.v1.ScoreResponse; lent until the next call.
  std::span<const std::uint8_t> response;
  Timings timings{};
};

// An answer in brief, for those who count and compare answers.
struct Summary {
  std::uint32_t decision = 0;  // fenqi.v1.Decision
  // Index of the model whose score decided; kNone where a scorecard or rules alone did.
  std::uint32_t model = kNone;
  // Whether probability and score are given.
  bool is_scored = false;
  double probability = 0.0;
  double score = 0.0;
};

class Decider {
 public:
  // `key` as Engine::acknowledgement_key gives it; must outlive the decider.
  explicit Decider(const quoting::AcknowledgementKey* key) : key_(key) {}
  Decider(const Decider&) = delete;
  Decider& operator=(const Decider&) = delete;

  // `request` is a serialized fenqi.v1.ScoreRequest, `clock` the moment of the decision where the
  // request names none, seconds since the Unix epoch; by default the system's. Fails with
  // INVALID_ARGUMENT naming the field, INTERNAL when a model fails.
  Outcome decide(Workspace& workspace, std::span<const std::uint8_t> request,
                 std::optional<std::int64_t> clock = std::nullopt);

  // As far as the models' and scorecards' opinion: fills the workspace's registers.
  Status evaluate(Workspace& workspace, std::span<const std::uint8_t> request,
                  std::optional<std::int64_t> clock, Timings& timings);

  // Of the last decision that succeeded.
  Summary summary() const;
  // Of the last request: its moment of decision, or the system's clock where its release reads no
  // time. Seconds since the Unix epoch.
  std::int64_t decided_at() const;

 private:
  void assess();
  Status run_model(std::uint32_t i);
  void take_opinion();
  const char* unacknowledged(std::span<const std::uint8_t> request, std::uint32_t stage) const;
  Status explain_opinion();
  Status answer(std::span<const std::uint8_t> request, Timings& timings);

  const quoting::AcknowledgementKey* key_;
  Workspace* workspace_ = nullptr;  // of the call
  Arena arena_;
  program::PatternCache patterns_;
  Assessment assessment_;
  Verdict verdict_;
  Offering offering_;
  wire::MessageWriter writer_;
};

}  // namespace fenqi::engine
