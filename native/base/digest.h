// SHA-256: lists that hold hashes instead of what they are about, quotes that a token names.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace fenqi {

using Digest = std::array<std::uint8_t, 32>;

// Of `salt` and then `text`. Takes memory from the heap only the first time that a thread calls it.
Digest sha256(std::string_view salt, std::string_view text);

}  // namespace fenqi
