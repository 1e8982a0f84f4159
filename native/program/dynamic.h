// Equality and order of values whose kinds are known only at run time, as CEL has them.
//
// Operands are ok. What a comparison costs is taken from the budget; once that is spent, or where
// values nest deeper than kMostNested, results mean nothing and the caller must give kBudget
// instead (Budget::is_spent). Nothing is allocated.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

inline constexpr int kMostNested = 64;

constexpr bool is_number(const Value& value) {
  return value.kind == Kind::kInt || value.kind == Kind::kUint || value.kind == Kind::kDouble;
}

// Of two numbers of any kinds, by mathematical value: an order that searching and sorting can rely
// on. Unordered where one is NaN.
std::partial_ordering compare_numbers(const Value& a, const Value& b);

// Numbers equal across kinds, an integer and a double as doubles, as CEL has it: beyond 2^53 they
// may be equal although they differ. Lists, maps, messages and optionals by their contents; values
// of kinds that have nothing in common are unequal. NaN equals nothing.
bool equal(const Value& a, const Value& b, Scratch& scratch, int depth = 0);

// Of two numbers, or two values of one of the kinds bool, string, bytes, timestamp, duration.
// Nothing for others: CEL has no order for them.
std::optional<std::partial_ordering> compare(const Value& a, const Value& b, Scratch& scratch);

// The value of `key` in a map, numbers by mathematical value; null where there is none. Keys of
// other kinds than bool, int, uint, double and string are in no map.
const Value* find_key(const Value& map, const Value& key, Scratch& scratch);

// Whether a list holds `wanted`.
bool holds(const Value& list, const Value& wanted, Scratch& scratch);

// The name of a value's type, as type() gives it.
std::string_view type_name(const Value& value);

}  // namespace fenqi::program
