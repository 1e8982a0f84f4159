#include "program/conversions.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <system_error>

namespace fenqi::program {
namespace {

Value out_of_range() {
  return Value::of_error(ErrorCode::kOutOfRange, 0);
}
Value unreadable() {
  return Value::of_error(ErrorCode::kUnreadable, 0);
}

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

// Numbers may have ASCII white space around them and one sign before them.
std::string_view strip(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  return text;
}

template <typename Integer>
bool parse_integer(std::string_view text, Integer& out) {
  text = without_plus(strip(text));
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc() && end == text.data() + text.size();
}

// Whether a number other than zero is above one, from how many digits its first one stands before
// the point, or zeros behind it, and its exponent. Exact enough for what no double holds.
bool is_above_one(std::string_view number, bool hexadecimal) {
  const std::size_t marker = number.find_first_of(hexadecimal ? "pP" : "eE");
  const std::string_view digits = number.substr(0, marker);
  const auto point = static_cast<std::int64_t>(std::min(digits.find('.'), digits.size()));
  const auto first = static_cast<std::int64_t>(digits.find_first_not_of("0."));
  std::int64_t exponent = 0;
  if (marker != std::string_view::npos) {
    const std::string_view text = without_plus(number.substr(marker + 1));
    const bool fits =
        std::from_chars(text.data(), text.data() + text.size(), exponent).ec == std::errc();
    constexpr std::int64_t kBeyond = 1 << 30;  // any text is shorter
    if (!fits || std::abs(exponent) > kBeyond) return text[0] != '-';
  }
  return (point - first) * (hexadecimal ? 4 : 1) + exponent > 0;
}

Value copy(const char* text, std::size_t size, Arena& arena) {
  char* out = arena.take(size);
  std::memcpy(out, text, size);
  return Value::of_string({out, size});
}

template <typename Integer>
Value integer_to_string(Integer x, Arena& arena) {
  char text[24];
  const auto [end, problem] = std::to_chars(text, text + sizeof text, x);
  (void)problem;  // 24 bytes hold every 64-bit integer
  return copy(text, static_cast<std::size_t>(end - text), arena);
}

}  // namespace

// The bounds are the powers of two themselves, which CEL excludes on both sides.
Value double_to_int(double x) {
  if (!(x > -0x1p63 && x < 0x1p63)) return out_of_range();
  return Value::of_int(static_cast<std::int64_t>(x));
}

Value double_to_uint(double x) {
  if (!(x >= 0.0 && x < 0x1p64)) return out_of_range();
  return Value::of_uint(static_cast<std::uint64_t>(x));
}

Value string_to_int(std::string_view text) {
  std::int64_t x = 0;
  return parse_integer(text, x) ? Value::of_int(x) : unreadable();
}

Value string_to_uint(std::string_view text) {
  std::uint64_t x = 0;
  return parse_integer(text, x) ? Value::of_uint(x) : unreadable();
}

// Decimal or hexadecimal, "inf", "infinity" or "nan" in any case; a number too large is infinite,
// one too small is zero, as cel-cpp reads them.
Value string_to_double(std::string_view text) {
  text = without_plus(strip(text));
  bool negative = !text.empty() && text[0] == '-';
  std::string_view digits = negative ? text.substr(1) : text;
  const bool hexadecimal =
      digits.size() > 2 && digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
  if (hexadecimal) digits.remove_prefix(2);
  if (digits.empty() || digits[0] == '-' || digits[0] == '+') return unreadable();
  double x = 0.0;
  const char* const last = digits.data() + digits.size();
  const auto [end, problem] = std::from_chars(
      digits.data(), last, x, hexadecimal ? std::chars_format::hex : std::chars_format::general);
  if (end != last) return unreadable();
  if (problem == std::errc::invalid_argument) return unreadable();
  // Which way it went, from_chars does not say.
  if (problem == std::errc::result_out_of_range) {
    x = is_above_one(digits, hexadecimal) ? std::numeric_limits<double>::infinity() : 0.0;
  }
  return Value::of_double(negative ? -x : x);
}

Value string_to_bool(std::string_view text) {
  for (const std::string_view yes : {"true", "True", "TRUE", "t", "1"}) {
    if (text == yes) return Value::of_bool(true);
  }
  for (const std::string_view no : {"false", "False", "FALSE", "f", "0"}) {
    if (text == no) return Value::of_bool(false);
  }
  return unreadable();
}

Value int_to_string(std::int64_t x, Arena& arena) {
  return integer_to_string(x, arena);
}

Value uint_to_string(std::uint64_t x, Arena& arena) {
  return integer_to_string(x, arena);
}

// The shortest digits that read back as x; scientific from 1e6 up and below 1e-4.
Value double_to_string(double x, Arena& arena) {
  if (std::isnan(x)) return std::signbit(x) ? copy("-nan", 4, arena) : copy("nan", 3, arena);
  if (std::isinf(x)) return x > 0 ? copy("inf", 3, arena) : copy("-inf", 4, arena);
  const double size = std::fabs(x);
  const bool fixed = size == 0.0 || (size >= 1e-4 && size < 1e6);
  char text[64];
  const auto [end, problem] =
      std::to_chars(text, text + sizeof text, x,
                    fixed ? std::chars_format::fixed : std::chars_format::scientific);
  (void)problem;  // the shortest form of a double is at most 24 characters
  return copy(text, static_cast<std::size_t>(end - text), arena);
}

}  // namespace fenqi::program
