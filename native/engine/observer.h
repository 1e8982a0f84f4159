// Scores again what was answered, off the path of requests: by the shadows, by the champion what
// the canary answered, and by the canary a sample of what the champion answered; and counts the
// columns of what it scores and of a sample of what was answered. Nothing that it does changes an
// answer.
//
// It has a thread of low priority, which runs while a publication is observed. It falls behind
// where the machine has no time for it; the rings are then full, and what does not fit is counted
// as missed by whoever had to drop it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "engine/decider.h"
#include "engine/observation.h"
#include "engine/publication.h"
#include "engine/workspace.h"

namespace fenqi::engine {

// What the observer calls itself as a writer of TrafficCounters; scorers count from 1.
inline constexpr std::uint64_t kObserver = 0;

class Observer {
 public:
  explicit Observer(const quoting::AcknowledgementKey* key) : decider_(key) {}
  Observer(const Observer&) = delete;
  Observer& operator=(const Observer&) = delete;
  ~Observer();

  // Observes `publication` from now on, by what comes through `rings`; what is in them from the
  // one before is observed first. From any thread. Starts the thread where it is needed.
  void follow(std::shared_ptr<const Publication> publication,
              std::vector<std::shared_ptr<ObservationRing>> rings);

 private:
  // A release on this thread.
  struct Subject {
    Traffic* traffic = nullptr;            // null where there is no such role
    std::unique_ptr<Workspace> workspace;  // null where it could not be made: all is missed
    TrafficCounters* counters = nullptr;
  };
  struct Orders {
    std::shared_ptr<const Publication> publication;
    std::vector<std::shared_ptr<ObservationRing>> rings;
  };

  void serve();
  bool wait_for_orders(Orders& orders, bool idle);
  bool drain(const Orders& orders);
  void take_up(const std::shared_ptr<const Publication>& publication);
  static Subject subject(const std::shared_ptr<Traffic>& traffic);
  void observe(const Observation& observation, std::span<const std::uint8_t> request);
  bool decide(Subject& subject, const Observation& observation,
              std::span<const std::uint8_t> request, Outcome& outcome);

  std::mutex mutex_;
  std::condition_variable changed_;
  Orders orders_;
  std::uint64_t order_number_ = 0;
  bool stopping_ = false;
  std::thread thread_;

  // Of the thread.
  std::uint64_t orders_taken_ = 0;
  std::shared_ptr<const Publication> publication_;
  std::shared_ptr<const Publication> previous_;  // until the rings have been empty since
  Decider decider_;
  Subject champion_;
  Subject canary_;
  std::vector<Subject> shadows_;
};

}  // namespace fenqi::engine
