// The functions of CEL's lists extension. `list` is an ok list, its elements are ok.
//
// Each gives a value, or an error without a place: kBudget, or what is said. Elements are copied
// only where a new list is made; every element looked at spends from the budget.
#pragma once

#include <cstdint>

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

// Each element once, where it comes first. Linear times a logarithm for scalars; lists, maps,
// messages and optionals are each compared with all before.
Value distinct(const Value& list, Scratch& scratch);

// Lists inside the list are replaced by their elements, `levels` deep. kBadArgument where `levels`
// is negative.
Value flatten(const Value& list, std::int64_t levels, Scratch& scratch);

// 0, 1, .. `end` - 1. kBadArgument where `end` is negative.
Value range(std::int64_t end, Scratch& scratch);

// The elements from `start` to before `end`, not copied. kOutOfRange.
Value slice(const Value& list, std::int64_t start, std::int64_t end);

Value reverse(const Value& list, Scratch& scratch);

// An optional.
Value first(const Value& list);
Value last(const Value& list);

// In ascending order; NaN goes to the end, and what is equal stays in order. kNoOverload unless all
// elements are of one of the types bool, int, uint, double, string, bytes, timestamp, duration.
Value sort(const Value& list, Scratch& scratch);

// In the order of the keys, of which there is one for each element. kNoOverload as for sort().
Value sort_by_keys(const Value& list, const Value& keys, Scratch& scratch);

}  // namespace fenqi::program
