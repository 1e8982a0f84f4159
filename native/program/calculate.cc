// Arithmetic and conversions on values of any kinds.
#include <algorithm>
#include <limits>

#include "fenqi/contract.h"
#include "program/bytes.h"
#include "program/conversions.h"
#include "program/dynamic.h"
#include "program/integers.h"
#include "program/operations.h"
#include "program/strings.h"
#include "program/times.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
// Of a google.protobuf.Duration: 10,000 years.
constexpr std::int64_t kMostSeconds = 315'576'000'000;

Value no_overload() {
  return failed(ErrorCode::kNoOverload);
}

Value calculate_ints(std::uint32_t operation, std::int64_t a, std::int64_t b) {
  switch (operation) {
    case op::kSub:
      return checked(kSubtract, a, b);
    case op::kMul:
      return checked(kMultiply, a, b);
    case op::kDiv:
      return div_int(a, b);
    case op::kMod:
      return mod_int(a, b);
    default:
      return checked(kSubtract, std::int64_t{0}, a);
  }
}

Value calculate_uints(std::uint32_t operation, std::uint64_t a, std::uint64_t b) {
  switch (operation) {
    case op::kSub:
      return checked(kSubtract, a, b);
    case op::kMul:
      return checked(kMultiply, a, b);
    case op::kDiv:
      return div_uint(a, b);
    case op::kMod:
      return mod_uint(a, b);
    default:
      return no_overload();
  }
}

Value calculate_doubles(std::uint32_t operation, double a, double b) {
  switch (operation) {
    case op::kSub:
      return Value::of_double(a - b);
    case op::kMul:
      return Value::of_double(a * b);
    case op::kDiv:
      return Value::of_double(a / b);
    case op::kNeg:
      return Value::of_double(-a);
    default:
      return no_overload();
  }
}

Value add_lists(const Value& a, const Value& b, Run& run) {
  // What a comprehension appends is mostly one element to what it made itself.
  if (b.size == 1) return append(a, b.list[0], run);
  const std::uint64_t size = std::uint64_t{a.size} + b.size;
  if (!run.scratch.budget.spend(size)) return failed(ErrorCode::kBudget);
  auto* elements = run.scratch.arena.take_array<Value>(size);
  std::copy_n(a.list, a.size, elements);
  std::copy_n(b.list, b.size, elements + a.size);
  return Value::of_list(elements, static_cast<std::uint32_t>(size));
}

Value to_string(const Value& a, Run& run) {
  Arena& arena = run.scratch.arena;
  run.scratch.budget.spend(10);
  switch (a.kind) {
    case Kind::kBool:
      return Value::of_string(a.b ? "true" : "false");
    case Kind::kInt:
      return int_to_string(a.i, arena);
    case Kind::kUint:
      return uint_to_string(a.u, arena);
    case Kind::kDouble:
      return double_to_string(a.d, arena);
    case Kind::kString:
      return a;
    case Kind::kBytes:
      run.scratch.budget.spend_bytes(a.size);
      return bytes_to_string(a.text());
    case Kind::kTimestamp:
      return timestamp_to_string(a, arena);
    case Kind::kDuration:
      return duration_to_string(a, arena);
    default:
      return no_overload();
  }
}

Value to_int(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return a;
    case Kind::kUint:
      return a.u > INT64_MAX ? failed(ErrorCode::kOutOfRange)
                             : Value::of_int(static_cast<std::int64_t>(a.u));
    case Kind::kDouble:
      return double_to_int(a.d);
    case Kind::kString:
      return string_to_int(a.text());
    case Kind::kTimestamp:
      return Value::of_int(a.i);
    default:
      return no_overload();
  }
}

Value to_uint(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return a.i < 0 ? failed(ErrorCode::kOutOfRange)
                     : Value::of_uint(static_cast<std::uint64_t>(a.i));
    case Kind::kUint:
      return a;
    case Kind::kDouble:
      return double_to_uint(a.d);
    case Kind::kString:
      return string_to_uint(a.text());
    default:
      return no_overload();
  }
}

Value to_double(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return Value::of_double(static_cast<double>(a.i));
    case Kind::kUint:
      return Value::of_double(static_cast<double>(a.u));
    case Kind::kDouble:
      return a;
    case Kind::kString:
      return string_to_double(a.text());
    default:
      return no_overload();
  }
}

Value to_timestamp(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return int_to_timestamp(a.i);
    case Kind::kString:
      return string_to_timestamp(a.text());
    case Kind::kTimestamp:
      return a;
    default:
      return no_overload();
  }
}

