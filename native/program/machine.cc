#include "program/machine.h"

#include <algorithm>
#include <cmath>
#include <compare>
#include <limits>

#include "fenqi/contract.h"
#include "program/conversions.h"
#include "program/dynamic.h"
#include "program/integers.h"
#include "program/operations.h"
#include "program/strings.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

// Three-valued logic with absorption: `absorbing` decides whatever the other side is.
Value combine(const Value& a, const Value& b, bool absorbing) {
  if ((a.is_ok() && a.b == absorbing) || (b.is_ok() && b.b == absorbing)) {
    return Value::of_bool(absorbing);
  }
  if (a.is_ok() && b.is_ok()) return Value::of_bool(!absorbing);
  return not_ok(a, b);
}

// --- doubles ---

double sign(double x) {
  return x > 0 ? 1.0 : x < 0 ? -1.0 : std::isnan(x) ? x : 0.0;
}

Value abs_int(std::int64_t x) {
  if (x == kSmallestInt) return failed(ErrorCode::kOverflow);
  return Value::of_int(x < 0 ? -x : x);
}

// Gives an error that was made here its place.
struct Made {
  std::uint32_t place;
  Value operator()(Value value) const {
    if (value.is_error()) value.place = place;
    return value;
  }
};

// Writing a number as text costs about ten plain instructions.
constexpr std::uint64_t kWorkOfWriting = 10;

// Which condition is the one that is true: see OP_EXCLUSIVE.
Value exclusive(const Value& so_far, const Value& condition, const Value& index) {
  if (!so_far.is_ok() || !condition.is_ok()) return Value();
  if (!condition.b) return so_far;
  return so_far.i < 0 ? index : Value();
}

template <typename Elements, typename Key>
Value member(const Elements& sorted, const Key& key) {
  return Value::of_bool(std::binary_search(sorted.begin(), sorted.end(), key));
}

}  // namespace

