#include "program/schedule.h"

#include <algorithm>
#include <array>
#include <optional>

#include "program/signature.h"

namespace fenqi::program {
namespace {

struct Ranked {
  std::uint32_t level;
  Instruction instruction;
};

// Whether an instruction reads nothing but its operands; others keep their place.
bool is_movable(const std::optional<Signature>& signature) {
  if (!signature) return false;  // a table's
  switch (signature->extra) {
    case Extra::kNothing:
    case Extra::kSet:
    case Extra::kBinning:
    case Extra::kMessageType:
      return true;
    default:
      return false;
  }
}

}  // namespace

void schedule(std::vector<Instruction>& code, std::uint32_t register_count) {
  // One more than the highest level that the instruction which writes a register reads.
  std::vector<std::uint32_t> level_of(register_count, 0);
  std::vector<Ranked> movable;
  auto free = code.begin();  // where the next movable instruction goes
  const auto place_movable = [&] {
    std::stable_sort(movable.begin(), movable.end(), [](const Ranked& a, const Ranked& b) {
      return a.level != b.level ? a.level < b.level : a.instruction.op < b.instruction.op;
    });
    for (const Ranked& ranked : movable) *free++ = ranked.instruction;
    movable.clear();
  };
  for (const Instruction instruction : std::vector<Instruction>(code)) {
    const auto signature = signature_of(instruction.op);
    if (!is_movable(signature)) {
      place_movable();
      *free++ = instruction;
      continue;
    }
    const std::array<std::uint32_t, 3> reads = {instruction.a, instruction.b, instruction.c};
    std::uint32_t level = 0;
    for (int i = 0; i < signature->operands; ++i) level = std::max(level, level_of[reads[i]]);
    level_of[instruction.to] = level + 1;
    movable.push_back({level, instruction});
  }
  place_movable();
}

}  // namespace fenqi::program