Value to_32_bits(const Value& a) {
  const bool fits = a.kind == Kind::kInt ? a.i == static_cast<std::int32_t>(a.i)
                                         : a.u <= std::numeric_limits<std::uint32_t>::max();
  if (a.kind != Kind::kInt && a.kind != Kind::kUint) return no_overload();
  return fits ? a : failed(ErrorCode::kOutOfRange);
}

}  // namespace

Value add(const Value& a, const Value& b, Run& run) {
  if (a.kind == Kind::kTimestamp && b.kind == Kind::kDuration) {
    return add_duration_to_timestamp(a, b);
  }
  if (a.kind == Kind::kDuration && b.kind == Kind::kTimestamp) {
    return add_duration_to_timestamp(b, a);
  }
  if (a.kind != b.kind) return no_overload();
  switch (a.kind) {
    case Kind::kInt:
      return checked(kAddUp, a.i, b.i);
    case Kind::kUint:
      return checked(kAddUp, a.u, b.u);
    case Kind::kDouble:
      return Value::of_double(a.d + b.d);
    case Kind::kString:
    case Kind::kBytes: {
      run.scratch.budget.spend_bytes(std::size_t{a.size} + b.size);
      return a.kind == Kind::kBytes ? concat_bytes(a.text(), b.text(), run.scratch.arena)
                                    : concat(a.text(), b.text(), run.scratch.arena);
    }
    case Kind::kList:
      return add_lists(a, b, run);
    case Kind::kDuration:
      return add_durations(a, b);
    default:
      return no_overload();
  }
}

Value calculate(std::uint32_t operation, const Value& a, const Value& b) {
  if (operation == op::kSub) {
    if (a.kind == Kind::kTimestamp && b.kind == Kind::kDuration) {
      return subtract_duration_from_timestamp(a, b);
    }
    if (a.kind == b.kind && a.kind == Kind::kTimestamp) return subtract_timestamps(a, b);
    if (a.kind == b.kind && a.kind == Kind::kDuration) return subtract_durations(a, b);
  }
  if (a.kind != b.kind) return no_overload();
  switch (a.kind) {
    case Kind::kInt:
      return calculate_ints(operation, a.i, b.i);
    case Kind::kUint:
      return calculate_uints(operation, a.u, b.u);
    case Kind::kDouble:
      return calculate_doubles(operation, a.d, b.d);
    default:
      return no_overload();
  }
}

Value make_timestamp(std::int64_t seconds, std::int64_t nanos) {
  if (nanos < 0 || nanos >= kNanosPerSecond) return failed(ErrorCode::kOutOfRange);
  Value made = int_to_timestamp(seconds);
  if (made.is_ok()) made.size = static_cast<std::uint32_t>(nanos);
  return made;
}

// Both parts have the same sign.
Value make_duration(std::int64_t seconds, std::int64_t nanos) {
  const bool mixed = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
  if (mixed || nanos <= -kNanosPerSecond || nanos >= kNanosPerSecond || seconds < -kMostSeconds ||
      seconds > kMostSeconds) {
    return failed(ErrorCode::kOutOfRange);
  }
  return nanos < 0
             ? Value::of_duration(seconds - 1, static_cast<std::uint32_t>(nanos + kNanosPerSecond))
             : Value::of_duration(seconds, static_cast<std::uint32_t>(nanos));
}

Value convert(std::uint32_t operation, const Value& a, Run& run) {
  if (a.kind == Kind::kString) run.scratch.budget.spend_bytes(a.size);
  switch (operation) {
    case op::kToBool:
      return a.kind == Kind::kBool     ? a
             : a.kind == Kind::kString ? string_to_bool(a.text())
                                       : no_overload();
    case op::kToInt:
      return to_int(a);
    case op::kToUint:
      return to_uint(a);
    case op::kToDouble:
      return to_double(a);
    case op::kToString:
      return to_string(a, run);
    case op::kToBytes:
      return a.kind == Kind::kBytes    ? a
             : a.kind == Kind::kString ? Value::of_bytes(a.text())
                                       : no_overload();
    case op::kToTimestamp:
      return to_timestamp(a);
    case op::kToDuration:
      return a.kind == Kind::kDuration ? a
             : a.kind == Kind::kString ? string_to_duration(a.text())
                                       : no_overload();
    case op::kToFloat:
      return Value::of_double(static_cast<float>(a.d));
    case op::kTo32Bits:
      return to_32_bits(a);
    default:
      return no_overload();
  }
}

}  // namespace fenqi::program
