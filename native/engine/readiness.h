// Whether a release may take traffic: it answers its golden requests, and fast enough here.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "engine/release.h"
#include "quoting/acknowledgement.h"

namespace fenqi::engine {

struct Readiness {
  bool ready = false;
  double p50_us = 0.0;  // over the requests
  double p99_us = 0.0;
  std::uint64_t requests = 0;
  std::uint64_t failed = 0;
  std::string why;  // it is not ready; empty where it is
};

// Scores each of `requests` (serialized ScoreRequests) several times and takes the fastest: on a
// machine that works, other threads interrupt this one. Ready where there are requests, none
// fails, and 99 of 100 take at most `budget_us`. Takes as long as that takes.
Readiness measure_readiness(const std::shared_ptr<const Release>& release,
                            std::span<const Bytes> requests, double budget_us,
                            const quoting::AcknowledgementKey* key);

}  // namespace fenqi::engine
