#include "tables/value_set.h"

#include <cmath>

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::tables {
namespace {

namespace image = contract::internal;
using wire::MessageReader;
using wire::WireType;

bool is_bound(const Value& value) {
  return value.kind == Kind::kInt || value.kind == Kind::kUint ||
         (value.kind == Kind::kDouble && !std::isnan(value.d));
}

Interval point(const Value& value) {
  return {value, value, false, false};
}

bool read_interval(std::span<const std::uint8_t> bytes, Interval& interval) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::interval::kLow:
      case image::interval::kHigh: {
        Value bound;
        if (!read_constant(reader.payload(), bound) || !is_bound(bound)) return false;
        (reader.number() == image::interval::kLow ? interval.low : interval.high) = bound;
        break;
      }
      case image::interval::kLowOpen:
        interval.low_open = reader.bits() != 0;
        break;
      case image::interval::kHighOpen:
        interval.high_open = reader.bits() != 0;
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

}  // namespace

bool read_value_set(std::span<const std::uint8_t> bytes, ValueSet& set) {
  std::vector<std::int64_t> ints;
  std::vector<std::uint64_t> uints;
  std::vector<double> doubles;
  std::vector<bool> bools;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::value_set::kInts:
        if (!wire::append_varints(reader, ints, wire::unzigzag)) return false;
        break;
      case image::value_set::kUints:
        if (!wire::append_varints(reader, uints, [](std::uint64_t bits) { return bits; })) {
          return false;
        }
        break;
      case image::value_set::kDoubles:
        if (!wire::append_doubles(reader, doubles)) return false;
        break;
      case image::value_set::kIntervals:
        if (!read_interval(reader.payload(), set.intervals.emplace_back())) return false;
        break;
      case image::value_set::kStrings:
        set.strings.push_back(reader.text());
        break;
      case image::value_set::kPrefixes:
        set.prefixes.push_back(reader.text());
        break;
      case image::value_set::kBools:
        if (!wire::append_varints(reader, bools, [](std::uint64_t bits) { return bits != 0; })) {
          return false;
        }
        break;
      case image::value_set::kComplement:
        set.complement = reader.bits() != 0;
        break;
      default:
        break;
    }
  }
  for (const std::int64_t x : ints) set.intervals.push_back(point(Value::of_int(x)));
  for (const std::uint64_t x : uints) set.intervals.push_back(point(Value::of_uint(x)));
  for (const double x : doubles) {
    if (std::isnan(x)) return false;
    set.intervals.push_back(point(Value::of_double(x)));
  }
  for (const bool x : bools) (x ? set.holds_true : set.holds_false) = true;
  return reader.ok();
}

bool read_constant(std::span<const std::uint8_t> bytes, Value& value) {
  value = Value();
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::constant::kBoolValue:
        value = Value::of_bool(reader.bits() != 0);
        break;
      case image::constant::kIntValue:
        value = Value::of_int(wire::unzigzag(reader.bits()));
        break;
      case image::constant::kUintValue:
        value = Value::of_uint(reader.bits());
        break;
      case image::constant::kDoubleValue:
        value = Value::of_double(reader.number64());
        break;
      case image::constant::kStringValue:
        value = Value::of_string(reader.text());
        break;
      case image::constant::kMissing:
        value = Value();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

Kind kind_of_key(std::uint32_t key_kind) {
  switch (key_kind) {
    case contract::key_kind::kBool:
      return Kind::kBool;
    case contract::key_kind::kInt:
      return Kind::kInt;
    case contract::key_kind::kUint:
      return Kind::kUint;
    case contract::key_kind::kDouble:
      return Kind::kDouble;
    case contract::key_kind::kString:
      return Kind::kString;
    default:
      return Kind::kNone;
  }
}

}  // namespace fenqi::tables
