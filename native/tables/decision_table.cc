#include "tables/decision_table.h"

#include <cmath>

namespace fenqi::tables {
namespace {

bool is_nan(const Value& value) {
  return value.kind == Kind::kDouble && std::isnan(value.d);
}

}  // namespace

std::size_t DecisionTable::index_bytes() const {
  std::size_t bytes = blocks_.bytes();
  for (const TableInput& input : inputs_) bytes += input.rows.bytes();
  return bytes;
}

const Value* DecisionTable::select(std::span<const Value> registers, Selection& selection) const {
  for (const TableInput& input : inputs_) {
    const Value& value = registers[input.register_index];
    if (value.is_error()) return &value;
    RowSet& certain = selection.certain[selection.size];
    RowSet& possible = selection.possible[selection.size];
    ++selection.size;
    if (value.is_missing()) {
      certain = input.rows[input.partition.size() + 1];
      possible = input.rows[input.partition.size() + 2];
      selection.some_missing = true;
    } else {
      certain =
          input.rows[is_nan(value) ? input.partition.size() : input.partition.class_of(value)];
      possible = certain;
    }
  }
  return nullptr;
}

// Calls `visit(place)` for the places in the order of preference of the rows in all of `sets`.
template <typename Visit>
void DecisionTable::visit(std::span<const RowSet> sets, Visit visit) const {
  if (!sets.empty()) {
    intersect(sets, blocks_, row_count_, visit);
    return;
  }
  for (std::size_t place = 0; place < row_count_; ++place) {
    if (!visit(place)) return;
  }
}

std::size_t DecisionTable::count(std::span<const RowSet> sets) const {
  std::size_t rows = 0;
  visit(sets, [&](std::size_t) {
    ++rows;
    return true;
  });
  return rows;
}

// Whether some row is possible and not certain. Every certain row is possible.
bool DecisionTable::depends_on_missing(const Selection& selection) const {
  return selection.some_missing && count({selection.certain.data(), selection.size}) !=
                                       count({selection.possible.data(), selection.size});
}

Value DecisionTable::first(const Selection& selection) const {
  constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  const auto lowest = [&](std::span<const RowSet> sets) {
    std::size_t found = kNone;
    visit(sets, [&](std::size_t place) {
      found = place;
      return false;
    });
    return found;
  };
  const std::size_t certain = lowest({selection.certain.data(), selection.size});
  if (selection.some_missing && lowest({selection.possible.data(), selection.size}) != certain) {
    return Value();
  }
  return Value::of_int(certain == kNone ? 0 : row_at_[certain] + std::int64_t{1});
}

// The only row that holds, or the first of several that agree.
Value DecisionTable::single(std::span<const RowSet> sets, std::uint32_t place) const {
  std::int64_t found = 0;
  bool several = false;
  visit(sets, [&](std::size_t at) {
    const std::uint32_t row = row_at_[at];
    if (found == 0) {
      found = row + std::int64_t{1};
      return true;
    }
    several = hit_policy_ == HitPolicy::kUnique ||
              !outputs_.agree(static_cast<std::size_t>(found) - 1, row);
    return !several;
  });
  if (several) return Value::of_error(ErrorCode::kSeveralRows, place);
  return Value::of_int(found);
}

Value DecisionTable::row(std::span<const Value> registers, std::uint32_t place) const {
  Selection selection;
  if (const Value* error = select(registers, selection)) return *error;
  if (hit_policy_ == HitPolicy::kFirst) return first(selection);
  if (depends_on_missing(selection)) return Value();
  return single({selection.certain.data(), selection.size}, place);
}

Value DecisionTable::rows(std::span<const Value> registers, Arena& arena) const {
  Selection selection;
  if (const Value* error = select(registers, selection)) return *error;
  if (depends_on_missing(selection)) return Value();
  const std::span<const RowSet> sets(selection.certain.data(), selection.size);
  const std::size_t size = count(sets);
  Value* const found = arena.take_array<Value>(size);
  std::size_t filled = 0;
  visit(sets, [&](std::size_t place) {
    found[filled++] = Value::of_int(row_at_[place] + std::int64_t{1});
    return true;
  });
  return Value::of_list(found, static_cast<std::uint32_t>(size));
}

}  // namespace fenqi::tables
