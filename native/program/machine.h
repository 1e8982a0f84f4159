// The loop that executes a program's instructions.
#pragma once

#include <cstdint>
#include <span>

#include "base/scratch.h"
#include "base/value.h"
#include "program/program.h"

namespace fenqi::program {

// The list or map that the innermost comprehension is building: its last value may still grow in
// place, because nobody else knows the room behind it.
struct Growth {
  const Value* elements = nullptr;
  std::uint32_t used = 0;  // values, of `capacity`
  std::uint32_t capacity = 0;
};

// One execution: what the code reads and writes.
struct Run {
  const Program& program;
  std::span<Value> registers;
  std::span<const std::uint8_t> request;
  Scratch& scratch;
  PatternCache& patterns;
  Growth growth{};
};

// Executes `code` up to kEndOfCode. Indices were checked when the program was parsed.
void execute(const Instruction* code, Run& run);

}  // namespace fenqi::program
