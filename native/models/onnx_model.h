// Any ONNX graph, run by onnxruntime one row at a time.
//
// OnnxModel is the loaded graph: immutable, shared by all threads. OnnxRun is one thread's way to
// run it: its input and output tensors are created once over fixed buffers, so a run allocates
// nothing of ours (onnxruntime's own work inside a run is its own).
//
//   auto model = OnnxModel::load(runtime, bytes, {{"features", ElementType::kFloat, 45}},
//   {"margin"}); auto run = OnnxRun::create(model.value()); run.value().floats(0)[3] = 0.25f;
//   Status status = run.value().run();
//   double margin = run.value().output(0, 0);
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "models/onnxruntime.h"
#include "models/tensor.h"

namespace fenqi::models {

class OnnxModel {
 public:
  // Loads the graph and runs it once on missing values, to learn the outputs' widths.
  // Fails with FAILED_PRECONDITION, naming the tensor, when `inputs` are not exactly the graph's
  // (name, type, width), or an output is absent, no tensor of float or
  // double, or has more than one row.
  static Result<std::shared_ptr<const OnnxModel>> load(std::shared_ptr<const OnnxRuntime> runtime,
                                                       std::span<const std::uint8_t> onnx,
                                                       std::vector<Tensor> inputs,
                                                       const std::vector<std::string>& outputs);

  OnnxModel(const OnnxModel&) = delete;
  OnnxModel& operator=(const OnnxModel&) = delete;
  ~OnnxModel();

  const std::vector<Tensor>& inputs() const { return inputs_; }
  const std::vector<Tensor>& outputs() const { return outputs_; }

 private:
  friend class OnnxRun;
  OnnxModel() = default;

  Status open(std::span<const std::uint8_t> onnx);
  Status check_inputs() const;
  Status learn_outputs(const std::shared_ptr<const OnnxModel>& self,
                       const std::vector<std::string>& names);

  std::shared_ptr<const OnnxRuntime> runtime_;
  OrtSession* session_ = nullptr;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  std::vector<std::size_t> output_ranks_;
};

// One thread's run of a model. Not safe to share.
class OnnxRun {
 public:
  static Result<OnnxRun> create(std::shared_ptr<const OnnxModel> model);

  OnnxRun(OnnxRun&&) noexcept;
  OnnxRun& operator=(OnnxRun&&) noexcept;
  ~OnnxRun();

  // Input i, which must be of that type; a bool input is written as int64s. Values stay until they
  // are overwritten.
  std::span<float> floats(std::size_t i);
  std::span<double> doubles(std::size_t i);
  std::span<std::int64_t> int64s(std::size_t i);
  void set_string(std::size_t i, std::size_t column, std::string_view text);
  std::string_view string(std::size_t i, std::size_t column) const;

  Status run();

  // Column of output i after a run.
  double output(std::size_t i, std::size_t column) const;

 private:
  // The memory under one tensor; only the member of its type is used. Of a bool tensor that is
  // `bools`, which a run fills from `int64s`.
  struct Buffer {
    std::vector<float> floats;
    std::vector<double> doubles;
    std::vector<std::int64_t> int64s;
    std::vector<std::uint8_t> bools;
    std::vector<std::string> strings;
    std::vector<const char*> string_pointers;
  };

  friend class OnnxModel;
  OnnxRun() = default;
  Status bind(const Tensor& tensor, std::size_t rank, Buffer& buffer, OrtValue*& value) const;
  void release();

  std::shared_ptr<const OnnxModel> model_;
  std::vector<Buffer> input_buffers_;
  std::vector<Buffer> output_buffers_;
  std::vector<OrtValue*> input_values_;
  std::vector<OrtValue*> output_values_;
  std::vector<const char*> input_names_;
  std::vector<const char*> output_names_;
};

}  // namespace fenqi::models
