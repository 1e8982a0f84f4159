// How long does a forest take, beside onnxruntime and compiled trees, for one row and for batches?
//
//   forest_bench --forest FILE --onnx FILE --onnxruntime LIBRARY --rows FILE --columns N
//                [--peer NAME=LIBRARY]... [--batches 1,8,64,1024] [--seconds 4]
//
// The forest is a serialized fenqi.internal.v1.Forest, the graph the same trees with the input
// `input` and the output `variable`; rows are float32, row after row, 1,024 of them or more. A
// peer's library has the function
//
//   void forest_predict(const float* rows, size_t count, float* margins)
//
// and, where it gives probabilities instead, a symbol forest_gives_probabilities; where it has
// other trees, forest_is_another.
//
// On one thread, everybody takes turns on the same rows. Prints one JSON object: for everybody and
// each size of a batch `p50_ns` and `least_ns` of a call, and the largest difference from
// onnxruntime, of margins or probabilities, where the trees are the same; of Fenqi, whether all
// bits are the same, and blocks taken from the heap.
#include <dlfcn.h>

#include <algorithm>
#include <chrono>
#include <cinttypes>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/counted_heap.h"
#include "base/tool.h"
#include "models/forest.h"
#include "models/onnxruntime.h"
#include "models/tensor.h"

namespace {

using fenqi::Tool;
using fenqi::models::ElementType;
using fenqi::models::Forest;
using fenqi::models::OnnxRuntime;

using Predict = std::function<void(const float* rows, std::size_t count, float* margins)>;

struct Contender {
  std::string name;
  Predict predict;
  bool gives_probabilities = false;
  bool is_another = false;
};

struct Options {
  std::string forest, onnx, onnxruntime, rows;
  std::size_t columns = 0;
  std::vector<std::string> peers;
  std::vector<std::size_t> batches = {1, 8, 64, 1024};
  double seconds = 4.0;
};

const fenqi::Tool kTool("forest_bench");

std::vector<std::size_t> numbers(const char* text) {
  std::vector<std::size_t> out;
  for (char* end = nullptr; *text != '\0'; text = *end == ',' ? end + 1 : end) {
    out.push_back(std::strtoull(text, &end, 10));
    if (end == text) kTool.fail("not a list of numbers: " + std::string(text));
  }
  return out;
}

Options parse(int argc, char** argv) {
  Options options;
  kTool.read_flags(
      argc, argv,
      {{"--forest", Tool::into(options.forest)},
       {"--onnx", Tool::into(options.onnx)},
       {"--onnxruntime", Tool::into(options.onnxruntime)},
       {"--rows", Tool::into(options.rows)},
       {"--columns", Tool::into(options.columns)},
       {"--peer", [&options](const char* value) { options.peers.emplace_back(value); }},
       {"--batches", [&options](const char* value) { options.batches = numbers(value); }},
       {"--seconds", Tool::into(options.seconds)}});
  if (options.columns == 0) kTool.fail("--columns is needed");
  return options;
}

// A session of onnxruntime through its C API, on this thread alone. Its tensors lie over the
// caller's memory and are made anew only where that or the number of rows changes.
class Session {
 public:
  Session(const Options& options) : columns_(static_cast<std::int64_t>(options.columns)) {
    auto runtime = OnnxRuntime::load(options.onnxruntime);
    if (!runtime.ok()) kTool.fail(runtime.status().message);
    runtime_ = runtime.value();
    const auto graph = kTool.read_file<std::uint8_t>(options.onnx);
    fenqi::models::OrtSessionOptions* session_options = nullptr;
    check(api().create_session_options(&session_options));
    check(api().set_intra_op_threads(session_options, 1));
    check(api().set_inter_op_threads(session_options, 1));
    check(api().create_session_from_array(runtime_->env(), graph.data(), graph.size(),
                                          session_options, &session_));
    api().release_session_options(session_options);
  }

