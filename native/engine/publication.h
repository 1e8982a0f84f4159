// A deployment as it was published: numbered, immutable, with what its roles' traffic came to.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "engine/deployment.h"
#include "engine/observation.h"
#include "engine/traffic.h"

namespace fenqi::engine {

struct Publication {
  // `previous`, where there is one: a release that keeps its role keeps its counts.
  Publication(std::uint64_t number, Deployment deployment, const Publication* previous);

  // Whether anything is to be scored besides what is answered.
  bool is_observed() const { return canary != nullptr || !shadows.empty() || has_columns; }
  // Whether the canary is to answer the customer with this key.
  bool is_for_canary(std::string_view customer_key) const {
    return draw && draw->takes(customer_key);
  }
  // The comparisons that `observation` was for cannot be made.
  void miss(const Observation& observation) const;

  std::uint64_t number;
  Deployment deployment;
  std::optional<CanaryDraw> draw;  // where there is a canary
  std::shared_ptr<Traffic> champion;
  std::shared_ptr<Traffic> canary;  // null where there is none
  std::vector<std::shared_ptr<Traffic>> shadows;
  bool has_columns;  // a model of champion or canary has references for its columns
};

}  // namespace fenqi::engine
