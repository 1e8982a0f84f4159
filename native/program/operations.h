// Operations on values whose kinds are known only at run time, and on lists, maps, messages and
// optionals: the machine's instructions from OP_AS_BOOL on.
//
// Each gives a value; an error has no place yet. Work is taken from the run's budget in proportion
// to what is read, copied or made; where it is spent, the result is kBudget.
#pragma once

#include <cstdint>

#include "base/value.h"
#include "program/machine.h"

namespace fenqi::program {

// Any of them.
Value operate(const Instruction& instruction, Run& run);

// The functions from OP_GET_FULL_YEAR on.
Value call(const Instruction& instruction, Run& run);

// --- parts of it; operands are ok, except of fold and make_from ---

// a comprehension (OP_FOLD).
Value fold(const Instruction& instruction, Run& run);

// OP_MAKE_LIST, OP_MAKE_MAP, OP_MAKE_MESSAGE.
Value make_from(const Instruction& instruction, Run& run);
// OP_APPEND, OP_MAP_INSERT, OP_MAP_MERGE. In amortised constant time where the innermost
// comprehension made the list or map; finding a key costs as much as the map is large.
Value append(const Value& list, const Value& element, Run& run);
Value insert(const Value& map, const Value& key, const Value& value, Run& run);
Value merge(const Value& map, const Value& other, Run& run);

// a + b, and the other operators and conversions, of the kinds that have them.
Value add(const Value& a, const Value& b, Run& run);
Value calculate(std::uint32_t operation, const Value& a, const Value& b);
Value convert(std::uint32_t operation, const Value& a, Run& run);
// From the fields of google.protobuf.Timestamp and Duration.
Value make_timestamp(std::int64_t seconds, std::int64_t nanos);
Value make_duration(std::int64_t seconds, std::int64_t nanos);

// a.b, a.?b, has(a.b), a[b], a[?b].
Value field_of(const Value& a, std::string_view name, Run& run);
Value optional_field_of(const Value& a, std::string_view name, Run& run);
Value has_field_of(const Value& a, std::string_view name, Run& run);
Value element_of(const Value& a, const Value& index, Run& run);
Value optional_element_of(const Value& a, const Value& index, Run& run);

// optional.of and its like.
Value optional_of(const Value& value, Run& run);
bool is_zero_value(const Value& value, Run& run);
Value unwrap(const Value& list, Run& run);

// What an operation on operands that are not all ok gives: missing before the first error.
template <typename... Operands>
[[gnu::cold, gnu::noinline]] Value not_ok(const Operands&... operands) {
  if ((operands.is_missing() || ...)) return Value();
  Value result;
  (void)((operands.is_error() ? (result = operands, true) : false) || ...);
  return result;
}

inline Value failed(ErrorCode code) {
  return Value::of_error(code, 0);
}

}  // namespace fenqi::program
