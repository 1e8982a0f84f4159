#include "models/model.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fenqi::models {
namespace {

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, what);
}

std::string described(const Tensor& tensor) {
  return tensor.name + " of type " + type_name(static_cast<int>(tensor.type)) + " and width " +
         std::to_string(tensor.width);
}

}  // namespace

Result<std::shared_ptr<const Model>> Model::load(ModelSource source,
                                                 std::shared_ptr<const OnnxRuntime> runtime) {
  std::shared_ptr<Model> model(new Model());
  if (!source.native.empty()) {
    if (Status s = model->load_native(source); !s.ok()) return s;
  } else {
    if (runtime == nullptr) return refuse("onnxruntime is needed to run it");
    auto loaded =
        OnnxModel::load(std::move(runtime), source.onnx, std::move(source.inputs), source.outputs);
    if (!loaded.ok()) return loaded.status();
    model->onnx_ = std::move(loaded.value());
    model->inputs_ = model->onnx_->inputs();
    model->outputs_ = model->onnx_->outputs();
  }
  return std::shared_ptr<const Model>(std::move(model));
}

Status Model::load_native(const ModelSource& source) {
  auto loaded = NativeModel::load(source.native);
  if (!loaded.ok()) return loaded.status();
  native_ = std::move(loaded.value());
  inputs_ = native_->inputs();
  if (source.inputs.size() != inputs_.size()) {
    return refuse("it has " + std::to_string(inputs_.size()) + " inputs, not " +
                  std::to_string(source.inputs.size()));
  }
  for (std::size_t i = 0; i < inputs_.size(); ++i) {
    const Tensor& has = inputs_[i];
    const Tensor& fed = source.inputs[i];
    if (has.name != fed.name || has.type != fed.type || has.width != fed.width) {
      return refuse("its input is " + described(has) + ", not " + described(fed));
    }
  }
  std::vector<std::string> wanted = source.outputs;
  if (wanted.empty()) {
    for (const Tensor& output : native_->outputs()) wanted.push_back(output.name);
  }
  for (const std::string& name : wanted) {
    const auto& has = native_->outputs();
    const auto at = std::find_if(has.begin(), has.end(),
                                 [&](const Tensor& output) { return output.name == name; });
    if (at == has.end()) return refuse("the graph has no output " + name);
    outputs_.push_back(*at);
    native_outputs_.push_back(static_cast<std::size_t>(at - has.begin()));
  }
  return {};
}

Result<ModelRun> ModelRun::create(std::shared_ptr<const Model> model) {
  if (model->native_ != nullptr) {
    NativeRun run(model->native_);
    return ModelRun(std::move(model), std::move(run));
  }
  auto run = OnnxRun::create(model->onnx_);
  if (!run.ok()) return run.status();
  return ModelRun(std::move(model), std::move(run.value()));
}

std::span<float> ModelRun::floats(std::size_t i) {
  return std::visit([&](auto& run) { return run.floats(i); }, run_);
}

std::span<double> ModelRun::doubles(std::size_t i) {
  return std::visit([&](auto& run) { return run.doubles(i); }, run_);
}

std::span<std::int64_t> ModelRun::int64s(std::size_t i) {
  return std::visit([&](auto& run) { return run.int64s(i); }, run_);
}

void ModelRun::set_string(std::size_t i, std::size_t column, std::string_view text) {
  std::visit([&](auto& run) { run.set_string(i, column, text); }, run_);
}

std::string_view ModelRun::string(std::size_t i, std::size_t column) const {
  return std::visit([&](const auto& run) { return run.string(i, column); }, run_);
}

std::span<const float> ModelRun::forest_row(std::size_t i) const {
  const auto* run = std::get_if<NativeRun>(&run_);
  return run == nullptr ? std::span<const float>() : run->forest_row(i);
}

double ModelRun::number(Bank bank, std::uint32_t cell) const {
  const auto* run = std::get_if<NativeRun>(&run_);
  return run == nullptr ? std::numeric_limits<double>::quiet_NaN() : run->number(bank, cell);
}

Status ModelRun::run() {
  return std::visit([](auto& run) { return run.run(); }, run_);
}

double ModelRun::output(std::size_t i, std::size_t column) const {
  if (const auto* run = std::get_if<NativeRun>(&run_)) {
    return run->output(model_->native_outputs_[i], column);
  }
  return std::get_if<OnnxRun>(&run_)->output(i, column);
}

std::string_view ModelRun::text(std::size_t i, std::size_t column) const {
  const auto* run = std::get_if<NativeRun>(&run_);
  return run == nullptr ? std::string_view() : run->text(model_->native_outputs_[i], column);
}

}  // namespace fenqi::models