// One case an operation, which also does the instructions of the same operation that follow: the
// choice is then made once for a whole row of them (see schedule.h). UNARY and BINARY hold what all
// of them share: an operand that is not ok decides the result, and an error made here learns its
// place. TEXT is for what costs more with longer texts.
//
// The likely case is a branch of its own, not an arm of `?:`, so that a result is stored in whole
// words: a word that was stored in pieces is slow to read again.
void execute(const Instruction* code, Run& run) {
  Value* const r = run.registers.data();
  const std::span<const ConstantSet> sets = run.program.sets();
  Arena& arena = run.scratch.arena;
  const Instruction* at = code;
  const auto paid = [&](Value value, const Made& made) {
    return value.is_ok() && !run.scratch.budget.spend_bytes(value.size)
               ? made(failed(ErrorCode::kBudget))
               : value;
  };
  const auto affords = [&](const auto&... texts) {
    return run.scratch.budget.spend_bytes((std::size_t{texts.size} + ...));
  };
  for (;;) {
#define EACH(operation, operands, statement)                               \
  case operation:                                                          \
    do {                                                                   \
      [[maybe_unused]] const Value& a = r[operands >= 1 ? at->a : at->to]; \
      [[maybe_unused]] const Value& b = r[operands >= 2 ? at->b : at->to]; \
      [[maybe_unused]] const Value& c = r[operands >= 3 ? at->c : at->to]; \
      [[maybe_unused]] const Made made{at->place};                         \
      Value& to = r[at->to];                                               \
      statement;                                                           \
    } while ((++at)->op == operation);                                     \
    break;
#define UNARY(operation, expression) \
  EACH(operation, 1, if (a.is_ok()) [[likely]] to = (expression); else to = not_ok(a))
#define BINARY(operation, expression)                                          \
  EACH(operation, 2, if (a.is_ok() && b.is_ok()) [[likely]] to = (expression); \
       else to = not_ok(a, b))
#define TERNARY(operation, expression)                                                      \
  EACH(operation, 3, if (a.is_ok() && b.is_ok() && c.is_ok()) [[likely]] to = (expression); \
       else to = not_ok(a, b, c))
#define WRITTEN(expression) \
  run.scratch.budget.spend(kWorkOfWriting) ? (expression) : made(failed(ErrorCode::kBudget))
#define TEXT(expression, ...) affords(__VA_ARGS__) ? (expression) : made(failed(ErrorCode::kBudget))
    switch (at->op) {
      EACH(op::kAnd, 2, if (a.is_ok() && b.is_ok()) [[likely]] to = Value::of_bool(a.b & b.b);
           else to = combine(a, b, false))
      EACH(op::kOr, 2, if (a.is_ok() && b.is_ok()) [[likely]] to = Value::of_bool(a.b | b.b);
           else to = combine(a, b, true))
      UNARY(op::kNot, Value::of_bool(!a.b))
      EACH(op::kSelect, 3, if (a.is_ok()) [[likely]] to = a.b ? b : c; else to = not_ok(a))
      EACH(op::kPresent, 1, to = Value::of_bool(!a.is_missing()))
      EACH(op::kDefault, 2, to = a.is_missing() ? b : a)

      BINARY(op::kAddInt, made(checked(kAddUp, a.i, b.i)))
      BINARY(op::kSubInt, made(checked(kSubtract, a.i, b.i)))
      BINARY(op::kMulInt, made(checked(kMultiply, a.i, b.i)))
      BINARY(op::kDivInt, made(div_int(a.i, b.i)))
      BINARY(op::kModInt, made(mod_int(a.i, b.i)))
      UNARY(op::kNegInt, made(checked(kSubtract, std::int64_t{0}, a.i)))
      BINARY(op::kAddUint, made(checked(kAddUp, a.u, b.u)))
      BINARY(op::kSubUint, made(checked(kSubtract, a.u, b.u)))
      BINARY(op::kMulUint, made(checked(kMultiply, a.u, b.u)))
      BINARY(op::kDivUint, made(div_uint(a.u, b.u)))
      BINARY(op::kModUint, made(mod_uint(a.u, b.u)))
      BINARY(op::kAddDouble, Value::of_double(a.d + b.d))
      BINARY(op::kSubDouble, Value::of_double(a.d - b.d))
      BINARY(op::kMulDouble, Value::of_double(a.d * b.d))
      BINARY(op::kDivDouble, Value::of_double(a.d / b.d))
      UNARY(op::kNegDouble, Value::of_double(-a.d))
      BINARY(op::kAddString, TEXT(made(concat(a.text(), b.text(), arena)), a, b))

      BINARY(op::kEqBool, Value::of_bool(a.b == b.b))
      BINARY(op::kEqInt, Value::of_bool(a.i == b.i))
      BINARY(op::kEqUint, Value::of_bool(a.u == b.u))
      BINARY(op::kEqDouble, Value::of_bool(a.d == b.d))
      BINARY(op::kEqString, TEXT(Value::of_bool(a.text() == b.text()), a))
      BINARY(op::kNeBool, Value::of_bool(a.b != b.b))
      BINARY(op::kNeInt, Value::of_bool(a.i != b.i))
      BINARY(op::kNeUint, Value::of_bool(a.u != b.u))
      BINARY(op::kNeDouble, Value::of_bool(a.d != b.d))
      BINARY(op::kNeString, TEXT(Value::of_bool(a.text() != b.text()), a))
      BINARY(op::kLtBool, Value::of_bool(a.b < b.b))
      BINARY(op::kLtInt, Value::of_bool(a.i < b.i))
      BINARY(op::kLtUint, Value::of_bool(a.u < b.u))
      BINARY(op::kLtDouble, Value::of_bool(a.d < b.d))
      BINARY(op::kLtString, TEXT(Value::of_bool(a.text() < b.text()), a))
      BINARY(op::kLeBool, Value::of_bool(a.b <= b.b))
      BINARY(op::kLeInt, Value::of_bool(a.i <= b.i))
      BINARY(op::kLeUint, Value::of_bool(a.u <= b.u))
      BINARY(op::kLeDouble, Value::of_bool(a.d <= b.d))
      BINARY(op::kLeString, TEXT(Value::of_bool(a.text() <= b.text()), a))

      UNARY(op::kInInt, member(sets[at->b].ints, a.i))
      UNARY(op::kInUint, member(sets[at->b].uints, a.u))
      // NaN is in no list; in an ordered search it would seem equal to everything.
      UNARY(op::kInDouble,
            std::isnan(a.d) ? Value::of_bool(false) : member(sets[at->b].doubles, a.d))
      UNARY(op::kInString, TEXT(member(sets[at->b].strings, a.text()), a))

      UNARY(op::kIntToDouble, Value::of_double(static_cast<double>(a.i)))
      UNARY(op::kUintToDouble, Value::of_double(static_cast<double>(a.u)))
      UNARY(op::kDoubleToInt, made(double_to_int(a.d)))
      UNARY(op::kDoubleToUint, made(double_to_uint(a.d)))
      UNARY(op::kIntToUint, a.i < 0 ? made(failed(ErrorCode::kOutOfRange))
                                    : Value::of_uint(static_cast<std::uint64_t>(a.i)))
      UNARY(op::kUintToInt, a.u > INT64_MAX ? made(failed(ErrorCode::kOutOfRange))
                                            : Value::of_int(static_cast<std::int64_t>(a.u)))
      UNARY(op::kStringToInt, TEXT(made(string_to_int(a.text())), a))
      UNARY(op::kStringToUint, TEXT(made(string_to_uint(a.text())), a))
      UNARY(op::kStringToDouble, TEXT(made(string_to_double(a.text())), a))
      UNARY(op::kStringToBool, TEXT(made(string_to_bool(a.text())), a))
      UNARY(op::kIntToString, WRITTEN(int_to_string(a.i, arena)))
      UNARY(op::kUintToString, WRITTEN(uint_to_string(a.u, arena)))
      UNARY(op::kDoubleToString, WRITTEN(double_to_string(a.d, arena)))
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

      UNARY(op::kSizeString, TEXT(Value::of_int(code_points(a.text())), a))
      BINARY(op::kContains, TEXT(Value::of_bool(contains(a.text(), b.text())), a, b))
      BINARY(op::kStartsWith, TEXT(Value::of_bool(a.text().starts_with(b.text())), b))
      BINARY(op::kEndsWith, TEXT(Value::of_bool(a.text().ends_with(b.text())), b))
      BINARY(op::kCharAt, TEXT(made(char_at(a.text(), b.i)), a))
      TERNARY(op::kIndexOf, TEXT(made(index_of(a.text(), b.text(), c.i)), a, b))
      BINARY(op::kLastIndexOf, TEXT(last_index_of(a.text(), b.text()), a, b))
      TERNARY(op::kLastIndexOfFrom, TEXT(made(last_index_of_from(a.text(), b.text(), c.i)), a, b))
      UNARY(op::kLowerAscii, TEXT(lower_ascii(a.text(), arena), a))
      UNARY(op::kUpperAscii, TEXT(upper_ascii(a.text(), arena), a))
      UNARY(op::kTrim, TEXT(trim(a.text()), a))
      BINARY(op::kSubstring,
             TEXT(made(substring(a.text(), b.i, std::max(b.i, code_points(a.text())))), a))
      TERNARY(op::kSubstringTo, TEXT(made(substring(a.text(), b.i, c.i)), a))
      // A search for every occurrence: dearer than a pass over the bytes.
      TERNARY(op::kReplace, run.scratch.budget.spend(work_of_replacing(a, b))
                                ? paid(made(replace(a.text(), b.text(), c.text(), arena)), made)
                                : made(failed(ErrorCode::kBudget)))
      UNARY(op::kReverse, TEXT(reverse(a.text(), arena), a))
      case op::kTableRow:
      case op::kTableRows:
      case op::kTableOutput:
      case op::kTableOutputs:
      case op::kTableSum:
      case op::kTableMin:
      case op::kTableMax:
      case op::kTableCount:
      case op::kLookup:
      case op::kInLookup:
      case op::kInList:
        r[at->to] = run.program.tables().run(at->op, at->a, at->b, at->c, at->place, run.registers,
                                             run.scratch);
        ++at;
        break;

        EACH(op::kHolds, 1, to = Value::of_bool(a.is_ok() && a.b))
        EACH(op::kExclusive, 3, to = exclusive(a, b, c))
        EACH(op::kWithConsent, 3, to = a.is_ok() && (a.i & c.i) == c.i ? b : Value())
        EACH(op::kBin, 1, to = run.program.binnings()[at->b].bin_of(a))
        EACH(op::kPoints, 1, to = run.program.binnings()[at->b].points_of(a))
        UNARY(op::kLogistic, Value::of_double(1.0 / (1.0 + std::exp(a.d))))
      case kEndOfCode.op:
        return;
      default: {
        Value& to = r[at->to];
        to = operate(*at, run);
        if (to.is_error() && to.place == 0) to.place = at->place;
        ++at;
      }
    }
#undef EACH
#undef TEXT
#undef WRITTEN
#undef UNARY
#undef BINARY
#undef TERNARY
  }
}

}  // namespace fenqi::program
