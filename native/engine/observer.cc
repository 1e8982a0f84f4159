#include "engine/observer.h"

#include <chrono>
#include <utility>

#include "base/low_priority.h"

namespace fenqi::engine {
namespace {

// How long the thread rests when there is nothing to observe. Who answers requests does not wake
// it, for that would be a system call in the path of a request; so it looks by itself.
constexpr std::chrono::milliseconds kRest{5};

// Taken from one ring before the next has its turn.
constexpr int kBatch = 64;

}  // namespace

Observer::~Observer() {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void Observer::follow(std::shared_ptr<const Publication> publication,
                      std::vector<std::shared_ptr<ObservationRing>> rings) {
  Orders replaced;  // freed after the lock is given back
  {
    const std::lock_guard lock(mutex_);
    if (publication->is_observed() && !thread_.joinable()) {
      thread_ = start_low_priority([this] { serve(); });
    }
    replaced = std::exchange(orders_, {std::move(publication), std::move(rings)});
    ++order_number_;
  }
  changed_.notify_one();
}

void Observer::serve() {
  Orders orders;
  for (bool idle = false; wait_for_orders(orders, idle);) {
    idle = !drain(orders);
    if (!idle) continue;
    if (publication_ != orders.publication) take_up(orders.publication);
    previous_ = nullptr;
  }
}

// Takes new orders, where there are some; first rests, where there is nothing to do. False when it
// is time to end.
bool Observer::wait_for_orders(Orders& orders, bool idle) {
  std::unique_lock lock(mutex_);
  const auto has_changed = [&] { return stopping_ || order_number_ != orders_taken_; };
  if (idle && publication_ != nullptr && publication_->is_observed()) {
    changed_.wait_for(lock, kRest, has_changed);
  } else if (idle) {
    changed_.wait(lock, has_changed);
  }
  if (stopping_) return false;
  if (order_number_ != orders_taken_) {
    orders = orders_;
    orders_taken_ = order_number_;
  }
  return true;
}

// Observes what is in the rings. False where they were empty.
bool Observer::drain(const Orders& orders) {
  bool any = false;
  for (const auto& ring : orders.rings) {
    Observation observation;
    std::span<const std::uint8_t> request;
    for (int i = 0; i < kBatch && ring->front(observation, request); ++i) {
      any = true;
      const std::uint64_t newest = orders.publication->number;
      if (observation.publication > newest) break;  // of orders that are still to be taken
      if (observation.publication == newest && publication_ != orders.publication) {
        take_up(orders.publication);
      }
      if (publication_ != nullptr && observation.publication == publication_->number) {
        observe(observation, request);
      } else if (previous_ != nullptr && observation.publication == previous_->number) {
        previous_->miss(observation);  // it came late, by another ring
      }
      ring->pop();
    }
  }
  return any;
}

Observer::Subject Observer::subject(const std::shared_ptr<Traffic>& traffic) {
  Subject made;
  made.traffic = traffic.get();
  made.counters = &traffic->counters_of(kObserver);
  auto workspace = Workspace::create(traffic->release());
  if (workspace.ok()) made.workspace = std::move(workspace.value());
  return made;
}

void Observer::take_up(const std::shared_ptr<const Publication>& publication) {
  champion_ = {};
  canary_ = {};
  shadows_.clear();
  previous_ = std::exchange(publication_, publication);
  if (!publication->is_observed()) return;
  champion_ = subject(publication->champion);
  if (publication->canary != nullptr) canary_ = subject(publication->canary);
  for (const auto& shadow : publication->shadows) shadows_.push_back(subject(shadow));
}

void Observer::observe(const Observation& observation, std::span<const std::uint8_t> request) {
  Outcome outcome;
  if (observation.by_canary) {
    if (decide(champion_, observation, request, outcome)) {
      canary_.counters->compare(decider_.summary(), observation.summary);
    } else {
      canary_.traffic->miss();
    }
    if (observation.for_columns) decide(canary_, observation, request, outcome);
    return;
  }
  if (observation.for_shadows) {
    for (Subject& shadow : shadows_) {
      const bool fine = decide(shadow, observation, request, outcome);
      const Summary summary = fine ? decider_.summary() : Summary();
      shadow.counters->count(*shadow.traffic->release(), outcome, summary);
      if (fine) {
        shadow.counters->compare(observation.summary, summary);
      } else {
        shadow.traffic->miss();
      }
    }
  }
  if (observation.for_canary) {
    if (decide(canary_, observation, request, outcome)) {
      canary_.counters->compare(observation.summary, decider_.summary());
    } else {
      canary_.traffic->miss();
    }
  }
  if (observation.for_columns) decide(champion_, observation, request, outcome);
}

// Scores the request on `subject` and counts its columns. False where that failed.
bool Observer::decide(Subject& subject, const Observation& observation,
                      std::span<const std::uint8_t> request, Outcome& outcome) {
  if (subject.workspace == nullptr) {
    outcome.status = error(StatusCode::kInternal, "there is no memory to run the release");
    return false;
  }
  outcome = decider_.decide(*subject.workspace, request, observation.decided_at);
  if (!outcome.status.ok()) return false;
  subject.counters->count_columns(*subject.traffic->release(), subject.workspace->registers);
  return true;
}

}  // namespace fenqi::engine
