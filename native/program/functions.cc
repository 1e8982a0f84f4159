// CEL's functions on times, patterns, texts, bits, lists and sets: from the machine's operands to
// the libraries that know them.
#include <cmath>
#include <optional>

#include "fenqi/contract.h"
#include "program/bits.h"
#include "program/bytes.h"
#include "program/dynamic.h"
#include "program/format.h"
#include "program/lists.h"
#include "program/operations.h"
#include "program/sets.h"
#include "program/strings.h"
#include "program/times.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

Value no_overload() {
  return failed(ErrorCode::kNoOverload);
}

// A text that was made costs as much as it is long.
Value paid(const Value& text, Run& run) {
  if (text.is_ok()) run.scratch.budget.spend_bytes(text.size);
  return text;
}

// --- times ---

Value part_of(std::uint32_t operation, const Value& a) {
  const auto part = static_cast<TimePart>(operation - op::kGetFullYear);
  switch (a.kind) {
    case Kind::kTimestamp:
      return timestamp_part(a, part, TimeZone());
    case Kind::kDuration:
      return duration_part(a, part);
    default:
      return no_overload();
  }
}

Value part_in_zone(const Instruction& instruction, const Value& a, const Value& name, Run& run) {
  run.scratch.budget.spend(10);
  const auto part = static_cast<TimePart>(instruction.op - op::kGetFullYearIn);
  if (instruction.c != 0) {
    const std::optional<TimeZone>& known = run.program.time_zone(instruction.c - 1);
    return known ? timestamp_part(a, part, *known) : failed(ErrorCode::kBadArgument);
  }
  const std::optional<TimeZone> zone = TimeZones::installed().find(name.text());
  return zone ? timestamp_part(a, part, *zone) : failed(ErrorCode::kBadArgument);
}

// --- patterns ---

// The pattern that an instruction means, or why there is none.
const Pattern* pattern_of(const Instruction& instruction, const Value& text, Run& run,
                          ErrorCode& why) {
  why = ErrorCode::kBadArgument;
  if (instruction.c != 0) return run.program.pattern(instruction.c - 1);
  return run.patterns.find(text.text(), run.scratch.budget, why);
}

Value match(const Instruction& instruction, const Value& a, const Value& b, Run& run) {
  ErrorCode why{};
  const Pattern* pattern = pattern_of(instruction, b, run, why);
  if (pattern == nullptr) return failed(why);
  switch (instruction.op) {
    case op::kRegexExtract:
      return regex_extract(a.text(), *pattern, run.scratch);
    case op::kRegexExtractAll:
      return regex_extract_all(a.text(), *pattern, run.scratch);
    default:
      return matches(a.text(), *pattern, run.scratch.budget);
  }
}

// OP_REGEX_REPLACE and OP_REPLACE_LIMIT.
Value replace_some(const Instruction& instruction, Run& run) {
  const std::uint32_t* const arguments = run.program.arguments().data() + instruction.a;
  const Value& text = run.registers[arguments[0]];
  const Value& part = run.registers[arguments[1]];
  const Value& with = run.registers[arguments[2]];
  const Value& count = run.registers[arguments[3]];
  if (!text.is_ok() || !part.is_ok() || !with.is_ok() || !count.is_ok()) {
    return not_ok(text, part, with, count);
  }
  if (instruction.op == op::kReplaceLimit) {
    if (!run.scratch.budget.spend(work_of_replacing(text, part))) return failed(ErrorCode::kBudget);
    return paid(replace(text.text(), part.text(), with.text(), run.scratch.arena, count.i), run);
  }
  ErrorCode why{};
  const Pattern* pattern = pattern_of(instruction, part, run, why);
  if (pattern == nullptr) return failed(why);
  return regex_replace(text.text(), *pattern, with.text(), count.i, run.scratch);
}

// --- numbers ---

Value combine_bits(std::uint32_t operation, std::uint64_t a, std::uint64_t b) {
  switch (operation) {
    case op::kBitAnd:
      return Value::of_uint(a & b);
    case op::kBitOr:
      return Value::of_uint(a | b);
    default:
      return Value::of_uint(a ^ b);
  }
}

Value bits(std::uint32_t operation, const Value& a, const Value& b) {
  if (a.kind != Kind::kInt && a.kind != Kind::kUint) return no_overload();
  const bool is_int = a.kind == Kind::kInt;
  if (operation == op::kBitShiftLeft || operation == op::kBitShiftRight) {
    if (b.kind != Kind::kInt) return no_overload();
    if (operation == op::kBitShiftLeft) {
      return is_int ? shift_left(a.i, b.i) : shift_left(a.u, b.i);
    }
    return is_int ? shift_right(a.i, b.i) : shift_right(a.u, b.i);
  }
  if (a.kind != b.kind) return no_overload();
  const Value combined = combine_bits(operation, a.u, b.u);
  return is_int ? Value::of_int(static_cast<std::int64_t>(combined.u)) : combined;
}

Value bit_not(const Value& a) {
  if (a.kind == Kind::kInt) return Value::of_int(~a.i);
  return a.kind == Kind::kUint ? Value::of_uint(~a.u) : no_overload();
}

// The first argument stays unless a later one is strictly beyond it.
Value extreme(const Value& list, bool greatest, Run& run) {
  if (is_number(list)) return list;
  if (list.kind != Kind::kList) return no_overload();
  if (list.size == 0) return failed(ErrorCode::kBadArgument);
  if (!run.scratch.budget.spend(list.size)) return failed(ErrorCode::kBudget);
  for (std::uint32_t i = 0; i < list.size; ++i) {
    if (!is_number(list.list[i])) return no_overload();
  }
  Value best = list.list[0];
  for (std::uint32_t i = 1; i < list.size; ++i) {
    const auto order = compare_numbers(list.list[i], best);
    if (greatest ? order > 0 : order < 0) best = list.list[i];
  }
  return best;
}

