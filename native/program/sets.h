// The functions of CEL's sets extension: lists as sets, whose elements are equal as == has it.
//
// Each gives a bool, or kBudget without a place. Cost: linear times a logarithm for scalars; lists,
// maps, messages and optionals of the one list are compared with all those of the other.
#pragma once

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

// Whether every element of `part` is in `list`.
Value set_contains(const Value& list, const Value& part, Scratch& scratch);

// Whether each contains the other.
Value sets_equivalent(const Value& a, const Value& b, Scratch& scratch);

// Whether they have an element in common.
Value sets_intersect(const Value& a, const Value& b, Scratch& scratch);

}  // namespace fenqi::program
