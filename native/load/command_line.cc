#include "load/command_line.h"

#include <charconv>
#include <string_view>

#include "wire/delimited.h"

namespace fenqi::load {

const char* const kUsage =
    "loadgen: sends unary gRPC calls at a given rate and measures from when each was due\n"
    "\n"
    "  --target HOST:PORT   numeric address, or unix:PATH (127.0.0.1:8443)\n"
    "  --path PATH          method (/fenqi.v1.Scoring/Score)\n"
    "  --requests FILE      messages, each after its length as a varint; sent in turn\n"
    "  --answers FILE       what they may be answered with, likewise: as many for each, in order;\n"
    "                       others are counted as mixed\n"
    "  --rate N             arrivals a second, a Poisson process (1000)\n"
    "  --closed             no rate: every stream sends again as soon as it has its answer\n"
    "  --duration S         measured seconds (10)\n"
    "  --warmup S           seconds before that (1)\n"
    "  --connections N      (8)\n"
    "  --streams N          open at once on each connection (16)\n"
    "  --cpu N              the processor to run on (any)\n"
    "  --timeout S          an answer later than this is an error (10)\n"
    "  --seed N             of the arrivals (1)\n"
    "  --json FILE          the report as JSON; - for standard output\n";

namespace {

Status bad(const std::string& what) {
  return error(StatusCode::kInvalidArgument, what);
}

template <typename Number>
Status read_number(const std::string& flag, std::string_view text, Number& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem == std::errc() && end == text.data() + text.size()) return {};
  return bad(flag + ": " + std::string(text) + " is no number");
}

Status apply(CommandLine& line, const std::string& flag, const std::string& value) {
  LoadOptions& options = line.options;
  if (flag == "--target") {
    options.target = value;
  } else if (flag == "--path") {
    options.path = value;
  } else if (flag == "--json") {
    line.json = value;
  } else if (flag == "--rate") {
    return read_number(flag, value, options.rate);
  } else if (flag == "--duration") {
    return read_number(flag, value, options.duration_s);
  } else if (flag == "--warmup") {
    return read_number(flag, value, options.warmup_s);
  } else if (flag == "--timeout") {
    return read_number(flag, value, options.timeout_s);
  } else if (flag == "--connections") {
    return read_number(flag, value, options.connections);
  } else if (flag == "--streams") {
    return read_number(flag, value, options.streams);
  } else if (flag == "--cpu") {
    return read_number(flag, value, options.cpu);
  } else if (flag == "--seed") {
    return read_number(flag, value, options.seed);
  } else if (flag == "--requests") {
    auto requests = wire::read_delimited_file(value);
    if (!requests.ok()) return requests.status();
    options.requests = std::move(requests.value());
  } else if (flag == "--answers") {
    auto answers = wire::read_delimited_file(value);
    if (!answers.ok()) return answers.status();
    options.answers = std::move(answers.value());
  } else {
    return bad("unknown option " + flag + "; --help lists them");
  }
  return {};
}

}  // namespace

Result<CommandLine> parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  for (int i = 1; i < argc; ++i) {
    std::string flag = argv[i];
    std::string value;
    if (flag == "--help") {
      line.help = true;
      return line;
    }
    if (flag == "--closed") {
      line.options.closed = true;
      continue;
    }
    if (const std::size_t equals = flag.find('='); equals != std::string::npos) {
      value = flag.substr(equals + 1);
      flag.resize(equals);
    } else if (i + 1 < argc) {
      value = argv[++i];
    } else {
      return bad(flag + " needs a value; --help lists the options");
    }
    if (Status s = apply(line, flag, value); !s.ok()) return s;
  }
  return line;
}

}  // namespace fenqi::load
