// The grpc-timeout header: at most eight digits and a unit.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace fenqi::server {

// "20m" -> 20,000,000 (ns). Nothing when malformed. Never overflows: 99999999H is 3.6e20 ns and is
// cut to the largest value.
std::optional<std::int64_t> parse_grpc_timeout(std::string_view text);

}  // namespace fenqi::server
