// CEL's timestamps and durations: reading and writing them, arithmetic, and their parts.
//
// A timestamp lies between 0001-01-01T00:00:00Z and 9999-12-31T23:59:59.999999999Z; a duration
// that is read is shorter than 315,576,000,001 s (10,000 years, as protobuf has it) either way, and
// one that is computed fits in 64 bits of nanoseconds (292 years), as in cel-cpp; unlike there,
// what does not fit is always an error and is never cut off to the nearest that does.
//
// Values come in ok and of the right kind. Each function gives a value, or an error without a
// place. Cost: constant, or linear in the text; only the arena gives memory.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/value.h"
#include "program/time_zone.h"

namespace fenqi::program {

// RFC 3339, as loosely as cel-cpp reads it: white space around it, single digits, an offset without
// a colon or minutes, and a leap second, which is the second after it. Digits of the fraction after
// the ninth are dropped. kUnreadable, or kOutOfRange.
Value string_to_timestamp(std::string_view text);

// Seconds since the epoch. kOutOfRange.
Value int_to_timestamp(std::int64_t seconds);

// A sign, then numbers with the units h, m, s, ms, us, ns ("-1h30m2.5s"), or "0". What is below a
// nanosecond is dropped. kUnreadable, or kOutOfRange.
Value string_to_duration(std::string_view text);

// How many digits a fraction of a second is written with.
enum class Fraction : std::uint8_t {
  kThreeSixNine,  // 0, 3, 6 or 9, as protobuf's JSON; string() does it
  kShortest,      // as few as say it all; format() does it for timestamps
};

// What the texts of times fit in.
inline constexpr std::size_t kMaxTimeText = 40;

// Write "2009-02-13T23:31:30.500Z" and "1.500s" to `out`, which has room for kMaxTimeText bytes,
// and give the number of bytes.
std::size_t write_timestamp(const Value& timestamp, Fraction fraction, char* out);
std::size_t write_duration(const Value& duration, char* out);

Value timestamp_to_string(const Value& timestamp, Arena& arena);
Value duration_to_string(const Value& duration, Arena& arena);

// timestamp + duration, timestamp - duration, timestamp - timestamp, duration + duration,
// duration - duration. kOverflow.
Value add_duration_to_timestamp(const Value& timestamp, const Value& duration);
Value subtract_duration_from_timestamp(const Value& timestamp, const Value& duration);
Value subtract_timestamps(const Value& a, const Value& b);
Value add_durations(const Value& a, const Value& b);
Value subtract_durations(const Value& a, const Value& b);

// Of two timestamps or two durations.
inline std::strong_ordering compare_times(const Value& a, const Value& b) {
  return a.i != b.i ? a.i <=> b.i : a.size <=> b.size;
}

enum class TimePart : std::uint8_t {
  kFullYear,
  kMonth,       // 0 .. 11
  kDate,        // day of the month, 1 .. 31
  kDayOfMonth,  // 0 .. 30
  kDayOfWeek,   // 0 is Sunday
  kDayOfYear,   // 0 .. 365
  kHours,
  kMinutes,
  kSeconds,
  kMilliseconds,
};

// A part of the date and time on the clocks of `zone`. An int.
Value timestamp_part(const Value& timestamp, TimePart part, const TimeZone& zone);

// The whole duration in hours, minutes or seconds, or its milliseconds after the last whole second;
// toward zero. An int; kNoOverload for the other parts.
Value duration_part(const Value& duration, TimePart part);

}  // namespace fenqi::program