Value absolute(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      if (a.i == INT64_MIN) return failed(ErrorCode::kOverflow);
      return Value::of_int(a.i < 0 ? -a.i : a.i);
    case Kind::kUint:
      return a;
    case Kind::kDouble:
      return Value::of_double(std::fabs(a.d));
    default:
      return no_overload();
  }
}

Value sign_of(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return Value::of_int(a.i > 0 ? 1 : a.i < 0 ? -1 : 0);
    case Kind::kUint:
      return Value::of_uint(a.u > 0 ? 1 : 0);
    case Kind::kDouble:
      return Value::of_double(a.d > 0 ? 1.0 : a.d < 0 ? -1.0 : std::isnan(a.d) ? a.d : 0.0);
    default:
      return no_overload();
  }
}

Value square_root(const Value& a) {
  switch (a.kind) {
    case Kind::kInt:
      return Value::of_double(std::sqrt(static_cast<double>(a.i)));
    case Kind::kUint:
      return Value::of_double(std::sqrt(static_cast<double>(a.u)));
    case Kind::kDouble:
      return Value::of_double(std::sqrt(a.d));
    default:
      return no_overload();
  }
}

// --- by number of operands, which are ok ---

Value call_with_one(std::uint32_t operation, const Value& a, Run& run) {
  switch (operation) {
    case op::kQuote:
      run.scratch.budget.spend_bytes(a.size);
      return paid(quote(a.text(), run.scratch.arena), run);
    case op::kBase64Encode:
      run.scratch.budget.spend_bytes(a.size);
      return paid(base64_encode(a.text(), run.scratch.arena), run);
    case op::kBase64Decode:
      run.scratch.budget.spend_bytes(a.size);
      return paid(base64_decode(a.text(), run.scratch.arena), run);
    case op::kBitNot:
      return bit_not(a);
    case op::kGreatestOf:
      return extreme(a, true, run);
    case op::kLeastOf:
      return extreme(a, false, run);
    case op::kAbs:
      return absolute(a);
    case op::kSign:
      return sign_of(a);
    case op::kSqrtOf:
      return square_root(a);
    case op::kDistinct:
      return distinct(a, run.scratch);
    case op::kRange:
      return range(a.i, run.scratch);
    case op::kSort:
      return sort(a, run.scratch);
    case op::kFirst:
      return first(a);
    case op::kLast:
      return last(a);
    case op::kReverseOf:
      if (a.kind == Kind::kList) return reverse(a, run.scratch);
      if (a.kind != Kind::kString) return no_overload();
      run.scratch.budget.spend_bytes(std::size_t{2} * a.size);
      return reverse(a.text(), run.scratch.arena);
    default:
      return part_of(operation, a);
  }
}

Value call_with_two(const Instruction& instruction, const Value& a, const Value& b, Run& run) {
  switch (instruction.op) {
    case op::kMatches:
    case op::kRegexExtract:
    case op::kRegexExtractAll:
      return match(instruction, a, b, run);
    case op::kJoin:
      return join(a, b.text(), run.scratch);
    case op::kFormat:
      return format(a.text(), b, run.scratch);
    case op::kBitAnd:
    case op::kBitOr:
    case op::kBitXor:
    case op::kBitShiftLeft:
    case op::kBitShiftRight:
      return bits(instruction.op, a, b);
    case op::kFlatten:
      return flatten(a, b.i, run.scratch);
    case op::kSortBy:
      return a.size == b.size ? sort_by_keys(a, b, run.scratch) : failed(ErrorCode::kBadArgument);
    case op::kSetContains:
      return set_contains(a, b, run.scratch);
    case op::kSetsEquivalent:
      return sets_equivalent(a, b, run.scratch);
    case op::kSetsIntersect:
      return sets_intersect(a, b, run.scratch);
    default:
      return part_in_zone(instruction, a, b, run);
  }
}

// How many registers the operation reads, beside those in the arguments.
constexpr int operands_of(std::uint32_t operation) {
  switch (operation) {
    case op::kRegexReplace:
    case op::kReplaceLimit:
      return 0;
    case op::kQuote:
    case op::kBase64Encode:
    case op::kBase64Decode:
    case op::kBitNot:
    case op::kGreatestOf:
    case op::kLeastOf:
    case op::kAbs:
    case op::kSign:
    case op::kSqrtOf:
    case op::kDistinct:
    case op::kRange:
    case op::kSort:
    case op::kFirst:
    case op::kLast:
    case op::kReverseOf:
      return 1;
    case op::kSplit:
    case op::kSlice:
      return 3;
    default:
      return operation <= op::kGetMilliseconds ? 1 : 2;
  }
}

}  // namespace

Value call(const Instruction& instruction, Run& run) {
  const int operands = operands_of(instruction.op);
  if (operands == 0) return replace_some(instruction, run);
  const Value& a = run.registers[instruction.a];
  if (operands == 1) return a.is_ok() ? call_with_one(instruction.op, a, run) : a;
  const Value& b = run.registers[instruction.b];
  if (operands == 2) {
    return a.is_ok() && b.is_ok() ? call_with_two(instruction, a, b, run) : not_ok(a, b);
  }
  const Value& c = run.registers[instruction.c];
  if (!a.is_ok() || !b.is_ok() || !c.is_ok()) return not_ok(a, b, c);
  return instruction.op == op::kSplit ? split(a.text(), b.text(), c.i, run.scratch)
                                      : slice(a, b.i, c.i);
}

}  // namespace fenqi::program
