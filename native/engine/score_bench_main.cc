// How long does the engine alone take for one application?
//
//   score_bench --image FILE --requests FILE --onnxruntime LIBRARY [--count 200000]
//
// Scores the requests (each a varint length and a serialized ScoreRequest) in turn on one thread,
// after a warm-up of a tenth, and prints one JSON object: for each stage p50, p99, p99.9 and the
// maximum in microseconds.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/tool.h"
#include "engine/engine.h"
#include "engine/scorer.h"
#include "wire/delimited.h"

namespace {

using fenqi::Tool;
using fenqi::engine::Bytes;

struct Options {
  std::string image;
  std::string requests;
  std::string onnxruntime;
  std::uint64_t count = 200000;
};

const fenqi::Tool kTool("score_bench");

Options parse(int argc, char** argv) {
  Options options;
  kTool.read_flags(argc, argv,
                   {{"--image", Tool::into(options.image)},
                    {"--requests", Tool::into(options.requests)},
                    {"--onnxruntime", Tool::into(options.onnxruntime)},
                    {"--count", Tool::into(options.count)}});
  if (options.image.empty() || options.requests.empty() || options.onnxruntime.empty()) {
    kTool.fail("--image, --requests and --onnxruntime are needed");
  }
  return options;
}

void print(const fenqi::engine::StageHistograms& stages, std::uint64_t count,
           std::uint64_t failed) {
  const auto us = [](std::uint64_t ns) { return static_cast<double>(ns) / 1000.0; };
  std::printf("{\"count\": %" PRIu64 ", \"failed\": %" PRIu64 ", \"stages\": {", count, failed);
  for (std::size_t i = 0; i < fenqi::engine::kStageCount; ++i) {
    const fenqi::Histogram& h = stages[i];
    std::printf(
        "%s\"%s\": {\"p50_us\": %.3f, \"p99_us\": %.3f, \"p999_us\": %.3f, \"max_us\": %.3f}",
        i == 0 ? "" : ", ", fenqi::engine::kStageNames[i], us(h.percentile(50.0)),
        us(h.percentile(99.0)), us(h.percentile(99.9)), us(h.max()));
  }
  std::printf("}}\n");
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  auto runtime = fenqi::models::OnnxRuntime::load(options.onnxruntime);
  if (!runtime.ok()) kTool.fail(runtime.status().message);
  const Bytes image = kTool.read_file<std::uint8_t>(options.image);
  auto release = fenqi::engine::Release::load(image, runtime.value());
  if (!release.ok()) kTool.fail(release.status().message);
  auto file = fenqi::wire::read_delimited_file(options.requests);
  if (!file.ok()) kTool.fail(file.status().message);
  const std::vector<Bytes>& requests = file.value();
  if (requests.empty()) kTool.fail("the requests file is empty");

  fenqi::engine::Engine engine;
  engine.publish(release.value());
  fenqi::engine::Scorer scorer(engine);
  fenqi::engine::StageHistograms measured;
  const std::uint64_t warm_up = options.count / 10;
  std::uint64_t failed = 0;
  for (std::uint64_t i = 0; i < warm_up + options.count; ++i) {
    const fenqi::engine::Outcome outcome = scorer.score(requests[i % requests.size()]);
    if (!outcome.status.ok()) ++failed;
    if (i < warm_up) continue;
    for (std::size_t s = 0; s < fenqi::engine::kStageCount; ++s) {
      measured[s].record(static_cast<std::uint64_t>(outcome.timings[s]));
    }
  }
  print(measured, options.count, failed);
  return failed == 0 ? 0 : 1;
}
