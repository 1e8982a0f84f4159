// CEL's string functions. Positions and lengths count Unicode code points. Inputs are valid UTF-8.
//
// Cost: linear in the operands' bytes. A result of more than kMaxStringBytes is an error.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/scratch.h"
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
// The first `limit` occurrences, or all where it is negative.
// A search for each occurrence makes it dearer than a pass over the bytes: see work_of_replacing.
Value replace(std::string_view text, std::string_view part, std::string_view with, Arena& arena,
              std::int64_t limit = -1);
Value reverse(std::string_view text, Arena& arena);
// In double quotes, with escapes for what cannot stand between them on one line.
Value quote(std::string_view text, Arena& arena);

// The parts of `text` between the separators, at most `limit` where it is not negative, of which
// the last is all that is left. An empty separator stands between all code points. A list.
Value split(std::string_view text, std::string_view separator, std::int64_t limit,
            Scratch& scratch);
// kNoOverload where `list` holds anything but strings.
Value join(const Value& list, std::string_view separator, Scratch& scratch);

// Units of the budget for replace().
inline std::uint64_t work_of_replacing(const Value& text, const Value& part) {
  return 4 * (std::uint64_t{1} + text.size) + part.size / 16;
}

bool contains(std::string_view text, std::string_view part);

}  // namespace fenqi::program
