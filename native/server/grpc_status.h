// How a Status is written into trailers: percent-encoded grpc-message, and google.rpc.Status with
// google.rpc.BadRequest in grpc-status-details-bin.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace fenqi::server {

// Everything outside printable ASCII, and '%', becomes %XX.
std::string percent_encode(std::string_view text);
// "%XX" back into bytes; what is not a valid escape stays as it is.
std::string percent_decode(std::string_view text);

// `message`, cut between two characters at 1,024 bytes: an ordinary client's header list is 8 KiB.
std::string_view cut_message(std::string_view message);

// The bytes (not base64) of google.rpc.Status with one detail, a BadRequest that lists the
// violations: as many of them, from the first, as an ordinary client's header list has room for.
// Bytes that are not UTF-8 would make the message unreadable and become '?'.
std::string status_details(const Status& status);

}  // namespace fenqi::server
