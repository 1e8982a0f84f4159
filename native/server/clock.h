// The two clocks of a worker, read together once for each batch of input.
#pragma once

#include <cstdint>
#include <ctime>

namespace fenqi::server {

inline constexpr std::int64_t kMillisecond = 1'000'000;
inline constexpr std::int64_t kSecond = 1'000'000'000;

// `steady_ns` (CLOCK_MONOTONIC) is for deadlines and durations; `unix_ns` (CLOCK_REALTIME) is the
// time of day that a decision is made by.
struct Instant {
  std::int64_t steady_ns = 0;
  std::int64_t unix_ns = 0;

  static Instant now() {
    timespec steady{};
    timespec wall{};
    clock_gettime(CLOCK_MONOTONIC, &steady);
    clock_gettime(CLOCK_REALTIME, &wall);
    return {steady.tv_sec * kSecond + steady.tv_nsec, wall.tv_sec * kSecond + wall.tv_nsec};
  }
};

}  // namespace fenqi::server
