// Files of messages, each after its length as a varint: what load generators and benchmarks send.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace fenqi::wire {

// The messages of the file at `path`. Fails with INVALID_ARGUMENT where it cannot be read or is
// cut short.
Result<std::vector<std::vector<std::uint8_t>>> read_delimited_file(const std::string& path);

}  // namespace fenqi::wire
