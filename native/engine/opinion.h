// What the deciding model or scorecard says of an applicant.
#pragma once

#include <cstdint>
#include <span>

#include "engine/release.h"

namespace fenqi::engine {

// Lent by the scorer until its next request.
struct Opinion {
  double probability = 0.0;
  double score = 0.0;
  // How much worse than the reference each column or attribute is: of a model in log-odds of
  // default, of a scorecard in points lost. Empty where the model explains nothing; filled once the
  // decision is made.
  std::span<const double> parts;
  // What each part stands for.
  std::span<const Contribution> contributions;
};

// What is known of an applicant when the decision is made.
struct Assessment {
  // Index into Release::segments(); kNone where the applicant falls in none or in several, or the
  // release has none.
  std::uint32_t segment = kNone;
  // False where a hard rule made a score needless.
  bool is_scored = true;
  // Null where nobody gave one.
  const Opinion* opinion = nullptr;

  const Route& route_of(const Release& release) const {
    if (!is_scored) return release.route_unscored();
    return segment == kNone ? release.route_without_segment() : release.segments()[segment].route;
  }
  const Segment* segment_of(const Release& release) const {
    return segment == kNone ? nullptr : &release.segments()[segment];
  }
};

}  // namespace fenqi::engine
