// A lookup: from a key to the values of one row, the most specific that fits.
//
// Immutable and shared by threads. find() takes nothing from the heap; its cost is that of
// Partition::class_of.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/value.h"
#include "tables/columns.h"
#include "tables/partition.h"

namespace fenqi::tables {

class Lookup {
 public:
  // Reads a serialized fenqi.internal.v1.Lookup. Fails with FAILED_PRECONDITION.
  static Result<Lookup> parse(std::span<const std::uint8_t> bytes);

  const std::string& name() const { return name_; }
  Kind key_kind() const { return kind_; }
  const Columns& columns() const { return columns_; }

  // What column `column` says for an ok key; missing where no row is for it.
  Value find(const Value& key, std::size_t column) const {
    const std::uint32_t row = row_of(key);
    return row == 0 ? Value() : columns_.value(column, row - 1);
  }
  bool contains(const Value& key) const { return row_of(key) != 0; }

 private:
  Status read(std::span<const std::uint8_t> bytes);
  // From 1; 0 where there is none.
  std::uint32_t row_of(const Value& key) const;

  std::string name_;
  Kind kind_ = Kind::kNone;
  Partition partition_;
  std::vector<std::uint32_t> row_of_class_;
  std::uint32_t other_row_ = 0;
  Columns columns_;
};

}  // namespace fenqi::tables
