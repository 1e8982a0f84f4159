// How long does an exact explanation of a forest take, for one row on one thread?
//
//   explanation_bench --forest FILE --reference FILE --rows FILE --columns N
//                     [--seconds 4] [--parts FILE]
//
// The forest is a serialized fenqi.internal.v1.Forest with one target; reference and rows are
// float32, row after row. Prints one JSON object: `load_ms`, `table_mib`, `list_mib`, and of a row
// `p50_ns`, `p99_ns`. Writes the parts of all rows, doubles, to the file that is named.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <numeric>
#include <string>
#include <vector>

#include "base/tool.h"
#include "models/forest.h"
#include "models/tree_explanation.h"

namespace {

using fenqi::Tool;
using fenqi::models::Forest;
using fenqi::models::TreeExplanation;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string forest, reference, rows, parts;
  std::size_t columns = 0;
  double seconds = 4.0;
};

const fenqi::Tool kTool("explanation_bench");

Options parse(int argc, char** argv) {
  Options options;
  kTool.read_flags(argc, argv,
                   {{"--forest", Tool::into(options.forest)},
                    {"--reference", Tool::into(options.reference)},
                    {"--rows", Tool::into(options.rows)},
                    {"--parts", Tool::into(options.parts)},
                    {"--columns", Tool::into(options.columns)},
                    {"--seconds", Tool::into(options.seconds)}});
  if (options.columns == 0) kTool.fail("--columns is needed");
  return options;
}

double milliseconds(Clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const auto forest = Forest::load(kTool.read_file<std::uint8_t>(options.forest));
  if (!forest.ok()) kTool.fail(forest.status().message);
  const auto reference = kTool.read_file<float>(options.reference);
  const auto rows = kTool.read_file<float>(options.rows);
  if (reference.empty() || rows.empty()) kTool.fail("reference and rows hold nothing");
  std::vector<std::uint32_t> players(options.columns);
  std::iota(players.begin(), players.end(), 0u);
  const double weight = 1.0;
  const auto before = Clock::now();
  const auto built = TreeExplanation::build({forest.value(),
                                             {&weight, 1},
                                             players,
                                             static_cast<std::uint32_t>(options.columns),
                                             reference});
  if (!built.ok()) kTool.fail(built.status().message);
  const double load_ms = milliseconds(Clock::now() - before);
  const TreeExplanation& explanation = built.value();

  TreeExplanation::Scratch scratch(explanation);
  std::vector<double> parts(rows.size());
  std::vector<std::uint64_t> taken;
  const std::size_t count = rows.size() / options.columns;
  const auto end = Clock::now() + std::chrono::duration<double>(options.seconds);
  // The first round only warms up.
  for (std::size_t i = 0; i < 2 * count || Clock::now() < end; ++i) {
    const std::size_t at = i % count * options.columns;
    const auto start = Clock::now();
    explanation.explain({rows.data() + at, options.columns}, scratch,
                        {parts.data() + at, options.columns});
    if (i < count) continue;
    taken.push_back(static_cast<std::uint64_t>((Clock::now() - start).count()));
  }
  if (!options.parts.empty()) {
    std::ofstream(options.parts, std::ios::binary)
        .write(reinterpret_cast<const char*>(parts.data()),
               static_cast<std::streamsize>(parts.size() * sizeof(double)));
  }
  std::sort(taken.begin(), taken.end());
  constexpr double kMib = 1024.0 * 1024.0;
  std::printf(
      "{\"load_ms\": %.1f, \"table_mib\": %.2f, \"list_mib\": %.2f, \"p50_ns\": %llu, "
      "\"p99_ns\": %llu}\n",
      load_ms, static_cast<double>(explanation.table_bytes()) / kMib,
      static_cast<double>(explanation.list_bytes()) / kMib,
      static_cast<unsigned long long>(taken[taken.size() / 2]),
      static_cast<unsigned long long>(taken[taken.size() * 99 / 100]));
}
