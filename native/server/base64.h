// Base64 as gRPC uses it for "-bin" metadata: written without padding, read with or without.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace fenqi::server {

std::string base64_encode(std::string_view bytes);
// Nothing when `text` is not base64 (RFC 4648, standard alphabet).
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace fenqi::server
