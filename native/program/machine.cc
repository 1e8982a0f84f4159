#include "program/machine.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>

#include "fenqi/contract.h"
#include "program/conversions.h"
#include "program/dynamic.h"
#include "program/strings.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

// What an operation on operands that are not all ok gives: missing before the first error.
template <typename... Operands>
Value not_ok(const Operands&... operands) {
  if ((operands.is_missing() || ...)) return Value();
  Value result;
  (void)((operands.is_error() ? (result = operands, true) : false) || ...);
  return result;
}

// Three-valued logic with absorption: `absorbing` decides whatever the other side is.
Value combine(const Value& a, const Value& b, bool absorbing) {
  if ((a.is_ok() && a.b == absorbing) || (b.is_ok() && b.b == absorbing)) {
    return Value::of_bool(absorbing);
  }
  if (a.is_ok() && b.is_ok()) return Value::of_bool(!absorbing);
  return not_ok(a, b);
}

Value failed(ErrorCode code) {
  return Value::of_error(code, 0);
}

// --- integers, with CEL's overflow and division errors ---

template <typename Integer, typename Operation>
Value checked(Operation operation, Integer a, Integer b) {
  Integer out{};
  if (operation(a, b, &out)) return failed(ErrorCode::kOverflow);
  if constexpr (std::is_signed_v<Integer>) {
    return Value::of_int(out);
  } else {
    return Value::of_uint(out);
  }
}

constexpr auto kAdd = [](auto a, auto b, auto* out) { return __builtin_add_overflow(a, b, out); };
constexpr auto kSub = [](auto a, auto b, auto* out) { return __builtin_sub_overflow(a, b, out); };
constexpr auto kMul = [](auto a, auto b, auto* out) { return __builtin_mul_overflow(a, b, out); };

constexpr std::int64_t kSmallest = std::numeric_limits<std::int64_t>::min();

Value div_int(std::int64_t a, std::int64_t b) {
  if (b == 0) return failed(ErrorCode::kDivisionByZero);
  if (a == kSmallest && b == -1) return failed(ErrorCode::kOverflow);
  return Value::of_int(a / b);
}

Value mod_int(std::int64_t a, std::int64_t b) {
  if (b == 0) return failed(ErrorCode::kModulusByZero);
  if (a == kSmallest && b == -1) return failed(ErrorCode::kOverflow);
  return Value::of_int(a % b);
}

Value div_uint(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? failed(ErrorCode::kDivisionByZero) : Value::of_uint(a / b);
}

Value mod_uint(std::uint64_t a, std::uint64_t b) {
  return b == 0 ? failed(ErrorCode::kModulusByZero) : Value::of_uint(a % b);
}

// --- comparison across types, by mathematical value ---

// The same the other way round.
template <typename A, typename B>
std::partial_ordering compare_swapped(A a, B b) {
  return 0 <=> compare(b, a);
}

// --- doubles ---

double sign(double x) {
  return x > 0 ? 1.0 : x < 0 ? -1.0 : std::isnan(x) ? x : 0.0;
}

Value abs_int(std::int64_t x) {
  if (x == kSmallest) return failed(ErrorCode::kOverflow);
  return Value::of_int(x < 0 ? -x : x);
}

template <typename Elements, typename Key>
Value member(const Elements& sorted, const Key& key) {
  return Value::of_bool(std::binary_search(sorted.begin(), sorted.end(), key));
}

}  // namespace

