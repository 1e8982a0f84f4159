// One value of the row or of the program: 16 bytes, trivially copyable, never owning.
//
// A value is missing, ok or an error. All-zero bytes are a missing value. Strings are views: into
// the request's bytes, the program's constants or the request's arena. Typed instructions know
// what kind their operands are; `kind` is for traces, and for dynamic values (lists, maps, times)
// when the language grows to have them.
#pragma once

#include <cstdint>
#include <string_view>

namespace fenqi {

enum class State : std::uint8_t { kMissing = 0, kOk = 1, kError = 2 };

enum class Kind : std::uint8_t { kNone = 0, kBool, kInt, kUint, kDouble, kString, kBytes };

// What went wrong in an operation.
enum class ErrorCode : std::uint8_t {
  kNone = 0,
  kOverflow,
  kDivisionByZero,
  kModulusByZero,
  kOutOfRange,  // a conversion's or a position's argument
  kUnreadable,  // text that is no number or truth value
  kTooLarge,    // a string above the limit
};

struct Value {
  union {
    bool b;
    std::int64_t i;
    std::uint64_t u;
    double d;
    const char* s;
    std::uint64_t place;  // of an error: index into the program's places
  };
  std::uint32_t size;  // bytes of a string
  ErrorCode error;
  Kind kind;
  State state;

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

}  // namespace fenqi
