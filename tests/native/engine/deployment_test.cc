#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engine/deployment.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>

#include "fenqi/contract.h"
#include "images.h"
#include "wire/writer.h"

using namespace fenqi;
using namespace fenqi::engine;

namespace {

Bytes request_of(const std::string& customer) {
  wire::MessageWriter writer;
  writer.string(contract::score_request::kRequestId, "r");
  const auto application = writer.begin(contract::score_request::kApplication);
  writer.string(contract::application::kCustomerKey, customer);
  writer.end(application);
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

CanaryDraw draw(double share, std::string salt = "s") {
  return CanaryDraw(Canary{nullptr, share, std::move(salt)});
}

int drawn_of(const CanaryDraw& draw, int customers) {
  int drawn = 0;
  for (int i = 0; i < customers; ++i) drawn += draw.takes("c" + std::to_string(i));
  return drawn;
}

}  // namespace

TEST_CASE("a share is met within what chance allows") {
  constexpr int kCustomers = 20000;
  for (const double share : {0.01, 0.1, 0.5, 0.9}) {
    const double deviation = std::sqrt(kCustomers * share * (1.0 - share));
    CHECK(std::abs(drawn_of(draw(share), kCustomers) - kCustomers * share) < 5.0 * deviation);
  }
}

TEST_CASE("a share of nothing draws nobody, and a share of everything everybody with a key") {
  CHECK(drawn_of(draw(0.0), 1000) == 0);
  CHECK(drawn_of(draw(1.0), 1000) == 1000);
  CHECK_FALSE(draw(1.0).takes(""));
}

TEST_CASE("who is drawn stays drawn when the share grows, and with the same salt only") {
  const CanaryDraw small = draw(0.07);
  const CanaryDraw large = draw(0.29);
  const CanaryDraw other = draw(0.29, "t");
  int differs = 0;
  for (int i = 0; i < 5000; ++i) {
    const std::string customer = "c" + std::to_string(i);
    if (small.takes(customer)) CHECK(large.takes(customer));
    CHECK(large.takes(customer) == large.takes(customer));
    differs += large.takes(customer) != other.takes(customer);
  }
  CHECK(differs > 1000);
}

TEST_CASE("the bucket is that of SHA-256 over salt, colon and key") {
  // python: int.from_bytes(hashlib.sha256(b"salt:customer").digest()[:8], "big") % 10000 == 3197
  CHECK_FALSE(draw(0.3197, "salt").takes("customer"));
  CHECK(draw(0.3198, "salt").takes("customer"));
}

TEST_CASE("the customer's key is the last one, wherever it stands, and none in damaged bytes") {
  Bytes request = request_of("first");
  const Bytes second = request_of("second");
  request.insert(request.end(), second.begin(), second.end());
  CHECK(customer_key_of(request) == "second");
  CHECK(customer_key_of(std::span(request).first(request.size() - 1)).empty());
}

TEST_CASE("a deployment without champion, or with a share that is none, is refused") {
  CHECK(Deployment{}.check().code == StatusCode::kInvalidArgument);
  const auto release = fenqi::engine::testing::load_rules("rules_a");
  CHECK(Deployment{release, std::nullopt, {}}.check().ok());
  for (const double share : {-0.1, 1.1, std::numeric_limits<double>::quiet_NaN()}) {
    CHECK_FALSE(Deployment{release, Canary{release, share, ""}, {}}.check().ok());
  }
  CHECK_FALSE(Deployment{release, Canary{nullptr, 0.5, ""}, {}}.check().ok());
  CHECK_FALSE(Deployment{release, std::nullopt, {nullptr}}.check().ok());
}
