#include "program/strings.h"

#include <algorithm>
#include <cstring>

#include "program/list_builder.h"
#include "program/text_builder.h"

namespace fenqi::program {
namespace {

Value out_of_range() {
  return Value::of_error(ErrorCode::kOutOfRange, 0);
}
Value too_large() {
  return Value::of_error(ErrorCode::kTooLarge, 0);
}

bool is_continuation(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) == 0x80;
}

std::size_t sequence_length(char lead) {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

constexpr std::size_t kOutside = static_cast<std::size_t>(-1);

// Byte offset of code point `position` from byte `start` on; the end counts as a position.
std::size_t offset_of(std::string_view text, std::int64_t position, std::size_t start = 0) {
  if (position < 0) return kOutside;
  std::size_t at = start;
  for (; position > 0; --position) {
    if (at >= text.size()) return kOutside;
    at += sequence_length(text[at]);
  }
  return at;
}

Value position_value(std::string_view text, std::size_t offset) {
  return Value::of_int(offset == std::string_view::npos ? -1 : code_points(text.substr(0, offset)));
}

std::size_t find_part(std::string_view text, std::string_view part, std::size_t from) {
  if (part.empty()) return from;
  if (part.size() > text.size() - from) return std::string_view::npos;
  // memmem searches in linear time, whatever the strings are.
  const void* at = memmem(text.data() + from, text.size() - from, part.data(), part.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

// Start of the last occurrence of `part` at or before byte `limit`, found going forward so that the
// cost stays linear.
std::size_t find_last(std::string_view text, std::string_view part, std::size_t limit) {
  if (part.empty()) return limit;
  // The last match lies behind every earlier one; search the window in halves from the back, so
  // that text with many matches does not cost a search for each.
  std::size_t end = limit + part.size() < text.size() ? limit + part.size() : text.size();
  std::size_t begin = end;
  std::size_t window = 2 * part.size();
  for (;;) {
    begin = end > window ? end - window : 0;
    std::size_t found = std::string_view::npos;
    std::size_t at = begin;
    const std::string_view head = text.substr(0, end);
    if (const std::size_t first = find_part(head, part, at); first != std::string_view::npos) {
      for (std::size_t next = first; next != std::string_view::npos;
           next = find_part(head, part, next + 1)) {
        found = next;
      }
      return found;
    }
    if (begin == 0) return std::string_view::npos;
    window *= 2;
  }
}

// White space of the Unicode property, as CEL trims it.
bool is_space(std::uint32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

std::uint32_t code_point_at(std::string_view text, std::size_t at) {
  const std::size_t length = sequence_length(text[at]);
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  switch (length) {
    case 1:
      return byte(0);
    case 2:
      return (byte(0) & 0x1fu) << 6 | (byte(1) & 0x3fu);
    case 3:
      return (byte(0) & 0x0fu) << 12 | (byte(1) & 0x3fu) << 6 | (byte(2) & 0x3fu);
    default:
      return (byte(0) & 0x07u) << 18 | (byte(1) & 0x3fu) << 12 | (byte(2) & 0x3fu) << 6 |
             (byte(3) & 0x3fu);
  }
}

template <typename Map>
Value map_bytes(std::string_view text, Arena& arena, Map map) {
  char* out = arena.take(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) out[i] = map(text[i]);
  return Value::of_string({out, text.size()});
}

// Appends to a string of known size.
struct Appender {
  char* at;
  void add(std::string_view text) {
    if (!text.empty()) std::memcpy(at, text.data(), text.size());
    at += text.size();
  }
};

}  // namespace

std::int64_t code_points(std::string_view text) {
  std::int64_t count = 0;
  for (const char byte : text) count += is_continuation(byte) ? 0 : 1;
  return count;
}

Value concat(std::string_view a, std::string_view b, Arena& arena) {
  const std::size_t size = a.size() + b.size();
  if (size > kMaxStringBytes) return too_large();
  char* out = arena.take(size);
  Appender appender{out};
  appender.add(a);
  appender.add(b);
  return Value::of_string({out, size});
}

Value char_at(std::string_view text, std::int64_t position) {
  const std::size_t at = offset_of(text, position);
  if (at == kOutside) return out_of_range();
  if (at == text.size()) return Value::of_string({text.data() + at, 0});
  return Value::of_string(text.substr(at, sequence_length(text[at])));
}

Value index_of(std::string_view text, std::string_view part, std::int64_t from) {
  const std::size_t start = offset_of(text, from);
  if (start == kOutside) return out_of_range();
  return position_value(text, find_part(text, part, start));
}

Value last_index_of(std::string_view text, std::string_view part) {
  if (part.size() > text.size()) return Value::of_int(-1);
  return position_value(text, find_last(text, part, text.size()));
}

Value last_index_of_from(std::string_view text, std::string_view part, std::int64_t from) {
  const std::size_t limit = offset_of(text, from);
  if (limit == kOutside) return out_of_range();
  if (part.size() > text.size()) return Value::of_int(-1);
  return position_value(text, find_last(text, part, limit));
}

Value lower_ascii(std::string_view text, Arena& arena) {
  return map_bytes(text, arena, [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
}

Value upper_ascii(std::string_view text, Arena& arena) {
  return map_bytes(text, arena, [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
}

Value trim(std::string_view text) {
  std::size_t begin = 0;
  while (begin < text.size() && is_space(code_point_at(text, begin))) {
    begin += sequence_length(text[begin]);
  }
  std::size_t end = text.size();
  while (end > begin) {
    std::size_t last = end - 1;
    while (is_continuation(text[last])) --last;
    if (!is_space(code_point_at(text, last))) break;
    end = last;
  }
  return Value::of_string(text.substr(begin, end - begin));
}

Value substring(std::string_view text, std::int64_t from, std::int64_t to) {
  if (to < from) return out_of_range();
  const std::size_t begin = offset_of(text, from);
  if (begin == kOutside) return out_of_range();
  const std::size_t end = offset_of(text, to - from, begin);
  if (end == kOutside) return out_of_range();
  return Value::of_string(text.substr(begin, end - begin));
}

Value replace(std::string_view text, std::string_view part, std::string_view with, Arena& arena,
              std::int64_t limit) {
  const std::uint64_t most = limit < 0 ? UINT64_MAX : static_cast<std::uint64_t>(limit);
  // Where `part` is empty, `with` goes before every code point and to the end.
  const auto next = [&](std::size_t from) { return find_part(text, part, from); };
  const auto step = [&](std::size_t at) {
    return part.empty() ? (at < text.size() ? sequence_length(text[at]) : 1) : part.size();
  };
  std::size_t count = 0;
  for (std::size_t at = next(0); count < most && at <= text.size();
       at += step(at), at = at <= text.size() ? next(at) : at) {
    ++count;
  }
  const std::size_t size = text.size() + count * with.size() - count * part.size();
  if (size > kMaxStringBytes) return too_large();
  char* out = arena.take(size);
  Appender appender{out};
  std::size_t copied = 0;
  std::size_t at = next(0);
  for (std::size_t done = 0; done < count; ++done) {
    appender.add(text.substr(copied, at - copied));
    appender.add(with);
    copied = at + part.size();
    at += step(at);
    if (at <= text.size()) at = next(at);
  }
  appender.add(text.substr(copied));
  return Value::of_string({out, size});
}

Value reverse(std::string_view text, Arena& arena) {
  char* out = arena.take(text.size());
  char* to = out + text.size();
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = sequence_length(text[at]);
    to -= length;
    std::memcpy(to, text.data() + at, length);
    at += length;
  }
  return Value::of_string({out, text.size()});
}

Value quote(std::string_view text, Arena& arena) {
  constexpr std::string_view kEscaped = "\a\b\f\n\r\t\v\\\"";
  constexpr std::string_view kLetters = "abfnrtv\\\"";
  TextBuilder out(arena);
  out.add('"');
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t escape = std::min(text.find_first_of(kEscaped, at), text.size());
    out.add(text.substr(at, escape - at));
    if (escape < text.size()) {
      out.add('\\');
      out.add(kLetters[kEscaped.find(text[escape])]);
    }
    at = escape + 1;
  }
  out.add('"');
  return out.finish();
}

Value split(std::string_view text, std::string_view separator, std::int64_t limit,
            Scratch& scratch) {
  ListBuilder parts(scratch);
  if (!scratch.budget.spend_bytes(text.size())) return Value::of_error(ErrorCode::kBudget, 0);
  for (std::int64_t left = limit; left != 0; --left) {
    std::size_t at = std::string_view::npos;
    if (left == 1) {
      // All that is left.
    } else if (!separator.empty()) {
      at = find_part(text, separator, 0);
    } else if (!text.empty() && sequence_length(text[0]) < text.size()) {
      at = sequence_length(text[0]);
    }
    if (!parts.add(Value::of_string(text.substr(0, at))) || at == std::string_view::npos) break;
    text.remove_prefix(at + separator.size());
  }
  return parts.finish();
}

Value join(const Value& list, std::string_view separator, Scratch& scratch) {
  TextBuilder out(scratch.arena);
  for (std::uint32_t i = 0; i < list.size && !out.is_too_large(); ++i) {
    const Value& part = list.list[i];
    if (part.kind != Kind::kString) return Value::of_error(ErrorCode::kNoOverload, 0);
    if (!scratch.budget.spend_bytes(separator.size() + part.size)) {
      return Value::of_error(ErrorCode::kBudget, 0);
    }
    if (i > 0) out.add(separator);
    out.add(part.text());
  }
  return out.finish();
}

bool contains(std::string_view text, std::string_view part) {
  return find_part(text, part, 0) != std::string_view::npos;
}

}  // namespace fenqi::program
