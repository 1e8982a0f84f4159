// Approvals at random below the cut-off, to learn how such applicants repay (3.4).
//
// Who is drawn is decided by the customer's bucket.
#pragma once

#include <cstdint>

#include "engine/bucket.h"
#include "engine/release.h"

namespace fenqi::engine {

// How many buckets are approved of applicants with this probability of default: the rate, or as
// much of it as keeps the expected loss for each applicant in the band within the budget, rounded
// down to whole buckets.
std::uint32_t approved_buckets(const Exploration& exploration, double probability);

}  // namespace fenqi::engine
