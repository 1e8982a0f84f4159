// A decision table as an index: rows that hold for some inputs and say something for each output.
//
// Each input's values fall into classes (tables/partition.h), each class knows the rows whose cells
// hold there (tables/row_sets.h), and the rows that hold are what the classes of all inputs share.
// The cost therefore hardly depends on where in the table the row stands that holds.
//
// What a missing input means is a matter of each cell: it holds, it fails, or that is unknown. A
// row of which no cell fails and some are unknown is possible; a result that depends on a possible
// row is missing. An input that is an error makes the result that error.
//
// Immutable and shared by threads. Only parse() takes memory from the heap.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "base/value.h"
#include "tables/columns.h"
#include "tables/partition.h"
#include "tables/row_sets.h"

namespace fenqi::tables {

// What the index of one table may take.
inline constexpr std::size_t kMostIndexBytes = 64u << 20;

// fenqi.internal.v1.HitPolicy.
enum class HitPolicy : std::uint8_t { kUnique = 1, kAny = 2, kFirst = 3, kAll = 4 };

struct TableInput {
  std::uint32_t register_index = 0;
  Kind kind = Kind::kNone;
  Partition partition;
  // Of each class of the partition the rows whose cells hold; then those whose cells hold for NaN,
  // those whose cells hold for a missing input, and those whose cells hold for it or may.
  RowSets rows;
};

class DecisionTable {
 public:
  // Reads and indexes a serialized fenqi.internal.v1.DecisionTable. Fails with FAILED_PRECONDITION
  // and a sentence that begins with the table's name.
  static Result<DecisionTable> parse(std::span<const std::uint8_t> bytes);

  const std::string& name() const { return name_; }
  HitPolicy hit_policy() const { return hit_policy_; }
  std::span<const TableInput> inputs() const { return inputs_; }
  const Columns& outputs() const { return outputs_; }
  std::size_t index_bytes() const;

  // The row that holds, from 1; 0 where none does; missing where that depends on a missing input;
  // an error at `place` where more rows hold than the hit policy allows. Inputs stand in
  // `registers` at their register_index. Not for kAll.
  Value row(std::span<const Value> registers, std::uint32_t place) const;

  // All rows that hold, from 1, the most preferred first, as a list in `arena`; missing and errors
  // likewise. For any hit policy.
  Value rows(std::span<const Value> registers, Arena& arena) const;

 private:
  friend class DecisionTableParser;
  // The sets of rows that the inputs at hand select.
  struct Selection {
    std::array<RowSet, kMostInputs> certain;
    std::array<RowSet, kMostInputs> possible;
    std::size_t size = 0;
    bool some_missing = false;
  };

  // Nothing, or the error that an input is.
  const Value* select(std::span<const Value> registers, Selection& selection) const;
  template <typename Visit>
  void visit(std::span<const RowSet> sets, Visit visit) const;
  std::size_t count(std::span<const RowSet> sets) const;
  bool depends_on_missing(const Selection& selection) const;
  Value single(std::span<const RowSet> sets, std::uint32_t place) const;
  Value first(const Selection& selection) const;

  std::string name_;
  HitPolicy hit_policy_ = HitPolicy::kFirst;
  std::size_t row_count_ = 0;
  std::vector<TableInput> inputs_;
  RowBlocks blocks_;
  // Sets of rows speak of places in the order of preference; this is the row at each place.
  std::vector<std::uint32_t> row_at_;
  Columns outputs_;
};

}  // namespace fenqi::tables
