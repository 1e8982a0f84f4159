// A set of values as an image describes it: what a cell of a table, a key of a lookup or a list
// holds. Read once at load; texts are views into the image's bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace fenqi::tables {

// Numbers between two bounds, each an int, a uint or a double that is not NaN. Without a bound,
// infinity is inside.
struct Interval {
  std::optional<Value> low;
  std::optional<Value> high;
  bool low_open = false;
  bool high_open = false;
};

struct ValueSet {
  std::vector<Interval> intervals;
  std::vector<std::string_view> strings;
  std::vector<std::string_view> prefixes;
  bool holds_false = false;
  bool holds_true = false;
  // All values but these.
  bool complement = false;
};

// Read a serialized fenqi.internal.v1.ValueSet or Constant. False where the bytes are damaged or a
// bound is no number. A string's text is a view into `bytes`; a constant that says `missing` is a
// missing value.
bool read_value_set(std::span<const std::uint8_t> bytes, ValueSet& set);
bool read_constant(std::span<const std::uint8_t> bytes, Value& value);

// The kind that a fenqi.internal.v1.KeyKind names; kNone where it names none.
Kind kind_of_key(std::uint32_t key_kind);

}  // namespace fenqi::tables
