// CEL's functions on bytes, and between bytes and text.
//
// Each gives a value, or an error without a place. Cost: linear in the bytes.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/value.h"

namespace fenqi::program {

// kTooLarge above kMaxStringBytes.
Value concat_bytes(std::string_view a, std::string_view b, Arena& arena);

// The same bytes as a string; kUnreadable where they are not UTF-8.
Value bytes_to_string(std::string_view bytes);

// RFC 4648's base64 with padding. kTooLarge above kMaxStringBytes.
Value base64_encode(std::string_view bytes, Arena& arena);

// As cel-cpp reads it: with or without the padding, "." for "=", white space anywhere, and bits
// left over in the last character of no account. Bytes; kUnreadable.
Value base64_decode(std::string_view text, Arena& arena);

}  // namespace fenqi::program
