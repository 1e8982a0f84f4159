#include "server/abuse_budget.h"

#include "server/clock.h"

namespace fenqi::server {

bool TokenBucket::take(std::int64_t now_ns) {
  if (tokens_ < 1 || tokens_ < burst_ / 2) {
    // Refilled only when running low: a healthy connection pays one comparison.
    if (refilled_ns_ != 0) {
      give(static_cast<double>(now_ns - refilled_ns_) * per_second_ / static_cast<double>(kSecond));
    }
    refilled_ns_ = now_ns;
  }
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace fenqi::server
