#include "program/lists.h"

#include <algorithm>
#include <span>

#include "program/dynamic.h"
#include "program/list_builder.h"
#include "program/scalars.h"

namespace fenqi::program {
namespace {

Value failed(ErrorCode code) {
  return Value::of_error(code, 0);
}

std::span<const Value> elements(const Value& list) {
  return {list.list, list.size};
}

bool is_sortable(Kind kind) {
  switch (kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kTimestamp:
    case Kind::kDuration:
      return true;
    default:
      return false;
  }
}

// Pointers to those elements of a list that are scalars.
std::span<const Value*> pointers_to_scalars(const Value& list, Scratch& scratch) {
  auto** const pointers = scratch.arena.take_array<const Value*>(list.size);
  std::size_t count = 0;
  for (const Value& element : elements(list)) {
    if (is_scalar(element)) pointers[count++] = &element;
  }
  return {pointers, count};
}

bool add_flat(const Value& list, std::int64_t levels, int depth, ListBuilder& out,
              Scratch& scratch) {
  if (depth > kMostNested) {
    scratch.budget.exhaust();
    return false;
  }
  for (const Value& element : elements(list)) {
    const bool is_open = levels > 0 && element.kind == Kind::kList;
    const bool added =
        is_open ? scratch.budget.spend(1) && add_flat(element, levels - 1, depth + 1, out, scratch)
                : out.add(element);
    if (!added) return false;
  }
  return true;
}

}  // namespace

Value distinct(const Value& list, Scratch& scratch) {
  if (!scratch.budget.spend(list.size)) return failed(ErrorCode::kBudget);
  const std::span<const Value*> scalars = pointers_to_scalars(list, scratch);
  if (!spend_for_sorting(scalars, scratch.budget)) return failed(ErrorCode::kBudget);
  sort_scalars(scalars);
  // Whether an element was there before, by its position. Equal scalars are neighbours now, the
  // first in front; NaN equals nothing.
  auto* const is_repeated = scratch.arena.take_array<bool>(list.size);
  std::fill_n(is_repeated, list.size, false);
  for (std::size_t i = 1; i < scalars.size(); ++i) {
    is_repeated[scalars[i] - list.list] = equal(*scalars[i - 1], *scalars[i], scratch);
  }
  ListBuilder out(scratch);
  for (std::uint32_t i = 0; i < list.size; ++i) {
    const Value& element = list.list[i];
    for (std::uint32_t j = 0; j < i && !is_repeated[i] && !is_scalar(element); ++j) {
      is_repeated[i] = equal(list.list[j], element, scratch);
      if (!scratch.budget.spend(1)) return failed(ErrorCode::kBudget);
    }
    if (!is_repeated[i] && !out.add(element)) break;
  }
  return scratch.budget.is_spent() ? failed(ErrorCode::kBudget) : out.finish();
}

Value flatten(const Value& list, std::int64_t levels, Scratch& scratch) {
  if (levels < 0) return failed(ErrorCode::kBadArgument);
  ListBuilder out(scratch);
  return add_flat(list, levels, 0, out, scratch) ? out.finish() : failed(ErrorCode::kBudget);
}

Value range(std::int64_t end, Scratch& scratch) {
  if (end < 0) return failed(ErrorCode::kBadArgument);
  const auto size = static_cast<std::uint64_t>(end);
  if (!scratch.budget.spend(size)) return failed(ErrorCode::kBudget);
  auto* const numbers = scratch.arena.take_array<Value>(size);
  for (std::int64_t i = 0; i < end; ++i) numbers[i] = Value::of_int(i);
  return Value::of_list(numbers, static_cast<std::uint32_t>(size));
}

Value slice(const Value& list, std::int64_t start, std::int64_t end) {
  if (start < 0 || start > end || end > list.size) return failed(ErrorCode::kOutOfRange);
  return Value::of_list(list.list + start, static_cast<std::uint32_t>(end - start));
}

Value reverse(const Value& list, Scratch& scratch) {
  if (!scratch.budget.spend(list.size)) return failed(ErrorCode::kBudget);
  auto* const reversed = scratch.arena.take_array<Value>(list.size);
  std::reverse_copy(list.list, list.list + list.size, reversed);
  return Value::of_list(reversed, list.size);
}

Value first(const Value& list) {
  return Value::of_optional(list.size == 0 ? nullptr : list.list);
}

Value last(const Value& list) {
  return Value::of_optional(list.size == 0 ? nullptr : list.list + list.size - 1);
}

Value sort(const Value& list, Scratch& scratch) {
  return sort_by_keys(list, list, scratch);
}

Value sort_by_keys(const Value& list, const Value& keys, Scratch& scratch) {
  if (keys.size != list.size) return failed(ErrorCode::kBadArgument);
  for (const Value& key : elements(keys)) {
    if (!is_sortable(key.kind) || key.kind != keys.list[0].kind) {
      return failed(ErrorCode::kNoOverload);
    }
  }
  if (!scratch.budget.spend(list.size)) return failed(ErrorCode::kBudget);
  const std::span<const Value*> order = pointers_to_scalars(keys, scratch);
  if (!spend_for_sorting(order, scratch.budget)) return failed(ErrorCode::kBudget);
  sort_scalars(order);
  auto* const sorted = scratch.arena.take_array<Value>(list.size);
  for (std::uint32_t i = 0; i < list.size; ++i) sorted[i] = list.list[order[i] - keys.list];
  return Value::of_list(sorted, list.size);
}

}  // namespace fenqi::program
