// A policy's local time: which day it is at a moment.
//
// The compiler writes it into the release, so that no answer depends on the time zones that a
// machine knows. Immutable once it is read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "wire/decode.h"

namespace fenqi::engine {

// How far local time is ahead of UTC, summer time included.
struct Clock {
  struct Change {
    std::int64_t at_seconds = 0;
    std::int32_t utc_offset_minutes = 0;  // from then on
  };

  std::int32_t utc_offset_minutes = 0;  // before the first change
  std::vector<Change> changes;          // ascending

  // A field that holds minutes ahead of UTC.
  static std::int32_t minutes(const wire::MessageReader& field);

  // Appends a serialized fenqi.internal.v1.ClockChange; false where its bytes are damaged.
  bool add_change(std::span<const std::uint8_t> bytes);

  // Whether all offsets are some place's, and the changes ascend.
  bool is_possible() const;

  // Minutes ahead of UTC at that time, seconds since the epoch. Logarithmic in the changes.
  std::int32_t offset_at(std::int64_t seconds) const;
};

}  // namespace fenqi::engine
