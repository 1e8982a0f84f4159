// What became of the traffic of each release of a deployment: counts, distributions, latency, and
// how its answers compare with the champion's.
//
// A Traffic belongs to one release in one role and lives as long as the release keeps the role.
// Every thread that answers for it counts in TrafficCounters of its own, without locks; whoever
// asks adds them up.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/histogram.h"
#include "base/status.h"
#include "base/value.h"
#include "engine/decider.h"
#include "engine/drift.h"
#include "engine/release.h"

namespace fenqi::engine {

inline constexpr std::size_t kStatusCodes = 17;
// fenqi.v1.Decision's numbers: 1 .. 4.
inline constexpr std::size_t kDecisions = 4;

// A counter that one thread writes and any reads.
class Count {
 public:
  void add(std::uint64_t n = 1) { value_.store(value() + n, std::memory_order_relaxed); }
  std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

// By the champion's decision and then the other's, both less one.
template <typename Number>
using SwapMatrix = std::array<std::array<Number, kDecisions>, kDecisions>;

// What one thread counts.
class TrafficCounters {
 public:
  explicit TrafficCounters(const Release& release);

  // An answer, or a failure. No memory, no locks.
  void count(const Release& release, const Outcome& outcome, const Summary& summary);
  // The values of the models' columns in `registers`, of models that have a reference for them.
  void count_columns(const Release& release, std::span<const Value> registers);
  // The same request, answered by the champion and by this release.
  void compare(const Summary& champion, const Summary& own);

 private:
  friend class Traffic;
  Count requests_;
  std::array<Count, kStatusCodes> by_status_;
  std::array<Count, kDecisions> by_decision_;
  std::vector<std::vector<Count>> scores_;                // [model][bin]
  std::vector<std::vector<std::vector<Count>>> columns_;  // [model][column][bin], missing last
  Histogram latency_;
  SwapMatrix<Count> swaps_;
  Count scored_pairs_;                    // both gave a probability
  std::atomic<double> differences_{0.0};  // sum of |difference| of those probabilities
};

// Beside the champion's answers. What was dropped or failed is `missed`, never agreement.
struct Comparison {
  std::uint64_t compared = 0;
  std::uint64_t agreed = 0;  // with the same decision
  std::uint64_t missed = 0;
  SwapMatrix<std::uint64_t> swaps{};
  double mean_difference = 0.0;  // of the probabilities of default, absolute, where both gave one
};

struct ScoreReport {
  std::string slot;
  std::vector<double> edges;
  std::vector<std::uint64_t> counts;  // one more than edges
  Drift drift;
};

struct ColumnReport {
  std::string slot;
  std::string column;
  Drift drift;  // of a sample
};

struct TrafficReport {
  std::string content_hash;
  std::uint64_t requests = 0;
  std::map<int, std::uint64_t> errors;  // gRPC status to count
  std::array<std::uint64_t, kDecisions> decisions{};
  std::vector<ScoreReport> scores;    // of the models whose artifacts have a reference
  std::vector<ColumnReport> columns;  // likewise
  std::unique_ptr<Histogram> latency = std::make_unique<Histogram>();  // ns, answered requests
  Comparison comparison;                                               // empty for the champion
};

class Traffic {
 public:
  explicit Traffic(std::shared_ptr<const Release> release) : release_(std::move(release)) {}
  Traffic(const Traffic&) = delete;
  Traffic& operator=(const Traffic&) = delete;

  const std::shared_ptr<const Release>& release() const { return release_; }

  // The counters of the thread that calls itself `writer`, the same each time. Live as long as
  // this. Takes a lock and memory.
  TrafficCounters& counters_of(std::uint64_t writer);

  // A comparison that was due could not be made. From any thread.
  void miss() { missed_.fetch_add(1, std::memory_order_relaxed); }

  TrafficReport report() const;

 private:
  const std::shared_ptr<const Release> release_;
  mutable std::mutex mutex_;
  std::map<std::uint64_t, std::unique_ptr<TrafficCounters>> by_writer_;
  std::atomic<std::uint64_t> missed_{0};
};

}  // namespace fenqi::engine
