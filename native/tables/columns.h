// What rows say: a typed value for each row in each of some columns. The results of a decision
// table, the values of a lookup.
//
// Immutable. Texts are views into the columns, which must outlive the values that they gave.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/value.h"

namespace fenqi::tables {

class Columns {
 public:
  Columns() = default;
  Columns(Columns&&) = default;
  Columns& operator=(Columns&&) = default;
  // Values hold views into texts_, which a move leaves where they are.
  Columns(const Columns&) = delete;
  Columns& operator=(const Columns&) = delete;

  // Reads a serialized fenqi.internal.v1.TableOutput as the next column. False where it is damaged,
  // holds values of several kinds or names a value that it does not have.
  bool append(std::span<const std::uint8_t> bytes);
  // Whether every column has a value for each of `rows` rows.
  bool have(std::size_t rows) const;

  std::size_t size() const { return columns_.size(); }
  // The kind of all values of a column; kNone where all are missing.
  Kind kind_of(std::size_t column) const { return columns_[column].kind; }

  // What `row`, from 0, says; may be missing.
  const Value& value(std::size_t column, std::size_t row) const {
    const Column& from = columns_[column];
    return from.values[from.value_of_row[row]];
  }
  // Whether two rows say the same in all columns.
  bool agree(std::size_t row, std::size_t other) const;
  // Where no row holds; may be missing.
  const Value& otherwise(std::size_t column) const { return columns_[column].otherwise; }

  // What several rows say, given as a list of their numbers from 1. The default stands in for an
  // empty list. `place` is where an error would be.
  Value list(std::size_t column, const Value& rows, Arena& arena) const;
  Value sum(std::size_t column, const Value& rows, std::uint32_t place) const;
  Value smallest(std::size_t column, const Value& rows) const;
  Value greatest(std::size_t column, const Value& rows) const;
  Value count(std::size_t column, const Value& rows) const;

 private:
  struct Column {
    Kind kind = Kind::kNone;
    std::vector<Value> values;
    std::vector<std::uint32_t> value_of_row;
    Value otherwise;
  };
  bool keep(const Value& read, Column& column, Value& kept);
  const Value& said(std::size_t column, const Value& row) const {
    return value(column, static_cast<std::size_t>(row.i) - 1);
  }
  template <typename Better>
  Value best(std::size_t column, const Value& rows, Better better) const;

  std::vector<Column> columns_;
  std::deque<std::string> texts_;
};

}  // namespace fenqi::tables
