// What kinds of values an operation reads and makes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/value.h"

namespace fenqi::program {

// Kind::kNone as an operand is "any", as the result "that of the second operand" (conditional) or
// "that of the first" (default).
struct Signature {
  int operands = 0;
  std::array<Kind, 3> reads{Kind::kNone, Kind::kNone, Kind::kNone};
  Kind makes = Kind::kNone;
};

// Nothing where there is no such operation.
std::optional<Signature> signature_of(std::uint32_t operation);

}  // namespace fenqi::program
