// Making and extending lists, maps and messages.
#include <algorithm>

#include "fenqi/contract.h"
#include "program/dynamic.h"
#include "program/operations.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

constexpr std::uint32_t kMostElements = 1u << 24;

// Not ok operands of a list, map or message decide it: missing before the first error.
Value worst(const Value& known, const Value& next) {
  return next.is_ok() ? known : known.is_ok() ? next : not_ok(known, next);
}

// `count` values: those of `elements`, copied where they have no room behind them, then `more`.
const Value* extend(const Value* elements, std::uint32_t count, std::span<const Value> more,
                    Run& run) {
  Growth& growth = run.growth;
  const auto added = static_cast<std::uint32_t>(more.size());
  if (growth.elements != nullptr && elements == growth.elements && count == growth.used &&
      added <= growth.capacity - growth.used) {
    std::copy(more.begin(), more.end(), const_cast<Value*>(elements) + count);
    growth.used += added;
    return elements;
  }
  const std::uint32_t capacity = std::max(8u, 2 * (count + added));
  if (count > kMostElements || !run.scratch.budget.spend(capacity)) return nullptr;
  auto* grown = run.scratch.arena.take_array<Value>(capacity);
  std::copy_n(elements, count, grown);
  std::copy(more.begin(), more.end(), grown + count);
  growth = {grown, count + added, capacity};
  return grown;
}

bool can_be_key(const Value& key) {
  return key.kind == Kind::kBool || key.kind == Kind::kInt || key.kind == Kind::kUint ||
         key.kind == Kind::kString;
}

Value make_list(const Instruction& instruction, Run& run) {
  const auto registers = run.program.arguments().subspan(instruction.b, instruction.c);
  Value bad = Value::of_null();
  for (const std::uint32_t index : registers) bad = worst(bad, run.registers[index]);
  if (!bad.is_ok()) return bad;
  if (!run.scratch.budget.spend(1 + registers.size())) return failed(ErrorCode::kBudget);
  auto* elements = run.scratch.arena.take_array<Value>(registers.size());
  for (std::size_t i = 0; i < registers.size(); ++i) elements[i] = run.registers[registers[i]];
  return Value::of_list(elements, instruction.c);
}

Value make_map(const Instruction& instruction, Run& run) {
  const auto registers =
      run.program.arguments().subspan(instruction.b, std::size_t{2} * instruction.c);
  Value bad = Value::of_null();
  for (const std::uint32_t index : registers) bad = worst(bad, run.registers[index]);
  if (!bad.is_ok()) return bad;
  if (!run.scratch.budget.spend(1 + registers.size())) return failed(ErrorCode::kBudget);
  auto* entries = run.scratch.arena.take_array<Value>(registers.size());
  std::uint32_t count = 0;
  for (std::size_t i = 0; i < registers.size(); i += 2) {
    const Value& key = run.registers[registers[i]];
    if (!can_be_key(key)) return failed(ErrorCode::kNoOverload);
    if (find_key(Value::of_map(entries, count), key, run.scratch) != nullptr) {
      return failed(ErrorCode::kDuplicateKey);
    }
    entries[2 * count] = key;
    entries[2 * count + 1] = run.registers[registers[i + 1]];
    ++count;
  }
  return run.scratch.budget.is_spent() ? failed(ErrorCode::kBudget) : Value::of_map(entries, count);
}

Value make_message_from(const Instruction& instruction, Run& run) {
  const MessageType& type = run.program.message_types()[instruction.a];
  const auto arguments =
      run.program.arguments().subspan(instruction.b, std::size_t{3} * instruction.c);
  Value bad = Value::of_null();
  for (std::size_t i = 0; i < arguments.size(); i += 3) {
    bad = worst(bad, run.registers[arguments[i + 1]]);
  }
  if (!bad.is_ok()) return bad;
  auto* fields = run.scratch.arena.take_array<FieldValue>(instruction.c);
  std::size_t count = 0;
  for (std::size_t i = 0; i < arguments.size(); i += 3) {
    Value value = run.registers[arguments[i + 1]];
    if (arguments[i + 2] != 0) {
      if (value.kind != Kind::kOptional) return failed(ErrorCode::kNoOverload);
      if (value.list == nullptr) continue;
      value = *value.list;
    }
    fields[count++] = {&type.fields[arguments[i]], value};
  }
  return make_message(type, {fields, count}, run.scratch);
}

}  // namespace

Value make_from(const Instruction& instruction, Run& run) {
  switch (instruction.op) {
    case op::kMakeList:
      return make_list(instruction, run);
    case op::kMakeMap:
      return make_map(instruction, run);
    default:
      return make_message_from(instruction, run);
  }
}

Value append(const Value& list, const Value& element, Run& run) {
  if (list.kind != Kind::kList) return failed(ErrorCode::kNoOverload);
  const Value* elements = extend(list.list, list.size, {&element, 1}, run);
  return elements == nullptr ? failed(ErrorCode::kBudget) : Value::of_list(elements, list.size + 1);
}

Value insert(const Value& map, const Value& key, const Value& value, Run& run) {
  if (map.kind != Kind::kMap || !can_be_key(key)) return failed(ErrorCode::kNoOverload);
  if (find_key(map, key, run.scratch) != nullptr) return failed(ErrorCode::kDuplicateKey);
  const std::array<Value, 2> entry = {key, value};
  const Value* entries = extend(map.list, 2 * map.size, entry, run);
  return entries == nullptr ? failed(ErrorCode::kBudget) : Value::of_map(entries, map.size + 1);
}

Value merge(const Value& map, const Value& other, Run& run) {
  if (map.kind != Kind::kMap || other.kind != Kind::kMap) return failed(ErrorCode::kNoOverload);
  Value merged = map;
  for (std::uint32_t i = 0; i < other.size; ++i) {
    merged = insert(merged, other.list[2 * i], other.list[2 * i + 1], run);
    if (!merged.is_ok()) return merged;
  }
  return merged;
}

}  // namespace fenqi::program
