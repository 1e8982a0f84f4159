// One value of the row or of the program: 16 bytes, trivially copyable, never owning.
//
// A value is missing, ok or an error. All-zero bytes are a missing value. Strings are views: into
// the request's bytes, the program's constants or the request's arena. Typed instructions know
// what kind their operands are; `kind` is for traces and for dynamic values.
#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace fenqi {

enum class State : std::uint8_t { kMissing = 0, kOk = 1, kError = 2 };

enum class Kind : std::uint8_t {
  kNone = 0,
  kBool,
  kInt,
  kUint,
  kDouble,
  kString,
  kBytes,
  kNull,
  kTimestamp,  // `i` seconds since the Unix epoch, rounded down, and `size` nanoseconds, 0 .. 10^9
               // - 1
  kDuration,   // likewise
  kList,       // `list`: `size` values
  kMap,        // `list`: `size` entries, each a key and then its value
  kMessage,    // `message`
  kOptional,   // `list`: its value, or null where there is none
  kType,       // `s`: a type's name
  kDynamic,    // of a register whose values may be of any kind; never of a value
};

// What went wrong in an operation.
enum class ErrorCode : std::uint8_t {
  kNone = 0,
  kOverflow,
  kDivisionByZero,
  kModulusByZero,
  kOutOfRange,  // a conversion's or a position's argument
  kUnreadable,  // text that is no number or truth value
  kTooLarge,    // a string above the limit
  kNoOverload,  // dynamic operands of types that the operation does not take
  kNoSuchKey,
  kNoSuchField,
  kBadArgument,  // what a function cannot use: an unknown time zone, a malformed format or pattern
  kDuplicateKey,
  kBudget,       // the request's budget of work is spent
  kNoValue,      // of an optional that holds nothing
  kSeveralRows,  // more than one row of a table whose hit policy allows one
};

struct MessageView;  // program/message.h

struct Value {
  union {
    bool b;
    std::int64_t i;
    std::uint64_t u;
    double d;
    const char* s;
    const Value* list;
    const MessageView* message;
    std::uint64_t place;  // of an error: index into the program's places
  };
  std::uint32_t size;  // bytes of a string; elements of a list; entries of a map; nanoseconds
  ErrorCode error;
  Kind kind;
  State state;
  // Names the last of the sixteen bytes: a value is then copied in whole words.
  std::uint8_t unused = 0;

  constexpr Value()
      : i(0), size(0), error(ErrorCode::kNone), kind(Kind::kNone), state(State::kMissing) {}

  static constexpr Value of_bool(bool x) {
    Value v(Kind::kBool);
    v.b = x;
    return v;
  }
  static constexpr Value of_int(std::int64_t x) {
    Value v(Kind::kInt);
    v.i = x;
    return v;
  }
  static constexpr Value of_uint(std::uint64_t x) {
    Value v(Kind::kUint);
    v.u = x;
    return v;
  }
  static constexpr Value of_double(double x) {
    Value v(Kind::kDouble);
    v.d = x;
    return v;
  }
  static constexpr Value of_string(std::string_view x) {
    Value v(Kind::kString);
    v.s = x.data();
    v.size = static_cast<std::uint32_t>(x.size());
    return v;
  }
  static constexpr Value of_bytes(std::string_view x) {
    Value v = of_string(x);
    v.kind = Kind::kBytes;
    return v;
  }
  static constexpr Value of_null() { return Value(Kind::kNull); }
  static constexpr Value of_timestamp(std::int64_t seconds, std::uint32_t nanoseconds) {
    Value v(Kind::kTimestamp);
    v.i = seconds;
    v.size = nanoseconds;
    return v;
  }
  static constexpr Value of_duration(std::int64_t seconds, std::uint32_t nanoseconds) {
    Value v = of_timestamp(seconds, nanoseconds);
    v.kind = Kind::kDuration;
    return v;
  }
  static constexpr Value of_list(const Value* elements, std::uint32_t size) {
    Value v(Kind::kList);
    v.list = elements;
    v.size = size;
    return v;
  }
  // `entries` holds 2 * `size` values: key, value, key, value; keys are distinct.
  static constexpr Value of_map(const Value* entries, std::uint32_t size) {
    Value v = of_list(entries, size);
    v.kind = Kind::kMap;
    return v;
  }
  // `value` may be null: an optional without a value.
  static constexpr Value of_optional(const Value* value) {
    Value v(Kind::kOptional);
    v.list = value;
    return v;
  }
  static constexpr Value of_type(std::string_view name) {
    Value v = of_string(name);
    v.kind = Kind::kType;
    return v;
  }
  static constexpr Value of_message(const MessageView* message) {
    Value v(Kind::kMessage);
    v.message = message;
    return v;
  }
  static constexpr Value of_error(ErrorCode code, std::uint64_t place) {
    Value v;
    v.place = place;
    v.error = code;
    v.state = State::kError;
    return v;
  }

  constexpr bool is_ok() const { return state == State::kOk; }
  constexpr bool is_missing() const { return state == State::kMissing; }
  constexpr bool is_error() const { return state == State::kError; }
  constexpr std::string_view text() const { return {s, size}; }

 private:
  constexpr explicit Value(Kind of)
      : i(0), size(0), error(ErrorCode::kNone), kind(of), state(State::kOk) {}
};

static_assert(sizeof(Value) == 16);

// The number or truth value that `value` holds; NaN where it is missing or an error.
inline double number_of(const Value& value) {
  if (!value.is_ok()) return std::numeric_limits<double>::quiet_NaN();
  switch (value.kind) {
    case Kind::kBool:
      return value.b ? 1.0 : 0.0;
    case Kind::kInt:
      return static_cast<double>(value.i);
    case Kind::kUint:
      return static_cast<double>(value.u);
    default:
      return value.d;
  }
}

}  // namespace fenqi