  void predict(const float* rows, std::size_t count, float* margins) {
    bind(rows, count, margins);
    const char* const input = "input";
    const char* const output = "variable";
    check(api().run(session_, nullptr, &input, &input_, 1, &output, 1, &output_));
  }

 private:
  const fenqi::models::OrtApi& api() const { return runtime_->api(); }
  void check(fenqi::models::OrtStatus* status) const {
    if (auto s = runtime_->take(status); !s.ok()) kTool.fail(s.message);
  }

  void bind(const float* rows, std::size_t count, float* margins) {
    if (count != count_ || margins != margins_) {
      release(output_);
      output_ = tensor(margins, count, 1);
    }
    if (count != count_ || rows != rows_) {
      release(input_);
      input_ = tensor(const_cast<float*>(rows), count, columns_);
    }
    rows_ = rows, count_ = count, margins_ = margins;
  }

  fenqi::models::OrtValue* tensor(float* data, std::size_t rows, std::int64_t width) const {
    const std::int64_t shape[2] = {static_cast<std::int64_t>(rows), width};
    const std::size_t bytes = rows * static_cast<std::size_t>(width) * sizeof(float);
    fenqi::models::OrtValue* value = nullptr;
    check(api().create_tensor_over(runtime_->cpu(), data, bytes, shape, 2,
                                   static_cast<int>(ElementType::kFloat), &value));
    return value;
  }

  void release(fenqi::models::OrtValue* value) const {
    if (value != nullptr) api().release_value(value);
  }

  std::int64_t columns_;
  std::shared_ptr<const OnnxRuntime> runtime_;
  fenqi::models::OrtSession* session_ = nullptr;
  fenqi::models::OrtValue* input_ = nullptr;
  fenqi::models::OrtValue* output_ = nullptr;
  const float* rows_ = nullptr;
  float* margins_ = nullptr;
  std::size_t count_ = 0;
};

Contender load_peer(const std::string& peer) {
  const std::size_t equals = peer.find('=');
  if (equals == std::string::npos) kTool.fail("--peer needs NAME=LIBRARY");
  void* library = dlopen(peer.substr(equals + 1).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) kTool.fail(dlerror());
  void* symbol = dlsym(library, "forest_predict");
  if (symbol == nullptr) kTool.fail(peer + " has no forest_predict");
  return {peer.substr(0, equals),
          reinterpret_cast<void (*)(const float*, std::size_t, float*)>(symbol),
          dlsym(library, "forest_gives_probabilities") != nullptr,
          dlsym(library, "forest_is_another") != nullptr};
}

using Clock = std::chrono::steady_clock;

// Rows to predict on, in batches of one size that begin somewhere else each time.
struct Batches {
  const std::vector<float>& rows;
  std::size_t columns;
  std::size_t size;

