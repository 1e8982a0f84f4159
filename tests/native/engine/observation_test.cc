#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "engine/observation.h"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

using namespace fenqi::engine;

namespace {

// A request whose size and bytes say which it is.
Bytes request_of(std::uint64_t number) {
  return Bytes(number * 7919 % 3000, static_cast<std::uint8_t>(number));
}

Observation observation_of(std::uint64_t number) {
  Observation observation;
  observation.publication = number;
  return observation;
}

bool is_that(std::uint64_t number, const Observation& observation,
             std::span<const std::uint8_t> request) {
  const Bytes expected = request_of(number);
  return observation.publication == number &&
         std::equal(request.begin(), request.end(), expected.begin(), expected.end());
}

}  // namespace

TEST_CASE("observations come out as they went in, however often the memory wraps") {
  ObservationRing ring;
  Observation observation;
  std::span<const std::uint8_t> request;
  CHECK_FALSE(ring.front(observation, request));
  for (std::uint64_t i = 0; i < 20000; ++i) {
    REQUIRE(ring.push(observation_of(2 * i), request_of(2 * i)));
    REQUIRE(ring.push(observation_of(2 * i + 1), request_of(2 * i + 1)));
    for (std::uint64_t k = 2 * i; k < 2 * i + 2; ++k) {
      REQUIRE(ring.front(observation, request));
      REQUIRE(is_that(k, observation, request));
      ring.pop();
    }
  }
  CHECK_FALSE(ring.front(observation, request));
}

TEST_CASE("a full ring takes nothing more, keeps what it has, and takes again when there is room") {
  ObservationRing ring;
  std::uint64_t taken = 0;
  while (ring.push(observation_of(taken), request_of(taken))) ++taken;
  CHECK(taken > 500);
  CHECK_FALSE(ring.push(observation_of(taken), request_of(taken)));
  Observation observation;
  std::span<const std::uint8_t> request;
  for (std::uint64_t i = 0; i < taken; ++i) {
    REQUIRE(ring.front(observation, request));
    REQUIRE(is_that(i, observation, request));
    ring.pop();
  }
  CHECK(ring.push(observation_of(1), request_of(1)));
}

TEST_CASE("a request too large to wait for is not taken") {
  ObservationRing ring;
  CHECK_FALSE(ring.push(observation_of(1), Bytes(1 << 19)));
}

TEST_CASE("two threads see the same order") {
  ObservationRing ring;
  constexpr std::uint64_t kMany = 30000;
  std::uint64_t wrong = 0;
  std::jthread reader([&] {
    for (std::uint64_t next = 0; next < kMany;) {
      Observation observation;
      std::span<const std::uint8_t> request;
      if (!ring.front(observation, request)) {
        std::this_thread::yield();
        continue;
      }
      wrong += !is_that(next++, observation, request);
      ring.pop();
    }
  });
  for (std::uint64_t i = 0; i < kMany;) {
    if (ring.push(observation_of(i), request_of(i))) {
      ++i;
    } else {
      std::this_thread::yield();
    }
  }
  reader.join();
  CHECK(wrong == 0);
}
