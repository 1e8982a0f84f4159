// A model, whoever runs it: the core itself, or onnxruntime where its graph is beyond the core.
//
// Model is what was loaded: immutable, shared by all threads. ModelRun is one thread's way to run
// it, with memory of its own; a native run takes nothing from the heap.
//
//   auto model = Model::load({.native = {}, .onnx = bytes, .inputs = {{"features",
//                             ElementType::kFloat, 45}}, .outputs = {"margin"}}, runtime);
//   auto run = ModelRun::create(model.value());
//   run.value().floats(0)[3] = 0.25f;
//   Status status = run.value().run();
//   double margin = run.value().output(0, 0);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "models/native_model.h"
#include "models/onnx_model.h"

namespace fenqi::models {

// What a model is loaded from.
struct ModelSource {
  // A serialized NativeModel; empty where onnxruntime is to run `onnx`.
  std::span<const std::uint8_t> native;
  std::span<const std::uint8_t> onnx;
  // What will be fed, of a native model in its order, and the outputs that are wanted.
  std::vector<Tensor> inputs;
  std::vector<std::string> outputs;
};

class Model {
 public:
  // Fails with FAILED_PRECONDITION, naming the tensor, where `inputs` are not exactly the model's,
  // or an output is absent or, run by onnxruntime, no tensor of float or double of one row.
  // `runtime` may be null for a native model.
  static Result<std::shared_ptr<const Model>> load(ModelSource source,
                                                   std::shared_ptr<const OnnxRuntime> runtime);

  // In the source's order; a native model whose source names no outputs gives all that it has.
  const std::vector<Tensor>& inputs() const { return inputs_; }
  const std::vector<Tensor>& outputs() const { return outputs_; }
  // Null where onnxruntime runs it.
  const NativeModel* native() const { return native_.get(); }

 private:
  friend class ModelRun;
  Model() = default;
  Status load_native(const ModelSource& source);

  std::shared_ptr<const NativeModel> native_;
  std::shared_ptr<const OnnxModel> onnx_;
  std::vector<Tensor> inputs_;
  std::vector<Tensor> outputs_;
  // Which output of the native model each of ours is.
  std::vector<std::size_t> native_outputs_;
};

// One thread's run of a model. Not safe to share.
class ModelRun {
 public:
  static Result<ModelRun> create(std::shared_ptr<const Model> model);

  // Input i, which must be of that type; a bool input is written as int64s. Values stay until they
  // are overwritten; a text is lent until the outputs have been read.
  std::span<float> floats(std::size_t i);
  std::span<double> doubles(std::size_t i);
  std::span<std::int64_t> int64s(std::size_t i);
  void set_string(std::size_t i, std::size_t column, std::string_view text);
  std::string_view string(std::size_t i, std::size_t column) const;

  // INTERNAL where the row cannot be worked out.
  Status run();

  // Column of output i after a run: a number, or, of a native model's string output, a text.
  double output(std::size_t i, std::size_t column) const;
  std::string_view text(std::size_t i, std::size_t column) const;
  // The row that forest i of a native model was asked about in the last run.
  std::span<const float> forest_row(std::size_t i) const;
  // A number inside a native model's last run, which has_number() knows; otherwise NaN.
  double number(Bank bank, std::uint32_t cell) const;

 private:
  ModelRun(std::shared_ptr<const Model> model, std::variant<NativeRun, OnnxRun> run)
      : model_(std::move(model)), run_(std::move(run)) {}

  std::shared_ptr<const Model> model_;
  std::variant<NativeRun, OnnxRun> run_;
};

}  // namespace fenqi::models
