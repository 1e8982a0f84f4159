// A scorer's place at the engine: through it the engine hands the scorer what it answers with.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

#include "base/histogram.h"
#include "base/result.h"
#include "engine/decider.h"
#include "engine/observation.h"
#include "engine/publication.h"
#include "engine/reclaimer.h"
#include "engine/traffic.h"
#include "engine/workspace.h"

namespace fenqi::engine {

// One histogram a stage, nanoseconds. Written by one thread, read by any.
using StageHistograms = std::array<Histogram, kStageCount>;

struct Seat;

// With what one scorer answers under one publication. Made, and its memory touched, before the
// scorer gets it; handed to the reclaimer when the next one has replaced it.
struct Outfit final : Reclaimable {
  // Fails where a workspace cannot be made.
  static Result<std::unique_ptr<Outfit>> create(std::shared_ptr<const Publication> publication,
                                                Seat& seat);

  std::shared_ptr<const Publication> publication;
  std::unique_ptr<Workspace> champion;
  std::unique_ptr<Workspace> canary;  // null where there is none
  TrafficCounters* champion_counters = nullptr;
  TrafficCounters* canary_counters = nullptr;
  std::shared_ptr<ObservationRing> ring;  // null where nothing is observed
};

struct Seat {
  Seat(std::uint64_t of, std::function<void()> waker) : number(of), wake(std::move(waker)) {}
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;
  ~Seat() { const std::unique_ptr<Outfit> left(next.load(std::memory_order_acquire)); }

  const std::uint64_t number;          // from 1, never used again
  const std::function<void()> wake;    // makes the scorer's thread look at `next`; may be empty
  std::atomic<Outfit*> next{nullptr};  // what the scorer is to take up; owned
  const std::shared_ptr<StageHistograms> histograms = std::make_shared<StageHistograms>();
  std::shared_ptr<ObservationRing> ring;  // made for the first publication that is observed
};

}  // namespace fenqi::engine
