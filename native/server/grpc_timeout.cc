#include "server/grpc_timeout.h"

#include <limits>

namespace fenqi::server {
namespace {

std::int64_t unit_ns(char unit) {
  switch (unit) {
    case 'H':
      return 3'600'000'000'000;
    case 'M':
      return 60'000'000'000;
    case 'S':
      return 1'000'000'000;
    case 'm':
      return 1'000'000;
    case 'u':
      return 1'000;
    case 'n':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::optional<std::int64_t> parse_grpc_timeout(std::string_view text) {
  constexpr std::size_t kMaxDigits = 8;
  if (text.size() < 2 || text.size() > kMaxDigits + 1) return std::nullopt;
  const std::int64_t unit = unit_ns(text.back());
  if (unit == 0) return std::nullopt;
  std::int64_t value = 0;
  for (const char c : text.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  return value > kMax / unit ? kMax : value * unit;
}

}  // namespace fenqi::server
