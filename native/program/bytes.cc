#include "program/bytes.h"

#include <array>
#include <cstdint>

#include "program/strings.h"
#include "wire/utf8.h"

namespace fenqi::program {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

// What a character stands for.
constexpr std::uint8_t kPadding = 64;
constexpr std::uint8_t kSpace = 65;
constexpr std::uint8_t kOther = 66;

constexpr std::array<std::uint8_t, 256> digits() {
  std::array<std::uint8_t, 256> out{};
  out.fill(kOther);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    out[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  for (const char c : {'=', '.'}) out[static_cast<unsigned char>(c)] = kPadding;
  for (const char c : {' ', '\t', '\n', '\v', '\f', '\r'}) {
    out[static_cast<unsigned char>(c)] = kSpace;
  }
  return out;
}
constexpr std::array<std::uint8_t, 256> kDigits = digits();

}  // namespace

Value concat_bytes(std::string_view a, std::string_view b, Arena& arena) {
  const Value joined = concat(a, b, arena);
  return joined.is_ok() ? Value::of_bytes(joined.text()) : joined;
}

Value bytes_to_string(std::string_view bytes) {
  if (!wire::is_utf8(bytes)) return Value::of_error(ErrorCode::kUnreadable, 0);
  return Value::of_string(bytes);
}

Value base64_encode(std::string_view bytes, Arena& arena) {
  const std::size_t size = (bytes.size() + 2) / 3 * 4;
  if (size > kMaxStringBytes) return Value::of_error(ErrorCode::kTooLarge, 0);
  char* const out = arena.take(size);
  char* to = out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const auto byte = [&](std::size_t i) -> std::uint32_t {
      return at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0;
    };
    const std::uint32_t bits = byte(0) << 16 | byte(1) << 8 | byte(2);
    for (std::size_t i = 0; i < 4; ++i) {
      *to++ = at + i > bytes.size() ? '=' : kAlphabet[bits >> (18 - 6 * i) & 63];
    }
  }
  return Value::of_string({out, size});
}

Value base64_decode(std::string_view text, Arena& arena) {
  char* const out = arena.take(text.size() / 4 * 3 + 3);
  char* to = out;
  std::uint32_t bits = 0;
  std::size_t digits = 0;
  std::size_t padding = 0;
  for (const char c : text) {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(c)];
    if (digit == kSpace) continue;
    if (digit == kPadding) {
      ++padding;
      continue;
    }
    if (digit == kOther || padding > 0) return Value::of_error(ErrorCode::kUnreadable, 0);
    bits = bits << 6 | digit;
    if (++digits % 4 == 0) {
      *to++ = static_cast<char>(bits >> 16);
      *to++ = static_cast<char>(bits >> 8);
      *to++ = static_cast<char>(bits);
    }
  }
  // The last group: 2 characters are a byte, 3 are two bytes; the padding, if any, fills it up.
  const std::size_t rest = digits % 4;
  const bool padded = padding == 0 || (rest > 0 && rest + padding == 4);
  if (rest == 1 || !padded) return Value::of_error(ErrorCode::kUnreadable, 0);
  if (rest == 2) *to++ = static_cast<char>(bits >> 4);
  if (rest == 3) {
    *to++ = static_cast<char>(bits >> 10);
    *to++ = static_cast<char>(bits >> 2);
  }
  return Value::of_bytes({out, static_cast<std::size_t>(to - out)});
}

}  // namespace fenqi::program
