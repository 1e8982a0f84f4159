// The loop that executes a program's instructions.
#pragma once

#include <span>

#include "base/arena.h"
#include "base/value.h"
#include "program/program.h"

namespace fenqi::program {

// Executes `code` over `registers`. Indices were checked when the program was parsed.
void execute(std::span<const Instruction> code, std::span<const ConstantSet> sets,
             const tables::Tables& tables, std::span<Value> registers, Arena& arena);

}  // namespace fenqi::program
