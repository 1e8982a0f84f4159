// How long does a compiled policy take for one decision?
//
//   policy_bench --image FILE --requests FILE [--seconds 2]
//
// For a policy without ONNX models, on one thread, over the requests (each a varint length and a
// serialized ScoreRequest) in turn. Prints one JSON object:
//   program      ns a decision: the whole program run on a row that was read
//   decision     ns a decision from request bytes to answer bytes
//   allocations  blocks taken from the heap by these decisions, once warm
#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/counted_heap.h"
#include "base/histogram.h"
#include "base/tool.h"
#include "engine/engine.h"
#include "engine/scorer.h"
#include "wire/delimited.h"

namespace {

using fenqi::Tool;
using fenqi::Value;
using fenqi::engine::Bytes;
using fenqi::engine::Release;

struct Options {
  std::string image;
  std::string requests;
  double seconds = 2.0;
};

const fenqi::Tool kTool("policy_bench");

Options parse(int argc, char** argv) {
  Options options;
  kTool.read_flags(argc, argv,
                   {{"--image", Tool::into(options.image)},
                    {"--requests", Tool::into(options.requests)},
                    {"--seconds", Tool::into(options.seconds)}});
  if (options.image.empty() || options.requests.empty()) {
    kTool.fail("--image and --requests are needed");
  }
  return options;
}

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

// Registers with the constants and the slots of each request in place; texts are views into the
// requests.
std::vector<std::vector<Value>> fill_registers(const Release& release,
                                               const std::vector<Bytes>& requests) {
  std::vector<std::vector<Value>> filled;
  std::vector<std::uint32_t> counters(release.row().counter_count());
  for (const Bytes& request : requests) {
    std::vector<Value>& registers = filled.emplace_back(release.program().register_count());
    release.program().load_constants(registers);
    const std::span<Value> row = std::span(registers).first(release.row().slot_count());
    if (auto status = release.row().read(request, row, counters); !status.ok()) {
      kTool.fail(status.message);
    }
  }
  return filled;
}

struct Batches {
  double p50_ns = 0.0;
  double least_ns = 0.0;
};

// Runs the program on the requests in turn for `seconds`. A scorer has one set of registers, which
// stays in the cache: where the sets of all requests are too large for it, the rows are copied into
// one set, and the copying is part of what is measured. Batches are long enough for the clock and
// so short that few of them are interrupted.
Batches time_program(const Release& release, const std::vector<Bytes>& requests, double seconds) {
  constexpr std::int64_t kBatchNs = 20'000;
  constexpr std::size_t kCachedBytes = 64 * 1024;
  const fenqi::program::Program& program = release.program();
  std::vector<std::vector<Value>> filled = fill_registers(release, requests);
  std::vector<Value> shared = filled.front();
  const bool is_copied = filled.size() * shared.size() * sizeof(Value) > kCachedBytes;
  fenqi::Arena arena;
  fenqi::program::PatternCache patterns;
  std::vector<double> batches;
  batches.reserve(1 << 20);
  std::size_t size = 1;
  std::size_t next = 0;
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(seconds * 1e9);
  for (std::int64_t start = now_ns(); start < end && batches.size() < batches.capacity();) {
    for (std::size_t i = 0; i < size; ++i) {
      std::vector<Value>& own = filled[next];
      const Bytes& request = requests[next];
      if (++next == filled.size()) next = 0;
      if (is_copied) std::copy_n(own.begin(), release.row().slot_count(), shared.begin());
      std::vector<Value>& registers = is_copied ? shared : own;
      arena.reset();
      fenqi::Budget budget(fenqi::program::kWorkOfRequest);
      fenqi::Scratch scratch{arena, budget};
      program.run_before_models(registers, request, scratch, patterns);
      program.run_after_models(registers, request, scratch, patterns);
    }
    const std::int64_t now = now_ns();
    batches.push_back(static_cast<double>(now - start) / static_cast<double>(size));
    if (now - start < kBatchNs / 2) size *= 2;
    start = now;
  }
  // The first half warms up: caches, branch predictors, clock rate, and the size of a batch.
  const auto middle = batches.begin() + static_cast<std::ptrdiff_t>(batches.size() / 2);
  std::sort(middle, batches.end());
  return {*(middle + (batches.end() - middle) / 2), *middle};
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const Bytes image = kTool.read_file<std::uint8_t>(options.image);
  const std::int64_t before_load = now_ns();
  auto loaded = Release::load(image, nullptr);
  if (!loaded.ok()) kTool.fail(loaded.status().message);
  const double load_ms = static_cast<double>(now_ns() - before_load) / 1e6;
  const std::shared_ptr<const Release> release = loaded.value();
  auto file = fenqi::wire::read_delimited_file(options.requests);
  if (!file.ok()) kTool.fail(file.status().message);
  const std::vector<Bytes>& requests = file.value();
  if (requests.empty()) kTool.fail("the requests file is empty");

  const Batches program = time_program(*release, requests, options.seconds / 2);

  fenqi::engine::Engine engine;
  engine.publish(release);
  fenqi::engine::Scorer scorer(engine);
  for (const Bytes& request : requests) {
    if (auto outcome = scorer.score(request); !outcome.status.ok())
      kTool.fail(outcome.status.message);
  }
  fenqi::Histogram decision;
  const std::uint64_t before = allocations;
  const std::int64_t end = now_ns() + static_cast<std::int64_t>(options.seconds / 2 * 1e9);
  for (std::size_t i = 0; now_ns() < end; ++i) {
    const Bytes& request = requests[i % requests.size()];
    const std::int64_t start = now_ns();
    scorer.score(request);
    decision.record(static_cast<std::uint64_t>(now_ns() - start));
  }
  const std::uint64_t taken = allocations - before;
  std::printf(
      "{\"load_ms\": %.2f, \"registers\": %" PRIu32
      ", \"program\": {\"p50_ns\": %.2f, \"least_ns\": %.2f}, \"decision\": {\"count\": %" PRIu64
      ", \"p50_ns\": %" PRIu64 ", \"p99_ns\": %" PRIu64 "}, \"allocations\": %" PRIu64 "}\n",
      load_ms, release->program().register_count(), program.p50_ns, program.least_ns,
      decision.count(), decision.percentile(50.0), decision.percentile(99.0), taken);
  return 0;
}
