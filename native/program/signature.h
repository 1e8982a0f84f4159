// What kinds of values an operation reads and makes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "base/value.h"

namespace fenqi::program {

// What an instruction's words mean beyond its registers.
enum class Extra : std::uint8_t {
  kNothing,
  kSet,          // b is a set
  kBinning,      // b is a binning
  kArguments,    // arguments[b] .. hold c registers
  kPairs,        // arguments[b] .. hold 2 * c registers
  kMakeMessage,  // a is a message type, arguments[b] .. hold c times field, register, 0 or 1
  kMessageType,  // b is a message type
  kBlock,        // c is a block
  kFour,         // arguments[a] .. hold four registers: string, string, string, int
};

// Kind::kNone as an operand is "any", as the result "that of the second operand" (conditional) or
// "that of the first" (default). Registers are a, b, c in this order.
struct Signature {
  int operands = 0;
  std::array<Kind, 3> reads{Kind::kNone, Kind::kNone, Kind::kNone};
  Kind makes = Kind::kNone;
  Extra extra = Extra::kNothing;
};

// Nothing where there is no such operation.
std::optional<Signature> signature_of(std::uint32_t operation);

}  // namespace fenqi::program
