// The published release, and how long scoring takes.
//
// Threads: everything here may be called from any thread. Scorers read the generation with one
// atomic load for each request and take the lock only when it changed.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/release.h"
#include "engine/scorer.h"
#include "quoting/acknowledgement.h"

namespace fenqi::engine {

class Engine {
 public:
  // `key` signs acknowledgements of quotes and checks them; none: no quote gets a token, and a
  // release that asks for one refuses each drawdown.
  explicit Engine(std::optional<quoting::AcknowledgementKey> key = std::nullopt)
      : acknowledgement_key_(key) {}

  // Null where there is none. Never changes.
  const quoting::AcknowledgementKey* acknowledgement_key() const {
    return acknowledgement_key_ ? &*acknowledgement_key_ : nullptr;
  }

  // Requests that begin after this returns are answered by `release`; requests in flight finish on
  // the one that they began with.
  void publish(std::shared_ptr<const Release> release);

  // Null before the first publication.
  std::shared_ptr<const Release> release() const;

  // Changes with every publication; 0 before the first.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // All scorers' histograms added up, those of ended threads included.
  std::unique_ptr<StageHistograms> latency() const;

 private:
  friend class Scorer;
  // Histograms for a new scorer. They stay with the engine after the scorer has gone.
  std::shared_ptr<StageHistograms> add_histograms();

  const std::optional<quoting::AcknowledgementKey> acknowledgement_key_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Release> release_;
  std::vector<std::shared_ptr<StageHistograms>> histograms_;
  std::atomic<std::uint64_t> generation_{0};
};

}  // namespace fenqi::engine
