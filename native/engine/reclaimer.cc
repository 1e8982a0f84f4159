#include "engine/reclaimer.h"

#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "base/low_priority.h"

namespace fenqi::engine {

Reclaimer::~Reclaimer() {
  free_all();
}

void Reclaimer::start() {
  std::call_once(started_, [this] { thread_ = start_low_priority([this] { serve(); }); });
}

void Reclaimer::stop() {
  if (!thread_.joinable()) return;
  stopped_.store(true, std::memory_order_release);
  work_.release();
  thread_.join();
}

void Reclaimer::take(std::unique_ptr<Reclaimable> object) {
  Reclaimable* const given = object.release();
  given->next_ = handed_over_.load(std::memory_order_relaxed);
  while (!handed_over_.compare_exchange_weak(given->next_, given, std::memory_order_release,
                                             std::memory_order_relaxed)) {
  }
  work_.release();
  if (stopped_.load(std::memory_order_acquire)) free_all();
}

void Reclaimer::serve() {
  for (;;) {
    work_.acquire();
    const bool last = stopped_.load(std::memory_order_acquire);
    if (free_all()) {
#ifdef __GLIBC__
      // What onnxruntime and we freed lies in malloc's arenas otherwise, for ever.
      malloc_trim(0);
#endif
    }
    if (last) return;
  }
}

// What is freed may hand over more.
bool Reclaimer::free_all() {
  bool any = false;
  while (Reclaimable* object = handed_over_.exchange(nullptr, std::memory_order_acquire)) {
    any = true;
    while (object != nullptr) {
      const std::unique_ptr<Reclaimable> freed(object);
      object = freed->next_;
    }
  }
  return any;
}

}  // namespace fenqi::engine
