// All tables, lookups and lists of a program, and the operations on them: OP_TABLE_ROW to
// OP_IN_LIST in release_image.proto.
//
// Immutable and shared by threads once all are in.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/scratch.h"
#include "base/status.h"
#include "base/value.h"
#include "tables/decision_table.h"
#include "tables/lookup.h"
#include "tables/value_list.h"

namespace fenqi::tables {

// What an operation reads and makes.
struct OperationKinds {
  // Its first operand; kNone where it has none.
  Kind reads = Kind::kNone;
  Kind makes = Kind::kNone;
  // The first operand must be what OP_TABLE_ROW or OP_TABLE_ROWS made of the same table.
  bool reads_rows = false;
  // Registers that it reads besides.
  std::span<const TableInput> inputs;
};

// Whether `operation` works on a table, lookup or list: one of 400 .. 449.
constexpr bool is_table_operation(std::uint32_t operation) {
  return operation >= 400 && operation < 450;
}

class Tables {
 public:
  // Read a serialized fenqi.internal.v1.DecisionTable, Lookup or ValueList as the next one.
  Status append_table(std::span<const std::uint8_t> bytes);
  Status append_lookup(std::span<const std::uint8_t> bytes);
  Status append_list(std::span<const std::uint8_t> bytes);

  // Nothing where there is no such operation, or its operands b and c name nothing that it works
  // on.
  std::optional<OperationKinds> kinds_of(std::uint32_t operation, std::uint32_t b,
                                         std::uint32_t c) const;

  // What `operation` makes; kinds_of() knows it, and `registers[a]` is what that says it reads.
  // Errors made here are at `place`. Lists are made in `scratch` and spend from its budget. Takes
  // nothing from the heap.
  Value run(std::uint32_t operation, std::uint32_t a, std::uint32_t b, std::uint32_t c,
            std::uint32_t place, std::span<const Value> registers, Scratch& scratch) const;

 private:
  Value collect(std::uint32_t operation, const Columns& outputs, std::uint32_t column,
                const Value& rows, std::uint32_t place, Scratch& scratch) const;

  std::vector<DecisionTable> tables_;
  std::vector<Lookup> lookups_;
  std::vector<ValueList> lists_;
};

}  // namespace fenqi::tables
