// Requests on their way from those who answer them to the observer, who scores them again.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "engine/decider.h"

namespace fenqi::engine {

// A request that was answered, and how.
struct Observation {
  std::uint64_t publication = 0;  // its number
  std::int64_t decided_at = 0;    // seconds since the Unix epoch
  Summary summary;                // of the answer
  bool by_canary = false;         // otherwise by the champion
  bool for_shadows = false;       // to be scored by them
  bool for_canary = false;        // by the canary, where the champion answered
  bool for_columns = false;       // by who answered, to count its columns
};

// A queue of bounded memory between two threads, which take no lock and wait for nothing: one
// pushes, the other pops.
class ObservationRing {
 public:
  // Takes its memory here and nowhere else.
  ObservationRing();
  ObservationRing(const ObservationRing&) = delete;
  ObservationRing& operator=(const ObservationRing&) = delete;

  // False, and nothing happens, where there is no room. Copies both.
  bool push(const Observation& observation, std::span<const std::uint8_t> request);

  // Reads the oldest observation. False where there is none. `request` is lent until pop().
  bool front(Observation& observation, std::span<const std::uint8_t>& request);
  // Gives the oldest one's room back; only after front() found it.
  void pop();

 private:
  // A tenth of a second of requests of 1 KiB at 10,000 a second.
  static constexpr std::uint64_t kBytes = 1 << 20;

  // Before each request, of which it and the observation lie in one piece. Where the end of the
  // memory leaves no room for that, a `size` alone fills it up.
  struct Header {
    std::uint64_t size = 0;  // of everything to the next header; kFiller is added to a filler's
    std::uint64_t request_size = 0;
    Observation observation;
  };
  static constexpr std::uint64_t kFiller = std::uint64_t{1} << 63;

  std::uint8_t* at(std::uint64_t position) const { return memory_.get() + position % kBytes; }

  std::unique_ptr<std::uint8_t[]> memory_;
  // Positions only grow. Each is written by one side, so each has a cache line of its own.
  alignas(64) std::atomic<std::uint64_t> pushed_{0};
  alignas(64) std::atomic<std::uint64_t> popped_{0};
};

}  // namespace fenqi::engine
