#include "tables/tables.h"

#include <algorithm>

#include "fenqi/contract.h"

namespace fenqi::tables {
namespace {

namespace op = contract::op;

bool is_number(Kind kind) {
  return kind == Kind::kInt || kind == Kind::kUint || kind == Kind::kDouble;
}

template <typename Element>
Status append(Result<Element> parsed, std::vector<Element>& all) {
  if (!parsed.ok()) return parsed.status();
  all.push_back(std::move(parsed.value()));
  return {};
}

std::optional<OperationKinds> kinds_on_table(std::uint32_t operation, const DecisionTable& table,
                                             std::uint32_t column) {
  const bool is_list = table.hit_policy() == HitPolicy::kAll;
  if (operation == op::kTableRow || operation == op::kTableRows) {
    if (is_list != (operation == op::kTableRows)) return std::nullopt;
    return OperationKinds{Kind::kNone, is_list ? Kind::kList : Kind::kInt, false, table.inputs()};
  }
  if (column >= table.outputs().size()) return std::nullopt;
  if (is_list == (operation == op::kTableOutput)) return std::nullopt;
  const Kind kind = table.outputs().kind_of(column);
  const Kind reads = is_list ? Kind::kList : Kind::kInt;
  switch (operation) {
    case op::kTableOutput:
      return OperationKinds{reads, kind, true, {}};
    case op::kTableOutputs:
      return OperationKinds{reads, Kind::kList, true, {}};
    case op::kTableSum:
    case op::kTableMin:
    case op::kTableMax:
      // Of a column that says nothing, as in a table without rows, any sum is missing.
      if (!is_number(kind) && kind != Kind::kNone) return std::nullopt;
      return OperationKinds{reads, kind, true, {}};
    case op::kTableCount:
      if (kind != Kind::kInt && kind != Kind::kNone) return std::nullopt;
      return OperationKinds{reads, Kind::kInt, true, {}};
    default:
      return std::nullopt;
  }
}

}  // namespace

Status Tables::append_table(std::span<const std::uint8_t> bytes) {
  return append(DecisionTable::parse(bytes), tables_);
}

Status Tables::append_lookup(std::span<const std::uint8_t> bytes) {
  return append(Lookup::parse(bytes), lookups_);
}

Status Tables::append_list(std::span<const std::uint8_t> bytes) {
  return append(ValueList::parse(bytes), lists_);
}

std::optional<OperationKinds> Tables::kinds_of(std::uint32_t operation, std::uint32_t b,
                                               std::uint32_t c) const {
  switch (operation) {
    case op::kLookup:
      if (b >= lookups_.size() || c >= lookups_[b].columns().size()) return std::nullopt;
      return OperationKinds{lookups_[b].key_kind(), lookups_[b].columns().kind_of(c), false, {}};
    case op::kInLookup:
      if (b >= lookups_.size()) return std::nullopt;
      return OperationKinds{lookups_[b].key_kind(), Kind::kBool, false, {}};
    case op::kInList:
      if (b >= lists_.size()) return std::nullopt;
      return OperationKinds{lists_[b].kind(), Kind::kBool, false, {}};
    default:
      if (b >= tables_.size()) return std::nullopt;
      return kinds_on_table(operation, tables_[b], c);
  }
}

// Each row costs about what an instruction does.
Value Tables::collect(std::uint32_t operation, const Columns& outputs, std::uint32_t column,
                      const Value& rows, std::uint32_t place, Scratch& scratch) const {
  if (!scratch.budget.spend(rows.size)) return Value::of_error(ErrorCode::kBudget, place);
  switch (operation) {
    case op::kTableOutputs:
      return outputs.list(column, rows, scratch.arena);
    case op::kTableSum:
      return outputs.sum(column, rows, place);
    case op::kTableMin:
      return outputs.smallest(column, rows);
    case op::kTableMax:
      return outputs.greatest(column, rows);
    default:
      return outputs.count(column, rows);
  }
}

Value Tables::run(std::uint32_t operation, std::uint32_t a, std::uint32_t b, std::uint32_t c,
                  std::uint32_t place, std::span<const Value> registers, Scratch& scratch) const {
  if (operation == op::kTableRow) return tables_[b].row(registers, place);
  if (operation == op::kTableRows) {
    const Value rows = tables_[b].rows(registers, scratch.arena);
    if (rows.is_ok() && !scratch.budget.spend(rows.size)) {
      return Value::of_error(ErrorCode::kBudget, place);
    }
    return rows;
  }
  const Value& operand = registers[a];
  if (!operand.is_ok()) return operand;
  switch (operation) {
    case op::kTableOutput: {
      const Columns& outputs = tables_[b].outputs();
      if (operand.i == 0) return outputs.otherwise(c);
      return outputs.value(c, static_cast<std::size_t>(operand.i) - 1);
    }
    case op::kLookup:
      return lookups_[b].find(operand, c);
    case op::kInLookup:
      return Value::of_bool(lookups_[b].contains(operand));
    case op::kInList:
      return Value::of_bool(lists_[b].contains(operand));
    default:
      return collect(operation, tables_[b].outputs(), c, operand, place, scratch);
  }
}

}  // namespace fenqi::tables
