// Scores requests on one thread: bytes in, bytes out.
//
// A Scorer owns the scratch memory of its thread and follows the engine's published release. Each
// call runs from start to end on one release. In the steady state (after the first requests on a
// release) nothing is taken from the heap but what onnxruntime takes for itself.
//
//   Scorer scorer(engine);
//   Outcome outcome = scorer.score(request);
//   if (outcome.status.ok()) send(outcome.response);
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <span>
#include <vector>

#include "base/arena.h"
#include "base/histogram.h"
#include "base/status.h"
#include "base/value.h"
#include "engine/opinion.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "program/patterns.h"
#include "wire/writer.h"

namespace fenqi::engine {

class Engine;

// The stages of a request, in order. kTotal is from the first to the last.
enum class Stage { kRead, kProgram, kModel, kReasons, kWrite, kTotal };
inline constexpr std::size_t kStageCount = 6;
inline constexpr std::array<const char*, kStageCount> kStageNames = {"read",    "program", "model",
                                                                     "reasons", "write",   "total"};

// The most applications in one ScoreBatchRequest.
inline constexpr std::uint32_t kMostBatched = 10000;

// Nanoseconds spent in each stage.
using Timings = std::array<std::int64_t, kStageCount>;

// One histogram a stage, nanoseconds. Written by one thread, read by any.
using StageHistograms = std::array<Histogram, kStageCount>;

struct Outcome {
  Status status;
  // A serialized fenqi.v1.ScoreResponse; lent until the scorer's next call.
  std::span<const std::uint8_t> response;
  Timings timings{};
};

class Scorer {
 public:
  // `engine` must outlive the scorer.
  explicit Scorer(Engine& engine);
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;
  ~Scorer();

  // `request` is a serialized fenqi.v1.ScoreRequest. Fails with INVALID_ARGUMENT naming the field,
  // FAILED_PRECONDITION when nothing was published yet, INTERNAL when a model fails.
  Outcome score(std::span<const std::uint8_t> request);

  // `request` is a serialized ScoreBatchRequest, `response` a ScoreBatchResponse. One bad
  // application fails alone; the call fails only when the batch itself cannot be read.
  Outcome score_batch(std::span<const std::uint8_t> request);

  // What every register holds for `request`, for traces and tests: valid until the next call.
  // Runs the models too.
  struct Trace {
    Status status;
    std::shared_ptr<const Release> release;
    std::span<const Value> registers;
  };
  Trace trace(std::span<const std::uint8_t> request);

 private:
  struct Workspace;  // scratch that belongs to one release

  Status follow_release();
  Status evaluate(std::span<const std::uint8_t> request, Timings& timings);
  void assess();
  Status run_model(std::uint32_t i);
  void take_opinion();
  const char* unacknowledged(std::span<const std::uint8_t> request, std::uint32_t stage) const;
  Status explain_opinion();
  Status answer(std::span<const std::uint8_t> request, Timings& timings);
  void write_result(const Outcome& one);

  Engine& engine_;
  std::shared_ptr<StageHistograms> histograms_;
  std::uint64_t generation_ = 0;
  std::unique_ptr<Workspace> workspace_;
  Arena arena_;
  program::PatternCache patterns_;
  Assessment assessment_;
  Verdict verdict_;
  wire::MessageWriter writer_;
  wire::MessageWriter batch_writer_;
};

}  // namespace fenqi::engine
