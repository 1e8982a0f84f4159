#include "engine/clock.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

constexpr std::int32_t kMostOffsetMinutes = 1'080;

bool is_on_earth(std::int32_t minutes) {
  return std::abs(minutes) <= kMostOffsetMinutes;
}

}  // namespace

std::int32_t Clock::minutes(const wire::MessageReader& field) {
  const std::int64_t all = wire::unzigzag(field.bits());
  return static_cast<std::int32_t>(std::clamp<std::int64_t>(all, -INT32_MAX, INT32_MAX));
}

bool Clock::add_change(std::span<const std::uint8_t> bytes) {
  namespace field = contract::internal::clock_change;
  Change change;
  wire::MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == field::kAtSeconds) {
      change.at_seconds = static_cast<std::int64_t>(reader.bits());
    } else if (reader.number() == field::kUtcOffsetMinutes) {
      change.utc_offset_minutes = minutes(reader);
    }
  }
  changes.push_back(change);
  return reader.ok();
}

bool Clock::is_possible() const {
  bool fine = is_on_earth(utc_offset_minutes);
  for (std::size_t k = 0; k < changes.size(); ++k) {
    fine = fine && is_on_earth(changes[k].utc_offset_minutes) &&
           (k == 0 || changes[k - 1].at_seconds < changes[k].at_seconds);
  }
  return fine;
}

std::int32_t Clock::offset_at(std::int64_t seconds) const {
  const auto after = std::upper_bound(
      changes.begin(), changes.end(), seconds,
      [](std::int64_t moment, const Change& change) { return moment < change.at_seconds; });
  return after == changes.begin() ? utc_offset_minutes : std::prev(after)->utc_offset_minutes;
}

}  // namespace fenqi::engine
