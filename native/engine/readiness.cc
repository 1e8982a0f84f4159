#include "engine/readiness.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <vector>

#include "engine/decider.h"
#include "engine/workspace.h"

namespace fenqi::engine {
namespace {

constexpr int kRounds = 5;

// The smallest value that `percent` of `sorted` do not exceed.
double percentile(const std::vector<double>& sorted, double percent) {
  const auto rank =
      static_cast<std::size_t>(std::ceil(percent / 100.0 * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

std::string too_slow(double p99_us, double budget_us) {
  char text[160];
  std::snprintf(text, sizeof text,
                "99 of 100 golden requests take up to %.1f us, %.1f us above the budget of %.1f us",
                p99_us, p99_us - budget_us, budget_us);
  return text;
}

}  // namespace

Readiness measure_readiness(const std::shared_ptr<const Release>& release,
                            std::span<const Bytes> requests, double budget_us,
                            const quoting::AcknowledgementKey* key) {
  Readiness report;
  report.requests = requests.size();
  auto workspace = Workspace::create(release);
  if (!workspace.ok()) {
    report.why = workspace.status().message;
    return report;
  }
  if (requests.empty()) {
    report.why = "there are no golden requests to try it on";
    return report;
  }
  Decider decider(key);
  std::vector<double> fastest(requests.size(), std::numeric_limits<double>::infinity());
  for (int round = 0; round < kRounds && report.failed == 0; ++round) {
    for (std::size_t i = 0; i < requests.size(); ++i) {
      const Outcome outcome = decider.decide(*workspace.value(), requests[i]);
      if (!outcome.status.ok() && report.failed++ == 0) {
        report.why = "golden request " + std::to_string(i) + ": " + outcome.status.message;
      }
      fastest[i] = std::min(fastest[i], static_cast<double>(outcome.timings.back()) / 1000.0);
    }
  }
  std::sort(fastest.begin(), fastest.end());
  report.p50_us = percentile(fastest, 50.0);
  report.p99_us = percentile(fastest, 99.0);
  if (report.failed > 0) return report;
  report.ready = report.p99_us <= budget_us;
  if (!report.ready) report.why = too_slow(report.p99_us, budget_us);
  return report;
}

}  // namespace fenqi::engine
