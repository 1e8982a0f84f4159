#include "engine/publication.h"

#include <algorithm>
#include <utility>

namespace fenqi::engine {
namespace {

// The one of `known` that counts for `release`, or a new one.
std::shared_ptr<Traffic> traffic_of(const std::shared_ptr<const Release>& release,
                                    std::span<const std::shared_ptr<Traffic>> known) {
  for (const auto& traffic : known) {
    if (traffic != nullptr && traffic->release() == release) return traffic;
  }
  return std::make_shared<Traffic>(release);
}

bool has_column_references(const Release& release) {
  return std::any_of(release.models().begin(), release.models().end(),
                     [](const ModelSlot& slot) { return !slot.column_references.empty(); });
}

}  // namespace

Publication::Publication(std::uint64_t n, Deployment of, const Publication* previous)
    : number(n),
      deployment(std::move(of)),
      has_columns(has_column_references(*deployment.champion) ||
                  (deployment.canary && has_column_references(*deployment.canary->release))) {
  using Known = std::span<const std::shared_ptr<Traffic>>;
  champion = traffic_of(deployment.champion,
                        previous == nullptr ? Known() : Known(&previous->champion, 1));
  if (deployment.canary) {
    draw.emplace(*deployment.canary);
    canary = traffic_of(deployment.canary->release,
                        previous == nullptr ? Known() : Known(&previous->canary, 1));
  }
  for (const auto& shadow : deployment.shadows) {
    shadows.push_back(traffic_of(shadow, previous == nullptr ? Known() : Known(previous->shadows)));
  }
}

void Publication::miss(const Observation& observation) const {
  if (observation.by_canary || observation.for_canary) canary->miss();
  if (!observation.for_shadows) return;
  for (const auto& shadow : shadows) shadow->miss();
}

}  // namespace fenqi::engine
