// The bit operations of CEL's math extension on 64-bit integers. The other operations of them are
// C++'s own & | ^ ~.
#pragma once

#include <cstdint>

#include "base/value.h"

namespace fenqi::program {

// Zeros come in, also from the left and into the sign; from 64 places on, nothing is left.
// kBadArgument where `places` is negative, without a place.
Value shift_left(std::int64_t bits, std::int64_t places);
Value shift_left(std::uint64_t bits, std::int64_t places);
Value shift_right(std::int64_t bits, std::int64_t places);
Value shift_right(std::uint64_t bits, std::int64_t places);

}  // namespace fenqi::program
