#include "program/dynamic.h"
#include "program/operations.h"

namespace fenqi::program {

Value fold(const Instruction& instruction, Run& run) {
  const Block& block = run.program.blocks()[instruction.c];
  const std::span<Value> r = run.registers;
  const Value range = r[instruction.a];
  if (!range.is_ok()) return range;
  if (range.kind != Kind::kList && range.kind != Kind::kMap) return failed(ErrorCode::kNoOverload);
  const bool is_map = range.kind == Kind::kMap;
  const bool has_second = block.second != Block::kNone;
  const std::uint64_t work = 1 + block.condition_code.size() + block.step_code.size();
  const Growth outer = run.growth;
  run.growth = {};
  Value accumulator = r[instruction.b];
  for (std::uint32_t i = 0; i < range.size; ++i) {
    if (!run.scratch.budget.spend(work)) {
      accumulator = failed(ErrorCode::kBudget);
      break;
    }
    if (is_map) {
      r[block.first] = range.list[2 * i];
      if (has_second) r[block.second] = range.list[2 * i + 1];
    } else {
      r[block.first] = has_second ? Value::of_int(i) : range.list[i];
      if (has_second) r[block.second] = range.list[i];
    }
    r[block.accumulator] = accumulator;
    execute(block.condition_code.data(), run);
    const Value& goes_on = r[block.condition];
    if (!goes_on.is_ok()) {
      accumulator = goes_on;
      break;
    }
    if (!goes_on.b) break;
    execute(block.step_code.data(), run);
    accumulator = r[block.step];
  }
  run.growth = outer;
  return accumulator;
}

}  // namespace fenqi::program
