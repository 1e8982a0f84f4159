// How much fruitless work one connection may ask for.
//
// A reset costs the server about what an answered call costs, so a client may reset as often as a
// modest client may call; every answered call earns one reset more. That lets clients with short
// deadlines cancel by the thousand, and still cuts off a flood (CVE-2023-44487) within a fraction
// of a second. Resets that the client's protocol faults make the server send ("MadeYouReset",
// CVE-2025-8671) have a far smaller budget: an honest client causes none. Frames that carry no call
// (PING, SETTINGS, PRIORITY, WINDOW_UPDATE, CONTINUATION, empty DATA, unknown types) are paid for
// by frames that do.
#pragma once

#include <cstdint>

namespace fenqi::server {

class TokenBucket {
 public:
  constexpr TokenBucket(double burst, double per_second)
      : burst_(burst), per_second_(per_second), tokens_(burst) {}

  // False when the bucket is empty. Time must not run backwards.
  bool take(std::int64_t now_ns);
  void give(double tokens) { tokens_ = tokens_ + tokens > burst_ ? burst_ : tokens_ + tokens; }

 private:
  double burst_;
  double per_second_;
  double tokens_;
  std::int64_t refilled_ns_ = 0;
};

class AbuseBudget {
 public:
  // Each of the three is false when the connection has to go.
  bool reset(std::int64_t now_ns) { return resets_.take(now_ns); }
  bool fault(std::int64_t now_ns) { return faults_.take(now_ns); }
  bool idle_frame(std::int64_t now_ns) { return idle_frames_.take(now_ns); }

  void answered_call() { resets_.give(1); }
  void useful_frame() { idle_frames_.give(2); }

 private:
  TokenBucket resets_{10'000, 5'000};
  TokenBucket faults_{100, 10};
  TokenBucket idle_frames_{4'000, 400};
};

}  // namespace fenqi::server
