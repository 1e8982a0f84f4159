#include "engine/seat.h"

#include <utility>

namespace fenqi::engine {

Result<std::unique_ptr<Outfit>> Outfit::create(std::shared_ptr<const Publication> publication,
                                               Seat& seat) {
  auto outfit = std::make_unique<Outfit>();
  auto champion = Workspace::create(publication->deployment.champion);
  if (!champion.ok()) return champion.status();
  outfit->champion = std::move(champion.value());
  outfit->champion_counters = &publication->champion->counters_of(seat.number);
  if (publication->canary != nullptr) {
    auto canary = Workspace::create(publication->deployment.canary->release);
    if (!canary.ok()) return canary.status();
    outfit->canary = std::move(canary.value());
    outfit->canary_counters = &publication->canary->counters_of(seat.number);
  }
  if (publication->is_observed()) {
    if (seat.ring == nullptr) seat.ring = std::make_shared<ObservationRing>();
    outfit->ring = seat.ring;
  }
  outfit->publication = std::move(publication);
  return outfit;
}

}  // namespace fenqi::engine
