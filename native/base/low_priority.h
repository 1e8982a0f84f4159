// Threads for work that must not disturb those that answer requests.
#pragma once

#include <functional>
#include <thread>

namespace fenqi {

// Starts a thread that runs only while no other wants its processor (SCHED_IDLE: a thread of
// normal priority that wakes up takes its place at once) and that takes no signal. `body` must not
// throw. Nothing that the request path waits for may be held by such a thread.
std::thread start_low_priority(std::function<void()> body);

// Runs `work` on such a thread and waits for its end.
void run_at_low_priority(const std::function<void()>& work);

}  // namespace fenqi
