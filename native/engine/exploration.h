// Approvals at random below the cut-off, to learn how such applicants repay (3.4).
//
// Who is drawn is decided by a hash of the customer's key, so that asking again changes nothing.
#pragma once

#include <cstdint>
#include <string_view>

#include "engine/release.h"

namespace fenqi::engine {

// Customers are spread over this many buckets.
inline constexpr std::uint32_t kBuckets = 10000;

// The bucket of a customer: the first 8 bytes of SHA-256(salt ":" key), big-endian, modulo
// kBuckets. Nothing is taken from the heap once the thread has hashed before.
std::uint32_t bucket_of(const Exploration& exploration, std::string_view customer_key);

// How many buckets are approved of applicants with this probability of default: the rate, or as
// much of it as keeps the expected loss for each applicant in the band within the budget, rounded
// down to whole buckets.
std::uint32_t approved_buckets(const Exploration& exploration, double probability);

}  // namespace fenqi::engine
