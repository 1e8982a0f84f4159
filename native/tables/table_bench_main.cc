// How long does the index of a decision table take to find the row that holds?
//
//   table_bench --table FILE --inputs FILE [--count 1000000]
//
// The table is a serialized fenqi.internal.v1.DecisionTable whose inputs have the registers 0, 1,
// ...; a line of the inputs has a value for each, separated by tabs, nothing for missing. Prints
// one JSON object: how long loading took, the bytes of the index, for each line the row and
// nanoseconds when it is asked for `count` times in a row, and the mean over all lines asked in
// turn.
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "tables/decision_table.h"

namespace {

using fenqi::Arena;
using fenqi::Kind;
using fenqi::Value;
using fenqi::tables::DecisionTable;
using fenqi::tables::HitPolicy;
using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "table_bench: %s\n", message.c_str());
  std::exit(1);
}

double nanoseconds(Clock::time_point from) {
  return std::chrono::duration<double, std::nano>(Clock::now() - from).count();
}

std::vector<std::uint8_t> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read " + path);
  return std::vector<std::uint8_t>(std::istreambuf_iterator<char>(file),
                                   std::istreambuf_iterator<char>());
}

// A text stays a view into `text`.
Value to_value(const std::string& text, Kind kind) {
  if (text.empty()) return Value();
  switch (kind) {
    case Kind::kBool:
      return Value::of_bool(text == "true");
    case Kind::kInt:
      return Value::of_int(std::strtoll(text.c_str(), nullptr, 10));
    case Kind::kUint:
      return Value::of_uint(std::strtoull(text.c_str(), nullptr, 10));
    case Kind::kDouble:
      return Value::of_double(std::strtod(text.c_str(), nullptr));
    default:
      return Value::of_string(text);
  }
}

std::vector<std::vector<Value>> read_inputs(const std::string& path, const DecisionTable& table,
                                            std::deque<std::string>& texts) {
  std::ifstream file(path);
  if (!file) fail("cannot read " + path);
  std::vector<std::vector<Value>> lines;
  for (std::string line; std::getline(file, line);) {
    std::vector<Value>& values = lines.emplace_back();
    std::size_t begin = 0;
    for (const auto& input : table.inputs()) {
      const std::size_t end = line.find('\t', begin);
      texts.push_back(line.substr(begin, end - begin));
      values.push_back(to_value(texts.back(), input.kind));
      begin = end == std::string::npos ? line.size() : end + 1;
    }
  }
  if (lines.empty()) fail("the inputs file is empty");
  return lines;
}

// The row, or how many hold where the hit policy gives several; -1 where it is missing or an error.
std::int64_t ask(const DecisionTable& table, const std::vector<Value>& inputs, Arena& arena) {
  if (table.hit_policy() != HitPolicy::kAll) {
    const Value row = table.row(inputs, 0);
    return row.is_ok() ? row.i : -1;
  }
  arena.reset();
  const Value rows = table.rows(inputs, arena);
  return rows.is_ok() ? static_cast<std::int64_t>(rows.size) : -1;
}

}  // namespace

int main(int argc, char** argv) {
  std::string table_path;
  std::string inputs_path;
  std::uint64_t count = 1'000'000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--table") {
      table_path = argv[i + 1];
    } else if (flag == "--inputs") {
      inputs_path = argv[i + 1];
    } else if (flag == "--count") {
      count = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      fail("unknown option " + std::string(flag));
    }
  }
  if (table_path.empty() || inputs_path.empty() || count == 0) {
    fail("--table and --inputs are needed");
  }
  const std::vector<std::uint8_t> image = read_file(table_path);
  const auto start = Clock::now();
  const auto parsed = DecisionTable::parse(image);
  const double load = nanoseconds(start);
  if (!parsed.ok()) fail(parsed.status().message);
  const DecisionTable& table = parsed.value();
  std::deque<std::string> texts;
  const auto lines = read_inputs(inputs_path, table, texts);
  Arena arena;

  std::printf("{\"load_ms\": %.1f, \"index_bytes\": %zu, \"lines\": [", load / 1e6,
              table.index_bytes());
  std::int64_t checksum = 0;
  for (std::size_t line = 0; line < lines.size(); ++line) {
    const std::int64_t row = ask(table, lines[line], arena);
    const auto begin = Clock::now();
    for (std::uint64_t i = 0; i < count; ++i) checksum += ask(table, lines[line], arena);
    const double each = nanoseconds(begin) / static_cast<double>(count);
    std::printf("%s{\"row\": %" PRId64 ", \"ns\": %.1f}", line == 0 ? "" : ", ", row, each);
  }
  const auto begin = Clock::now();
  for (std::uint64_t i = 0; i < count; ++i) checksum += ask(table, lines[i % lines.size()], arena);
  const double mean = nanoseconds(begin) / static_cast<double>(count);
  std::printf("], \"in_turn_ns\": %.1f, \"checksum\": %" PRId64 "}\n", mean, checksum);
  return 0;
}
