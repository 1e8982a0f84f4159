#include "engine/deployment.h"

#include "engine/bucket.h"
#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::engine {

Status Deployment::check() const {
  const auto bad = [](const char* what) { return error(StatusCode::kInvalidArgument, what); };
  if (champion == nullptr) return bad("a deployment needs a champion");
  if (canary) {
    if (canary->release == nullptr) return bad("a canary needs a release");
    // Spelled so that NaN is refused.
    if (!(canary->share >= 0.0 && canary->share <= 1.0)) {
      return bad("the canary's share must lie in 0 .. 1");
    }
  }
  for (const auto& shadow : shadows) {
    if (shadow == nullptr) return bad("a shadow needs a release");
  }
  return {};
}

CanaryDraw::CanaryDraw(const Canary& canary)
    // 0.07 * 10000 is a little more than 700.
    : salt_(canary.salt + ':'), buckets_(canary.share * kBuckets - 1e-9) {}

bool CanaryDraw::takes(std::string_view customer_key) const {
  return !customer_key.empty() && bucket_of(salt_, customer_key) < buckets_;
}

std::string_view customer_key_of(std::span<const std::uint8_t> request) {
  std::string_view key;
  // Of a field that comes twice the last one counts, and messages that come twice are one.
  wire::MessageReader outer(request);
  while (outer.next()) {
    if (outer.number() != contract::score_request::kApplication) continue;
    wire::MessageReader application(outer.payload());
    while (application.next()) {
      if (application.number() == contract::application::kCustomerKey) key = application.text();
    }
    if (!application.ok()) return {};
  }
  return outer.ok() ? key : std::string_view();
}

}  // namespace fenqi::engine
