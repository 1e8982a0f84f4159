// Selecting from lists, maps, messages and optionals.
#include <algorithm>
#include <cmath>

#include "program/dynamic.h"
#include "program/messages.h"
#include "program/operations.h"
#include "wire/scalars.h"

namespace fenqi::program {
namespace {

constexpr std::uint64_t kNowhere = UINT64_MAX;

// Position that a number of any kind means: kNowhere for what no list has.
std::uint64_t position_of(const Value& index) {
  switch (index.kind) {
    case Kind::kInt:
      return index.i < 0 ? kNowhere : static_cast<std::uint64_t>(index.i);
    case Kind::kUint:
      return index.u;
    default:
      return index.d >= 0 && index.d < 0x1p53 && index.d == std::floor(index.d)
                 ? static_cast<std::uint64_t>(index.d)
                 : kNowhere;
  }
}

Value missing_as_none(const Value& value, Run& run) {
  return value.is_missing() ? Value::of_optional(nullptr)
         : value.is_ok()    ? optional_of(value, run)
                            : value;
}

bool is_absent(const Value& value) {
  return value.is_error() &&
         (value.error == ErrorCode::kOutOfRange || value.error == ErrorCode::kNoSuchKey);
}

}  // namespace

Value field_of(const Value& a, std::string_view name, Run& run) {
  switch (a.kind) {
    case Kind::kMap: {
      const Value* found = find_key(a, Value::of_string(name), run.scratch);
      return found != nullptr ? *found : failed(ErrorCode::kNoSuchKey);
    }
    case Kind::kMessage: {
      const MessageField* field = a.message->type->find(name);
      return field != nullptr ? select_field(*a.message, *field, run.scratch)
                              : failed(ErrorCode::kNoSuchField);
    }
    case Kind::kOptional:
      return a.list == nullptr ? a : optional_field_of(*a.list, name, run);
    default:
      return failed(ErrorCode::kNoSuchField);
  }
}

Value optional_field_of(const Value& a, std::string_view name, Run& run) {
  if (a.kind == Kind::kOptional) return field_of(a, name, run);
  const Value has = has_field_of(a, name, run);
  if (!has.is_ok()) return has;
  return has.b ? missing_as_none(field_of(a, name, run), run) : Value::of_optional(nullptr);
}

Value has_field_of(const Value& a, std::string_view name, Run& run) {
  switch (a.kind) {
    case Kind::kMap:
      return Value::of_bool(find_key(a, Value::of_string(name), run.scratch) != nullptr);
    case Kind::kMessage: {
      const MessageField* field = a.message->type->find(name);
      return field != nullptr ? has_field(*a.message, *field, run.scratch)
                              : failed(ErrorCode::kNoSuchField);
    }
    case Kind::kOptional:
      return a.list == nullptr ? Value::of_bool(false) : has_field_of(*a.list, name, run);
    default:
      return failed(ErrorCode::kNoSuchField);
  }
}

Value element_of(const Value& a, const Value& index, Run& run) {
  switch (a.kind) {
    case Kind::kList: {
      if (!is_number(index)) return failed(ErrorCode::kNoOverload);
      const std::uint64_t position = position_of(index);
      return position < a.size ? a.list[position] : failed(ErrorCode::kOutOfRange);
    }
    case Kind::kMap: {
      const Value* found = find_key(a, index, run.scratch);
      return found != nullptr ? *found : failed(ErrorCode::kNoSuchKey);
    }
    case Kind::kOptional:
      return a.list == nullptr ? a : optional_element_of(*a.list, index, run);
    default:
      return failed(ErrorCode::kNoOverload);
  }
}

Value optional_element_of(const Value& a, const Value& index, Run& run) {
  if (a.kind == Kind::kOptional) return element_of(a, index, run);
  const Value found = element_of(a, index, run);
  if (is_absent(found)) return Value::of_optional(nullptr);
  return found.is_ok() ? optional_of(found, run) : found;
}

Value optional_of(const Value& value, Run& run) {
  auto* kept = run.scratch.arena.take_array<Value>(1);
  *kept = value;
  return Value::of_optional(kept);
}

bool is_zero_value(const Value& value, Run& run) {
  switch (value.kind) {
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
    case Kind::kString:
    case Kind::kBytes:
      return wire::is_zero(value);
    case Kind::kNull:
      return true;
    case Kind::kTimestamp:
    case Kind::kDuration:
      return value.i == 0 && value.size == 0;
    case Kind::kList:
    case Kind::kMap:
      return value.size == 0;
    case Kind::kOptional:
      return value.list == nullptr;
    case Kind::kMessage:
      return is_empty_message(*value.message, run.scratch);
    default:
      return false;
  }
}

Value unwrap(const Value& list, Run& run) {
  if (list.kind != Kind::kList) return failed(ErrorCode::kNoOverload);
  if (!run.scratch.budget.spend(list.size)) return failed(ErrorCode::kBudget);
  auto* elements = run.scratch.arena.take_array<Value>(list.size);
  std::uint32_t count = 0;
  for (const Value& element : std::span(list.list, list.size)) {
    if (element.kind != Kind::kOptional) return failed(ErrorCode::kNoOverload);
    if (element.list != nullptr) elements[count++] = *element.list;
  }
  return Value::of_list(elements, count);
}

}  // namespace fenqi::program
