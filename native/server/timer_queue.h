// One worker's timers: a binary heap of intrusive entries. Used on the worker's thread only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace fenqi::server {

inline constexpr std::int64_t kNever = std::numeric_limits<std::int64_t>::max();

class TimerQueue;

// Something with at most one due time. The owner must cancel it before it is destroyed.
class Timer {
 public:
  virtual void on_timer(std::int64_t now_ns) = 0;
  bool armed() const { return slot_ != kIdle; }

 protected:
  ~Timer() = default;

 private:
  friend class TimerQueue;
  static constexpr std::size_t kIdle = std::numeric_limits<std::size_t>::max();
  std::int64_t due_ns_ = kNever;
  std::size_t slot_ = kIdle;
};

class TimerQueue {
 public:
  // Sets or moves `timer`; kNever cancels it. O(log n).
  void set(Timer& timer, std::int64_t due_ns);
  void cancel(Timer& timer);
  // kNever when nothing is armed.
  std::int64_t next_due_ns() const { return heap_.empty() ? kNever : heap_.front()->due_ns_; }
  // Fires what is due. A timer is disarmed before it fires, and may arm itself again.
  void run(std::int64_t now_ns);

 private:
  void place(std::size_t slot, Timer* timer);
  void rise(std::size_t slot);
  void sink(std::size_t slot);

  std::vector<Timer*> heap_;
};

}  // namespace fenqi::server