  std::size_t count() const { return rows.size() / columns / size; }
  const float* at(std::size_t i) const { return rows.data() + i % count() * size * columns; }
};

// onnxruntime's tensors lie over one buffer, as the engine's do: every call copies its rows there,
// for everybody alike. Appends the mean time of calls that take some 100 us together.
void take_turn(const Contender& contender, const Batches& batches, Clock::duration turn,
               std::vector<double>& nanoseconds) {
  static std::vector<float> buffer;
  static std::vector<float> margins;
  buffer.resize(std::max(buffer.size(), batches.size * batches.columns));
  margins.resize(std::max(margins.size(), batches.size));
  std::size_t calls = 1;
  std::size_t next = 0;
  const auto end = Clock::now() + turn;
  // The first calls warm up; then there is at least one that counts.
  for (std::size_t round = 0; round < 2 || Clock::now() < end; ++round) {
    const auto start = Clock::now();
    for (std::size_t call = 0; call < calls; ++call) {
      std::memcpy(buffer.data(), batches.at(next++),
                  batches.size * batches.columns * sizeof(float));
      contender.predict(buffer.data(), batches.size, margins.data());
    }
    const double taken = std::chrono::duration<double, std::nano>(Clock::now() - start).count();
    if (round > 0) nanoseconds.push_back(taken / static_cast<double>(calls));
    if (taken < 50'000.0) calls *= 2;
  }
}

std::vector<float> all_margins(const Contender& contender, const std::vector<float>& rows,
                               std::size_t columns, std::size_t batch) {
  std::vector<float> margins(rows.size() / columns);
  for (std::size_t i = 0; i + batch <= margins.size(); i += batch) {
    contender.predict(rows.data() + i * columns, batch, margins.data() + i);
  }
  return margins;
}

double difference(const std::vector<float>& found, const std::vector<float>& margins,
                  bool gives_probabilities) {
  double largest = 0.0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double margin = margins[i];
    const double expected = gives_probabilities ? 1.0 / (1.0 + std::exp(-margin)) : margin;
    const double apart = std::fabs(static_cast<double>(found[i]) - expected);
    if (!(apart <= largest)) largest = apart;  // NaN too
  }
  return largest;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const auto rows = kTool.read_file<float>(options.rows);
  const auto loading = Clock::now();
  auto forest = Forest::load(kTool.read_file<std::uint8_t>(options.forest));
  if (!forest.ok()) kTool.fail(forest.status().message);
  const double load_ms = std::chrono::duration<double, std::milli>(Clock::now() - loading).count();
  Session session(options);

  std::vector<Contender> contenders;
  contenders.push_back({"fenqi", [&](const float* r, std::size_t n, float* out) {
                          forest.value().predict_batch(r, n, out);
                        }});
  contenders.push_back({"onnxruntime", [&](const float* r, std::size_t n, float* out) {
                          session.predict(r, n, out);
                        }});
  for (const std::string& peer : options.peers) contenders.push_back(load_peer(peer));

  const auto expected = all_margins(contenders[1], rows, options.columns, 1);
  bool is_same = true;
  for (const std::size_t batch : options.batches) {
    const auto found = all_margins(contenders[0], rows, options.columns, batch);
    is_same = is_same && std::memcmp(found.data(), expected.data(), found.size() * 4) == 0;
  }
  const std::uint64_t before = allocations;
  for (std::size_t i = 0; i < 100; ++i) {
    float margin = 0.0f;
    contenders[0].predict(rows.data(), 1, &margin);
  }
  const std::uint64_t taken = allocations - before;

  constexpr int kRounds = 10;
  const auto turn = std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(
      options.seconds / kRounds / static_cast<double>(contenders.size() * options.batches.size())));
  std::vector<std::map<std::size_t, std::vector<double>>> times(contenders.size());
  for (int round = 0; round < kRounds; ++round) {
    for (const std::size_t batch : options.batches) {
      for (std::size_t i = 0; i < contenders.size(); ++i) {
        take_turn(contenders[i], {rows, options.columns, batch}, turn, times[i][batch]);
      }
    }
  }
  std::printf("{\"load_ms\": %.1f, \"same_bits\": %s, \"allocations\": %" PRIu64 ", \"calls\": {",
              load_ms, is_same ? "true" : "false", taken);
  for (std::size_t i = 0; i < contenders.size(); ++i) {
    const Contender& contender = contenders[i];
    std::printf("%s\"%s\": {\"difference\": ", i == 0 ? "" : ", ", contender.name.c_str());
    if (contender.is_another) {
      std::printf("null");
    } else {
      const auto found = all_margins(contender, rows, options.columns, 1);
      std::printf("%.3g", difference(found, expected, contender.gives_probabilities));
    }
    for (auto& [batch, nanoseconds] : times[i]) {
      std::sort(nanoseconds.begin(), nanoseconds.end());
      std::printf(", \"%zu\": {\"p50_ns\": %.1f, \"least_ns\": %.1f}", batch,
                  nanoseconds[nanoseconds.size() / 2], nanoseconds.front());
    }
    std::printf("}");
  }
  std::printf("}}\n");
  return 0;
}
