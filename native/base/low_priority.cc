#include "base/low_priority.h"

#include <pthread.h>
#include <sched.h>

#include <utility>

#include "base/blocked_signals.h"

namespace fenqi {

std::thread start_low_priority(std::function<void()> body) {
  const BlockedSignals blocked;
  return std::thread([body = std::move(body)] {
    // Where the system refuses, the work is done all the same.
    const sched_param none{};
    pthread_setschedparam(pthread_self(), SCHED_IDLE, &none);
    body();
  });
}

void run_at_low_priority(const std::function<void()>& work) {
  start_low_priority(work).join();
}

}  // namespace fenqi
