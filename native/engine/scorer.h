// Scores requests on one thread: bytes in, bytes out.
//
// A Scorer follows the engine's deployment: each answer is of one release, the champion's or, for
// the customers whom it draws, the canary's. Where the canary fails, that counts against it and the
// champion answers, so that a trial costs nobody an answer. What a Scorer answers with was made
// before it was published, so that taking it up costs an exchange of pointers; what it replaces is
// handed to the engine's reclaimer. In the steady state (after the first requests on a release)
// nothing is taken from the heap but what onnxruntime takes for itself.
//
//   Scorer scorer(engine);
//   Outcome outcome = scorer.score(request);
//   if (outcome.status.ok()) send(outcome.response);
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "base/status.h"
#include "base/value.h"
#include "engine/decider.h"
#include "engine/release.h"
#include "engine/seat.h"
#include "wire/writer.h"

namespace fenqi::engine {

class Engine;

// The most applications in one ScoreBatchRequest.
inline constexpr std::uint32_t kMostBatched = 10000;

class Scorer {
 public:
  // `engine` must outlive the scorer. `wake`, where it is given, is called from any thread when
  // there is something to take up, so that a scorer without requests lets go of old releases: it
  // is to make the scorer's thread call follow().
  explicit Scorer(Engine& engine, std::function<void()> wake = {});
  Scorer(const Scorer&) = delete;
  Scorer& operator=(const Scorer&) = delete;
  ~Scorer();

  // Takes up what was published last. Each request does it too.
  void follow();

  // `request` is a serialized fenqi.v1.ScoreRequest. Fails with INVALID_ARGUMENT naming the field,
  // FAILED_PRECONDITION when nothing was published yet, INTERNAL when the champion's model fails.
  Outcome score(std::span<const std::uint8_t> request);

  // `request` is a serialized ScoreBatchRequest, `response` a ScoreBatchResponse. One bad
  // application fails alone; the call fails only when the batch itself cannot be read.
  Outcome score_batch(std::span<const std::uint8_t> request);

  // What every register holds for `request`, for traces and tests: valid until the next call.
  // Runs the models too. Counts nowhere.
  struct Trace {
    Status status;
    std::shared_ptr<const Release> release;
    std::span<const Value> registers;
  };
  Trace trace(std::span<const std::uint8_t> request);

 private:
  bool is_for_canary(std::span<const std::uint8_t> request) const;
  Outcome answer(std::span<const std::uint8_t> request, bool by_canary);
  void observe(std::span<const std::uint8_t> request, const Status& status, bool by_canary,
               const Summary& summary);
  void write_result(const Outcome& one);

  Engine& engine_;
  const std::shared_ptr<Seat> seat_;
  std::unique_ptr<Outfit> outfit_;
  Decider decider_;
  std::array<std::uint64_t, 2> answered_{};  // by the champion, by the canary
  wire::MessageWriter batch_writer_;
};

}  // namespace fenqi::engine
