// Customers spread over buckets by a hash of their key, so that asking again changes nothing: who
// is drawn for exploration, and who meets the canary.
#pragma once

#include <cstdint>
#include <string_view>

namespace fenqi::engine {

// Customers are spread over this many buckets.
inline constexpr std::uint32_t kBuckets = 10000;

// The bucket of a customer: the first 8 bytes of SHA-256(salt, key), big-endian, modulo kBuckets.
// `salt` ends with a colon. Nothing is taken from the heap once the thread has hashed before.
std::uint32_t bucket_of(std::string_view salt, std::string_view customer_key);

}  // namespace fenqi::engine
