// Loads arbitrary bytes as a decision table, a lookup or a list, by the first byte, and asks what
// loads for values that are hard to tell apart and for pieces of the input.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "tables/decision_table.h"
#include "tables/lookup.h"
#include "tables/value_list.h"

namespace {

using fenqi::Kind;
using fenqi::Value;

std::vector<Value> values_of(Kind kind, std::string_view text) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  switch (kind) {
    case Kind::kBool:
      return {Value::of_bool(false), Value::of_bool(true)};
    case Kind::kInt:
      return {Value::of_int(INT64_MIN), Value::of_int(0), Value::of_int(INT64_MAX)};
    case Kind::kUint:
      return {Value::of_uint(0), Value::of_uint(UINT64_MAX)};
    case Kind::kDouble:
      return {Value::of_double(-kInfinity), Value::of_double(-0.0), Value::of_double(0x1p63),
              Value::of_double(std::numeric_limits<double>::quiet_NaN())};
    default:
      return {Value::of_string(""), Value::of_string(text),
              Value::of_string(text.substr(text.size() / 2, 3))};
  }
}

void ask(const fenqi::tables::DecisionTable& table, std::string_view text) {
  std::size_t registers = 0;
  for (const auto& input : table.inputs()) {
    // A program has so many registers; beyond, a program's parser refuses the table.
    if (input.register_index > 4096) return;
    registers = std::max(registers, input.register_index + std::size_t{1});
  }
  fenqi::Arena arena;
  for (std::size_t round = 0; round < 5; ++round) {
    std::vector<Value> values(registers);
    for (const auto& input : table.inputs()) {
      const std::vector<Value> candidates = values_of(input.kind, text);
      // In the last round all are missing.
      if (round < 4) values[input.register_index] = candidates[round % candidates.size()];
    }
    const Value rows = table.rows(values, arena);
    for (std::uint32_t i = 0; rows.is_ok() && i < rows.size; ++i) {
      for (std::size_t column = 0; column < table.outputs().size(); ++column) {
        (void)table.outputs().value(column, static_cast<std::size_t>(rows.list[i].i) - 1);
      }
    }
    (void)table.row(values, 0);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::uint8_t> bytes(data + 1, size - 1);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  switch (data[0] % 3) {
    case 0: {
      const auto table = fenqi::tables::DecisionTable::parse(bytes);
      if (table.ok()) ask(table.value(), text);
      break;
    }
    case 1: {
      const auto lookup = fenqi::tables::Lookup::parse(bytes);
      if (!lookup.ok()) break;
      for (const Value& key : values_of(lookup.value().key_kind(), text)) {
        if (lookup.value().columns().size() > 0) (void)lookup.value().find(key, 0);
        (void)lookup.value().contains(key);
      }
      break;
    }
    default: {
      const auto list = fenqi::tables::ValueList::parse(bytes);
      if (!list.ok()) break;
      for (const Value& value : values_of(list.value().kind(), text)) {
        (void)list.value().contains(value);
      }
      break;
    }
  }
  return 0;
}
