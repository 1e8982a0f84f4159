#include "program/dynamic.h"

#include <cmath>
#include <string_view>

#include "program/messages.h"

namespace fenqi::program {
namespace {

std::partial_ordering compare(std::int64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 0x1p63) return std::partial_ordering::less;
  if (b < -0x1p63) return std::partial_ordering::greater;
  const auto whole = static_cast<std::int64_t>(b);  // toward zero
  if (a != whole) return a < whole ? std::partial_ordering::less : std::partial_ordering::greater;
  const double rest = b - static_cast<double>(whole);
  return rest > 0   ? std::partial_ordering::less
         : rest < 0 ? std::partial_ordering::greater
                    : std::partial_ordering::equivalent;
}

std::partial_ordering compare(std::uint64_t a, double b) {
  if (std::isnan(b)) return std::partial_ordering::unordered;
  if (b >= 0x1p64) return std::partial_ordering::less;
  if (b < 0.0) return std::partial_ordering::greater;
  const auto whole = static_cast<std::uint64_t>(b);
  if (a != whole) return a < whole ? std::partial_ordering::less : std::partial_ordering::greater;
  return b > static_cast<double>(whole) ? std::partial_ordering::less
                                        : std::partial_ordering::equivalent;
}

std::partial_ordering compare(std::int64_t a, std::uint64_t b) {
  if (a < 0) return std::partial_ordering::less;
  return static_cast<std::uint64_t>(a) <=> b;
}

// As the language has it.
std::partial_ordering order_of(const Value& a, const Value& b) {
  if (a.kind == Kind::kDouble || b.kind == Kind::kDouble) return number_of(a) <=> number_of(b);
  return compare_numbers(a, b);
}

bool is_same_key(const Value& a, const Value& b, Scratch& scratch) {
  if (is_number(a) && is_number(b)) return compare_numbers(a, b) == 0;
  return equal(a, b, scratch);
}

std::partial_ordering compare_double_to(double a, const Value& b) {
  switch (b.kind) {
    case Kind::kInt:
      return 0 <=> compare(b.i, a);
    case Kind::kUint:
      return 0 <=> compare(b.u, a);
    default:
      return a <=> b.d;
  }
}

bool equal_lists(const Value& a, const Value& b, Scratch& scratch, int depth) {
  if (a.size != b.size) return false;
  for (std::uint32_t i = 0; i < a.size; ++i) {
    if (!equal(a.list[i], b.list[i], scratch, depth)) return false;
  }
  return true;
}

bool equal_maps(const Value& a, const Value& b, Scratch& scratch, int depth) {
  if (a.size != b.size) return false;
  for (std::uint32_t i = 0; i < a.size; ++i) {
    const Value* other = find_key(b, a.list[2 * i], scratch);
    if (other == nullptr || !equal(a.list[2 * i + 1], *other, scratch, depth)) return false;
  }
  return true;
}

std::partial_ordering compare_moments(const Value& a, const Value& b) {
  return a.i != b.i ? a.i <=> b.i : a.size <=> b.size;
}

}  // namespace

std::partial_ordering compare_numbers(const Value& a, const Value& b) {
  switch (a.kind) {
    case Kind::kInt:
      if (b.kind == Kind::kInt) return a.i <=> b.i;
      return b.kind == Kind::kUint ? compare(a.i, b.u) : compare(a.i, b.d);
    case Kind::kUint:
      if (b.kind == Kind::kUint) return a.u <=> b.u;
      return b.kind == Kind::kInt ? 0 <=> compare(b.i, a.u) : compare(a.u, b.d);
    default:
      return compare_double_to(a.d, b);
  }
}

bool equal(const Value& a, const Value& b, Scratch& scratch, int depth) {
  if (is_number(a) && is_number(b)) return scratch.budget.spend(1) && order_of(a, b) == 0;
  if (a.kind != b.kind) return false;
  if (depth > kMostNested) {
    scratch.budget.exhaust();
    return false;
  }
  switch (a.kind) {
    case Kind::kBool:
      return scratch.budget.spend(1) && a.b == b.b;
    case Kind::kString:
    case Kind::kBytes:
    case Kind::kType:
      return a.size == b.size && scratch.budget.spend_bytes(a.size) && a.text() == b.text();
    case Kind::kNull:
      return true;
    case Kind::kTimestamp:
    case Kind::kDuration:
      return scratch.budget.spend(1) && compare_moments(a, b) == 0;
    case Kind::kList:
      return scratch.budget.spend(1) && equal_lists(a, b, scratch, depth + 1);
    case Kind::kMap:
      return scratch.budget.spend(1) && equal_maps(a, b, scratch, depth + 1);
    case Kind::kOptional:
      if (a.list == nullptr || b.list == nullptr) return a.list == b.list;
      return scratch.budget.spend(1) && equal(*a.list, *b.list, scratch, depth + 1);
    case Kind::kMessage:
      return equal_messages(*a.message, *b.message, scratch, depth + 1);
    default:
      return false;
  }
}

std::optional<std::partial_ordering> compare(const Value& a, const Value& b, Scratch& scratch) {
  if (is_number(a) && is_number(b)) return order_of(a, b);
  if (a.kind != b.kind) return std::nullopt;
  switch (a.kind) {
    case Kind::kBool:
      return a.b <=> b.b;
    case Kind::kString:
    case Kind::kBytes:
      scratch.budget.spend_bytes(a.size < b.size ? a.size : b.size);
      return a.text() <=> b.text();
    case Kind::kTimestamp:
    case Kind::kDuration:
      return compare_moments(a, b);
    default:
      return std::nullopt;
  }
}

const Value* find_key(const Value& map, const Value& key, Scratch& scratch) {
  if (!is_number(key) && key.kind != Kind::kBool && key.kind != Kind::kString) return nullptr;
  for (std::uint32_t i = 0; i < map.size; ++i) {
    if (is_same_key(map.list[2 * i], key, scratch)) return &map.list[2 * i + 1];
    if (!scratch.budget.spend(1)) return nullptr;
  }
  return nullptr;
}

bool holds(const Value& list, const Value& wanted, Scratch& scratch) {
  for (std::uint32_t i = 0; i < list.size; ++i) {
    if (equal(list.list[i], wanted, scratch)) return true;
    if (!scratch.budget.spend(1)) return false;
  }
  return false;
}

std::string_view type_name(const Value& value) {
  switch (value.kind) {
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kUint:
      return "uint";
    case Kind::kDouble:
      return "double";
    case Kind::kString:
      return "string";
    case Kind::kBytes:
      return "bytes";
    case Kind::kTimestamp:
      return "google.protobuf.Timestamp";
    case Kind::kDuration:
      return "google.protobuf.Duration";
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kMessage:
      return value.message->type->name;
    case Kind::kOptional:
      return "optional_type";
    case Kind::kType:
      return "type";
    default:
      return "null_type";
  }
}

}  // namespace fenqi::program
