#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "load/command_line.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using fenqi::load::parse_command_line;

namespace {

auto parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "loadgen");
  return parse_command_line(static_cast<int>(arguments.size()), arguments.data());
}

}  // namespace

TEST_CASE("options are read in both spellings") {
  const auto line = parse({"--rate", "2500.5", "--connections=3", "--closed", "--json", "-"});
  REQUIRE(line.ok());
  CHECK(line.value().options.rate == 2500.5);
  CHECK(line.value().options.connections == 3);
  CHECK(line.value().options.closed);
  CHECK(line.value().json == "-");
}

TEST_CASE("what is wrong with an option is said by its name") {
  CHECK(parse({"--rate", "fast"}).status().message == "--rate: fast is no number");
  CHECK(parse({"--duration"}).status().message.find("--duration needs a value") == 0);
  CHECK(parse({"--speed", "1"}).status().message.find("unknown option --speed") == 0);
  CHECK(parse({"--requests", "/no/such/file"}).status().message == "cannot read /no/such/file");
}

TEST_CASE("a run without requests or with a senseless rate is refused") {
  fenqi::load::LoadOptions options;
  CHECK_FALSE(fenqi::load::run(options).ok());
  options.requests = {{1}};
  options.rate = 0.0;
  CHECK_FALSE(fenqi::load::run(options).ok());
}
