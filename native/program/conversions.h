// CEL's conversions between scalars. Each gives a value, or an error without a place.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/value.h"

namespace fenqi::program {

Value double_to_int(double x);
Value double_to_uint(double x);
Value string_to_int(std::string_view text);
Value string_to_uint(std::string_view text);
Value string_to_double(std::string_view text);
Value string_to_bool(std::string_view text);
Value int_to_string(std::int64_t x, Arena& arena);
Value uint_to_string(std::uint64_t x, Arena& arena);
Value double_to_string(double x, Arena& arena);

}  // namespace fenqi::program
