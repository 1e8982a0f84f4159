// CEL's string functions. Positions and lengths count Unicode code points. Inputs are valid UTF-8.
//
// Cost: linear in the operands' bytes. A result of more than kMaxStringBytes is an error.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/value.h"

namespace fenqi::program {

inline constexpr std::size_t kMaxStringBytes = 64 * 1024;

std::int64_t code_points(std::string_view text);

// Each gives a value, or an error without a place; the caller adds the place.
Value concat(std::string_view a, std::string_view b, Arena& arena);
Value char_at(std::string_view text, std::int64_t position);
Value index_of(std::string_view text, std::string_view part, std::int64_t from);
Value last_index_of(std::string_view text, std::string_view part);
Value last_index_of_from(std::string_view text, std::string_view part, std::int64_t from);
Value lower_ascii(std::string_view text, Arena& arena);
Value upper_ascii(std::string_view text, Arena& arena);
Value trim(std::string_view text);
Value substring(std::string_view text, std::int64_t from, std::int64_t to);
Value replace(std::string_view text, std::string_view part, std::string_view with, Arena& arena);
Value reverse(std::string_view text, Arena& arena);

bool contains(std::string_view text, std::string_view part);

}  // namespace fenqi::program
