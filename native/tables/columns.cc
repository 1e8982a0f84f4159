#include "tables/columns.h"

#include <algorithm>
#include <cstring>

#include "fenqi/contract.h"
#include "tables/value_set.h"
#include "wire/decode.h"

namespace fenqi::tables {

namespace image = contract::internal;

// Takes a value over from the image: its text moves in here, its kind must be the column's.
bool Columns::keep(const Value& read, Column& column, Value& kept) {
  kept = read;
  if (read.is_missing()) return true;
  if (column.kind != Kind::kNone && column.kind != read.kind) return false;
  column.kind = read.kind;
  if (read.kind == Kind::kString) kept = Value::of_string(texts_.emplace_back(read.text()));
  return true;
}

bool Columns::append(std::span<const std::uint8_t> bytes) {
  Column column;
  wire::MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::table_output::kValues:
      case image::table_output::kDefault: {
        Value read;
        if (!read_constant(reader.payload(), read)) return false;
        const bool is_default = reader.number() == image::table_output::kDefault;
        Value& kept = is_default ? column.otherwise : column.values.emplace_back();
        if (!keep(read, column, kept)) return false;
        break;
      }
      case image::table_output::kValueOfRow:
        if (!wire::append_varints(reader, column.value_of_row, wire::saturate32)) return false;
        break;
      default:
        break;
    }
  }
  const std::size_t count = column.values.size();
  const bool all_there = std::all_of(column.value_of_row.begin(), column.value_of_row.end(),
                                     [&](std::uint32_t value) { return value < count; });
  columns_.push_back(std::move(column));
  return reader.ok() && all_there;
}

bool Columns::have(std::size_t rows) const {
  return std::all_of(columns_.begin(), columns_.end(),
                     [&](const Column& column) { return column.value_of_row.size() == rows; });
}

bool Columns::agree(std::size_t row, std::size_t other) const {
  return std::all_of(columns_.begin(), columns_.end(), [&](const Column& column) {
    return column.value_of_row[row] == column.value_of_row[other];
  });
}

Value Columns::list(std::size_t column, const Value& rows, Arena& arena) const {
  if (rows.size == 0) {
    if (otherwise(column).is_missing()) return Value();
    Value* const only = arena.take_array<Value>(1);
    *only = otherwise(column);
    return Value::of_list(only, 1);
  }
  Value* const values = arena.take_array<Value>(rows.size);
  for (std::uint32_t i = 0; i < rows.size; ++i) {
    values[i] = said(column, rows.list[i]);
    if (values[i].is_missing()) return Value();
  }
  return Value::of_list(values, rows.size);
}

Value Columns::sum(std::size_t column, const Value& rows, std::uint32_t place) const {
  if (rows.size == 0) return otherwise(column);
  Value total = said(column, rows.list[0]);
  for (std::uint32_t i = 0; i < rows.size; ++i) {
    const Value& next = said(column, rows.list[i]);
    if (next.is_missing()) return Value();
    if (i == 0) continue;
    bool overflows = false;
    switch (total.kind) {
      case Kind::kInt:
        overflows = __builtin_add_overflow(total.i, next.i, &total.i);
        break;
      case Kind::kUint:
        overflows = __builtin_add_overflow(total.u, next.u, &total.u);
        break;
      default:
        total.d += next.d;
        break;
    }
    if (overflows) return Value::of_error(ErrorCode::kOverflow, place);
  }
  return total;
}

template <typename Better>
Value Columns::best(std::size_t column, const Value& rows, Better better) const {
  if (rows.size == 0) return otherwise(column);
  Value found = said(column, rows.list[0]);
  for (std::uint32_t i = 0; i < rows.size; ++i) {
    const Value& next = said(column, rows.list[i]);
    if (next.is_missing()) return Value();
    const bool is_better = next.kind == Kind::kInt    ? better(next.i, found.i)
                           : next.kind == Kind::kUint ? better(next.u, found.u)
                                                      : better(next.d, found.d);
    if (is_better) found = next;
  }
  return found;
}

Value Columns::smallest(std::size_t column, const Value& rows) const {
  return best(column, rows, [](auto a, auto b) { return a < b; });
}

Value Columns::greatest(std::size_t column, const Value& rows) const {
  return best(column, rows, [](auto a, auto b) { return a > b; });
}

Value Columns::count(std::size_t column, const Value& rows) const {
  return rows.size == 0 ? otherwise(column) : Value::of_int(rows.size);
}

}  // namespace fenqi::tables
