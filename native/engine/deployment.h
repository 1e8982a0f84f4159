// A deployment: which releases answer, and which are only watched.
//
// The champion answers everybody but the canary's share; shadows answer nobody. A canary or shadow
// may differ from the champion in its models or in its policy.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "engine/release.h"

namespace fenqi::engine {

struct Canary {
  std::shared_ptr<const Release> release;
  double share = 0.0;  // of the customers, 0 .. 1
  std::string salt;
};

struct Deployment {
  std::shared_ptr<const Release> champion;
  std::optional<Canary> canary;
  std::vector<std::shared_ptr<const Release>> shadows;

  // Fails with INVALID_ARGUMENT where a release is absent or the share is none.
  Status check() const;
};

// Which customers meet the canary: those in buckets below share * kBuckets of "salt:customer". The
// same customer always, and whoever was in stays in when the share grows.
class CanaryDraw {
 public:
  explicit CanaryDraw(const Canary& canary);

  // Whether the customer with this key meets the canary. Who has none meets the champion. Nothing
  // is taken from the heap once the thread has hashed before.
  bool takes(std::string_view customer_key) const;

 private:
  std::string salt_;
  double buckets_;
};

// application.customer_key of a serialized ScoreRequest, which is read no further than that; a view
// into it, empty where it has none or is damaged.
std::string_view customer_key_of(std::span<const std::uint8_t> request);

}  // namespace fenqi::engine
