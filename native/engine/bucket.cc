#include "engine/bucket.h"

#include "base/digest.h"

namespace fenqi::engine {

std::uint32_t bucket_of(std::string_view salt, std::string_view customer_key) {
  const Digest digest = sha256(salt, customer_key);
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | digest[i];
  return static_cast<std::uint32_t>(number % kBuckets);
}

}  // namespace fenqi::engine
