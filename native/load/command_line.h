// The load generator's flags.
#pragma once

#include <string>

#include "base/result.h"
#include "load/load.h"

namespace fenqi::load {

struct CommandLine {
  LoadOptions options;
  std::string json;  // where the report goes as JSON: a path, "-" for standard output, or empty
  bool help = false;
};

extern const char* const kUsage;

// Fails with INVALID_ARGUMENT for unknown flags, values that are no numbers, and a requests file
// that cannot be read or is cut short.
Result<CommandLine> parse_command_line(int argc, const char* const* argv);

}  // namespace fenqi::load