// One case an operation. UNARY and BINARY hold what all of them share: an operand that is not ok
// decides the result, and an error made here learns its place.
void execute(std::span<const Instruction> code, std::span<const ConstantSet> sets,
             std::span<Value> registers, Arena& arena) {
  Value* const r = registers.data();
  for (const Instruction& instruction : code) {
    const Value& a = r[instruction.a];
    const Value& b = r[instruction.b];
    const Value& c = r[instruction.c];
    Value& to = r[instruction.to];
    const auto made = [&](Value value) {
      if (value.is_error()) value.place = instruction.place;
      return value;
    };
#define UNARY(operation, expression)           \
  case operation:                              \
    to = a.is_ok() ? (expression) : not_ok(a); \
    break;
#define BINARY(operation, expression)                          \
  case operation:                                              \
    to = a.is_ok() && b.is_ok() ? (expression) : not_ok(a, b); \
    break;
#define TERNARY(operation, expression)                                         \
  case operation:                                                              \
    to = a.is_ok() && b.is_ok() && c.is_ok() ? (expression) : not_ok(a, b, c); \
    break;
    switch (instruction.op) {
      case op::kAnd:
        to = combine(a, b, false);
        break;
      case op::kOr:
        to = combine(a, b, true);
        break;
        UNARY(op::kNot, Value::of_bool(!a.b))
      case op::kSelect:
        to = a.is_ok() ? (a.b ? b : c) : not_ok(a);
        break;
      case op::kPresent:
        to = Value::of_bool(!a.is_missing());
        break;
      case op::kDefault:
        to = a.is_missing() ? b : a;
        break;

        BINARY(op::kAddInt, made(checked(kAdd, a.i, b.i)))
        BINARY(op::kSubInt, made(checked(kSub, a.i, b.i)))
        BINARY(op::kMulInt, made(checked(kMul, a.i, b.i)))
        BINARY(op::kDivInt, made(div_int(a.i, b.i)))
        BINARY(op::kModInt, made(mod_int(a.i, b.i)))
        UNARY(op::kNegInt, made(checked(kSub, std::int64_t{0}, a.i)))
        BINARY(op::kAddUint, made(checked(kAdd, a.u, b.u)))
        BINARY(op::kSubUint, made(checked(kSub, a.u, b.u)))
        BINARY(op::kMulUint, made(checked(kMul, a.u, b.u)))
        BINARY(op::kDivUint, made(div_uint(a.u, b.u)))
        BINARY(op::kModUint, made(mod_uint(a.u, b.u)))
        BINARY(op::kAddDouble, Value::of_double(a.d + b.d))
        BINARY(op::kSubDouble, Value::of_double(a.d - b.d))
        BINARY(op::kMulDouble, Value::of_double(a.d * b.d))
        BINARY(op::kDivDouble, Value::of_double(a.d / b.d))
        UNARY(op::kNegDouble, Value::of_double(-a.d))
        BINARY(op::kAddString, made(concat(a.text(), b.text(), arena)))

        BINARY(op::kEqBool, Value::of_bool(a.b == b.b))
        BINARY(op::kEqInt, Value::of_bool(a.i == b.i))
        BINARY(op::kEqUint, Value::of_bool(a.u == b.u))
        BINARY(op::kEqDouble, Value::of_bool(a.d == b.d))
        BINARY(op::kEqString, Value::of_bool(a.text() == b.text()))
        BINARY(op::kNeBool, Value::of_bool(a.b != b.b))
        BINARY(op::kNeInt, Value::of_bool(a.i != b.i))
        BINARY(op::kNeUint, Value::of_bool(a.u != b.u))
        BINARY(op::kNeDouble, Value::of_bool(a.d != b.d))
        BINARY(op::kNeString, Value::of_bool(a.text() != b.text()))
        BINARY(op::kLtBool, Value::of_bool(a.b < b.b))
        BINARY(op::kLtInt, Value::of_bool(a.i < b.i))
        BINARY(op::kLtUint, Value::of_bool(a.u < b.u))
        BINARY(op::kLtDouble, Value::of_bool(a.d < b.d))
        BINARY(op::kLtString, Value::of_bool(a.text() < b.text()))
        BINARY(op::kLeBool, Value::of_bool(a.b <= b.b))
        BINARY(op::kLeInt, Value::of_bool(a.i <= b.i))
        BINARY(op::kLeUint, Value::of_bool(a.u <= b.u))
        BINARY(op::kLeDouble, Value::of_bool(a.d <= b.d))
        BINARY(op::kLeString, Value::of_bool(a.text() <= b.text()))
        BINARY(op::kLtIntDouble, Value::of_bool(compare(a.i, b.d) < 0))
        BINARY(op::kLeIntDouble, Value::of_bool(compare(a.i, b.d) <= 0))
        BINARY(op::kLtDoubleInt, Value::of_bool(compare_swapped(a.d, b.i) < 0))
        BINARY(op::kLeDoubleInt, Value::of_bool(compare_swapped(a.d, b.i) <= 0))
        BINARY(op::kLtIntUint, Value::of_bool(compare(a.i, b.u) < 0))
        BINARY(op::kLeIntUint, Value::of_bool(compare(a.i, b.u) <= 0))
        BINARY(op::kLtUintInt, Value::of_bool(compare_swapped(a.u, b.i) < 0))
        BINARY(op::kLeUintInt, Value::of_bool(compare_swapped(a.u, b.i) <= 0))
        BINARY(op::kLtUintDouble, Value::of_bool(compare(a.u, b.d) < 0))
        BINARY(op::kLeUintDouble, Value::of_bool(compare(a.u, b.d) <= 0))
        BINARY(op::kLtDoubleUint, Value::of_bool(compare_swapped(a.d, b.u) < 0))
        BINARY(op::kLeDoubleUint, Value::of_bool(compare_swapped(a.d, b.u) <= 0))

        UNARY(op::kInInt, member(sets[instruction.b].ints, a.i))
        UNARY(op::kInUint, member(sets[instruction.b].uints, a.u))
        // NaN is in no list; in an ordered search it would seem equal to everything.
        UNARY(op::kInDouble,
              std::isnan(a.d) ? Value::of_bool(false) : member(sets[instruction.b].doubles, a.d))
        UNARY(op::kInString, member(sets[instruction.b].strings, a.text()))

        UNARY(op::kIntToDouble, Value::of_double(static_cast<double>(a.i)))
        UNARY(op::kUintToDouble, Value::of_double(static_cast<double>(a.u)))
        UNARY(op::kDoubleToInt, made(double_to_int(a.d)))
        UNARY(op::kDoubleToUint, made(double_to_uint(a.d)))
        UNARY(op::kIntToUint, a.i < 0 ? made(failed(ErrorCode::kOutOfRange))
                                      : Value::of_uint(static_cast<std::uint64_t>(a.i)))
        UNARY(op::kUintToInt, a.u > INT64_MAX ? made(failed(ErrorCode::kOutOfRange))
                                              : Value::of_int(static_cast<std::int64_t>(a.u)))
        UNARY(op::kStringToInt, made(string_to_int(a.text())))
        UNARY(op::kStringToUint, made(string_to_uint(a.text())))
        UNARY(op::kStringToDouble, made(string_to_double(a.text())))
        UNARY(op::kStringToBool, made(string_to_bool(a.text())))
        UNARY(op::kIntToString, int_to_string(a.i, arena))
        UNARY(op::kUintToString, uint_to_string(a.u, arena))
        UNARY(op::kDoubleToString, double_to_string(a.d, arena))
        UNARY(op::kBoolToString, Value::of_string(a.b ? "true" : "false"))

        // The first argument stays unless the second is strictly beyond it, so NaN first stays NaN.
        BINARY(op::kGreatestInt, b.i > a.i ? b : a)
        BINARY(op::kLeastInt, b.i < a.i ? b : a)
        BINARY(op::kGreatestUint, b.u > a.u ? b : a)
        BINARY(op::kLeastUint, b.u < a.u ? b : a)
        BINARY(op::kGreatestDouble, b.d > a.d ? b : a)
        BINARY(op::kLeastDouble, b.d < a.d ? b : a)
        UNARY(op::kAbsInt, made(abs_int(a.i)))
        UNARY(op::kAbsDouble, Value::of_double(std::fabs(a.d)))
        UNARY(op::kSignInt, Value::of_int(a.i > 0 ? 1 : a.i < 0 ? -1 : 0))
        UNARY(op::kSignUint, Value::of_uint(a.u > 0 ? 1 : 0))
        UNARY(op::kSignDouble, Value::of_double(sign(a.d)))
        UNARY(op::kCeil, Value::of_double(std::ceil(a.d)))
        UNARY(op::kFloor, Value::of_double(std::floor(a.d)))
        UNARY(op::kRound, Value::of_double(std::round(a.d)))
        UNARY(op::kTrunc, Value::of_double(std::trunc(a.d)))
        UNARY(op::kSqrt, Value::of_double(std::sqrt(a.d)))
        UNARY(op::kIsNan, Value::of_bool(std::isnan(a.d)))
        UNARY(op::kIsInf, Value::of_bool(std::isinf(a.d)))
        UNARY(op::kIsFinite, Value::of_bool(std::isfinite(a.d)))

        UNARY(op::kSizeString, Value::of_int(code_points(a.text())))
        BINARY(op::kContains, Value::of_bool(contains(a.text(), b.text())))
        BINARY(op::kStartsWith, Value::of_bool(a.text().starts_with(b.text())))
        BINARY(op::kEndsWith, Value::of_bool(a.text().ends_with(b.text())))
        BINARY(op::kCharAt, made(char_at(a.text(), b.i)))
        TERNARY(op::kIndexOf, made(index_of(a.text(), b.text(), c.i)))
        BINARY(op::kLastIndexOf, last_index_of(a.text(), b.text()))
        TERNARY(op::kLastIndexOfFrom, made(last_index_of_from(a.text(), b.text(), c.i)))
        UNARY(op::kLowerAscii, lower_ascii(a.text(), arena))
        UNARY(op::kUpperAscii, upper_ascii(a.text(), arena))
        UNARY(op::kTrim, trim(a.text()))
        BINARY(op::kSubstring, made(substring(a.text(), b.i, std::max(b.i, code_points(a.text())))))
        TERNARY(op::kSubstringTo, made(substring(a.text(), b.i, c.i)))
        TERNARY(op::kReplace, made(replace(a.text(), b.text(), c.text(), arena)))
        UNARY(op::kReverse, reverse(a.text(), arena))
      default:
        break;  // Program::parse lets no other through
    }
#undef UNARY
#undef BINARY
#undef TERNARY
  }
}

}  // namespace fenqi::program
