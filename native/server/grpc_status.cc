#include "server/grpc_status.h"

#include <cstddef>
#include <cstdint>

#include "wire/writer.h"

namespace fenqi::server {
namespace {

constexpr std::size_t kMaxMessage = 1024;
constexpr std::size_t kMaxViolations = 3072;

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

// The length of the UTF-8 sequence at the start of `text`; 0 when there is none.
std::size_t utf8_sequence(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  if (lead == 0xe0 && byte(1) < 0xa0) return 0;  // overlong
  if (lead == 0xed && byte(1) > 0x9f) return 0;  // surrogate
  if (lead == 0xf0 && byte(1) < 0x90) return 0;  // overlong
  if (lead == 0xf4 && byte(1) > 0x8f) return 0;  // past U+10FFFF
  return length;
}

std::string as_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) {
      out.push_back('?');
      text.remove_prefix(1);
    } else {
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<std::uint8_t>(c);
    if (byte >= 0x20 && byte <= 0x7e && byte != '%') {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 0xf]);
    }
  }
  return out;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && text.size() - i > 2) {
      const int high = hex_value(text[i + 1]);
      const int low = hex_value(text[i + 2]);
      if (high >= 0 && low >= 0) {
        out.push_back(static_cast<char>(high << 4 | low));
        i += 2;
        continue;
      }
    }
    out.push_back(text[i]);
  }
  return out;
}

std::string_view cut_message(std::string_view message) {
  if (message.size() <= kMaxMessage) return message;
  std::size_t end = kMaxMessage;
  while (end > 0 && (static_cast<std::uint8_t>(message[end]) & 0xc0) == 0x80) --end;
  return message.substr(0, end);
}

std::string status_details(const Status& status) {
  wire::MessageWriter bad_request;
  for (const FieldViolation& violation : status.violations) {
    wire::MessageWriter entry;
    entry.string(1, as_utf8(cut_message(violation.field)));
    entry.string(2, as_utf8(cut_message(violation.description)));
    if (bad_request.text().size() + entry.text().size() > kMaxViolations) break;
    bad_request.string(1, entry.text());
  }
  wire::MessageWriter any;
  any.string(1, "type.googleapis.com/google.rpc.BadRequest");
  any.string(2, bad_request.text());
  wire::MessageWriter out;
  out.uint(1, static_cast<std::uint64_t>(status.code));
  out.string(2, as_utf8(cut_message(status.message)));
  out.string(3, any.text());
  return std::string(out.text());
}

}  // namespace fenqi::server
