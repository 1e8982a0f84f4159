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
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/scorer.h"
#include "wire/delimited.h"

namespace {

using fenqi::engine::Bytes;

struct Options {
  std::string image;
  std::string requests;
  std::string onnxruntime;
  std::uint64_t count = 200000;
};

[[noreturn]] void fail(const std::string& message) {
  std::fprintf(stderr, "score_bench: %s\n", message.c_str());
  std::exit(1);
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--image") {
      options.image = argv[i + 1];
    } else if (flag == "--requests") {
      options.requests = argv[i + 1];
    } else if (flag == "--onnxruntime") {
      options.onnxruntime = argv[i + 1];
    } else if (flag == "--count") {
      options.count = std::strtoull(argv[i + 1], nullptr, 10);
    } else {
      fail("unknown option " + std::string(flag));
    }
  }
  if (options.image.empty() || options.requests.empty() || options.onnxruntime.empty()) {
    fail("--image, --requests and --onnxruntime are needed");
  }
  return options;
}

Bytes read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail("cannot read " + path);
  return Bytes(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
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
  if (!runtime.ok()) fail(runtime.status().message);
  const Bytes image = read_file(options.image);
  auto release = fenqi::engine::Release::load(image, runtime.value());
  if (!release.ok()) fail(release.status().message);
  auto file = fenqi::wire::read_delimited_file(options.requests);
  if (!file.ok()) fail(file.status().message);
  const std::vector<Bytes>& requests = file.value();
  if (requests.empty()) fail("the requests file is empty");

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
