// One order of all scalars: what is not a list, map, message or optional. It agrees with equal():
// scalars are equivalent where they are equal, except that here NaN comes after all numbers and is
// equivalent to itself. For sorting and searching; CEL itself has no order across types.
#pragma once

#include <compare>
#include <cstdint>
#include <span>

#include "base/budget.h"
#include "base/value.h"

namespace fenqi::program {

bool is_scalar(const Value& value);

// By type, then by value.
std::weak_ordering order_scalars(const Value& a, const Value& b);

// Takes from the budget what sorting these scalars costs at most. False where it is not there.
bool spend_for_sorting(std::span<const Value* const> scalars, Budget& budget);

// Sorts pointers into one list by what they point to; equivalent ones stay in the list's order.
void sort_scalars(std::span<const Value*> scalars);

}  // namespace fenqi::program
