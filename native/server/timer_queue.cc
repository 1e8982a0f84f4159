#include "server/timer_queue.h"

namespace fenqi::server {

void TimerQueue::place(std::size_t slot, Timer* timer) {
  heap_[slot] = timer;
  timer->slot_ = slot;
}

void TimerQueue::rise(std::size_t slot) {
  Timer* timer = heap_[slot];
  while (slot > 0) {
    const std::size_t parent = (slot - 1) / 2;
    if (heap_[parent]->due_ns_ <= timer->due_ns_) break;
    place(slot, heap_[parent]);
    slot = parent;
  }
  place(slot, timer);
}

void TimerQueue::sink(std::size_t slot) {
  Timer* timer = heap_[slot];
  for (;;) {
    std::size_t child = 2 * slot + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1]->due_ns_ < heap_[child]->due_ns_) ++child;
    if (timer->due_ns_ <= heap_[child]->due_ns_) break;
    place(slot, heap_[child]);
    slot = child;
  }
  place(slot, timer);
}

void TimerQueue::set(Timer& timer, std::int64_t due_ns) {
  if (due_ns == kNever) return cancel(timer);
  if (!timer.armed()) {
    timer.due_ns_ = due_ns;
    heap_.push_back(&timer);
    rise(heap_.size() - 1);
    return;
  }
  const bool sooner = due_ns < timer.due_ns_;
  timer.due_ns_ = due_ns;
  if (sooner) {
    rise(timer.slot_);
  } else {
    sink(timer.slot_);
  }
}

void TimerQueue::cancel(Timer& timer) {
  if (!timer.armed()) return;
  const std::size_t slot = timer.slot_;
  timer.slot_ = Timer::kIdle;
  Timer* last = heap_.back();
  heap_.pop_back();
  if (last == &timer) return;
  place(slot, last);
  rise(slot);
  sink(last->slot_);
}

void TimerQueue::run(std::int64_t now_ns) {
  while (!heap_.empty() && heap_.front()->due_ns_ <= now_ns) {
    Timer* timer = heap_.front();
    cancel(*timer);
    timer->on_timer(now_ns);
  }
}

}  // namespace fenqi::server
