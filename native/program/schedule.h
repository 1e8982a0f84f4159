// The order in which a program's instructions run.
#pragma once

#include <cstdint>
#include <vector>

#include "program/program.h"

namespace fenqi::program {

// Puts instructions of one operation next to each other, as far as what they read allows: the
// machine then chooses an operation once for a whole row of them, which the processor foresees.
// Results do not depend on the order, because every register is written once, before it is read;
// only which instruction finds the request's budget spent does.
//
// `code` was checked; its registers are below `register_count`. n log n in its length.
void schedule(std::vector<Instruction>& code, std::uint32_t register_count);

}  // namespace fenqi::program
