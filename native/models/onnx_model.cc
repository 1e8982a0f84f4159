#include "models/onnx_model.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace fenqi::models {
namespace {

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, what);
}

// Type and shape of a tensor; -1 is a dimension that the graph leaves open.
struct TensorShape {
  int element_type = 0;
  std::vector<std::int64_t> dimensions;
};

Result<TensorShape> shape_of(const OnnxRuntime& runtime, const OrtTensorInfo* info) {
  TensorShape shape;
  std::size_t rank = 0;
  const OrtApi& api = runtime.api();
  if (Status s = runtime.take(api.element_type(info, &shape.element_type)); !s.ok()) return s;
  if (Status s = runtime.take(api.dimension_count(info, &rank)); !s.ok()) return s;
  shape.dimensions.resize(rank);
  if (Status s = runtime.take(api.dimensions(info, shape.dimensions.data(), rank)); !s.ok()) {
    return s;
  }
  return shape;
}

using NameFunction = OrtStatus* (*)(const OrtSession*, std::size_t, OrtAllocator*, char**);

Result<std::vector<std::string>> tensor_names(const OnnxRuntime& runtime, const OrtSession* session,
                                              std::size_t count, NameFunction name_of) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < count; ++i) {
    char* name = nullptr;
    if (Status s = runtime.take(name_of(session, i, runtime.allocator(), &name)); !s.ok()) return s;
    names.emplace_back(name);
    if (Status s = runtime.take(runtime.api().allocator_free(runtime.allocator(), name)); !s.ok()) {
      return s;
    }
  }
  return names;
}

// The graph's own view of input `i` must be `declared`: same type, shape [any, width].
Status check_input(const OnnxRuntime& runtime, const OrtSession* session, std::size_t i,
                   const Tensor& declared) {
  OrtTypeInfo* type = nullptr;
  if (Status s = runtime.take(runtime.api().session_input_type(session, i, &type)); !s.ok()) {
    return s;
  }
  const OrtTensorInfo* info = nullptr;
  Status cast = runtime.take(runtime.api().cast_to_tensor_info(type, &info));
  Status verdict;
  if (!cast.ok()) {
    verdict = std::move(cast);
  } else if (info == nullptr) {
    verdict = refuse("input " + declared.name + " is not a tensor");
  } else if (auto shape = shape_of(runtime, info); !shape.ok()) {
    verdict = shape.status();
  } else {
    const TensorShape& s = shape.value();
    const auto width = static_cast<std::int64_t>(declared.width);
    if (s.element_type != static_cast<int>(declared.type)) {
      verdict = refuse("input " + declared.name + " is of type " + type_name(s.element_type) +
                       " in the graph and of type " + type_name(static_cast<int>(declared.type)) +
                       " in the manifest");
    } else if (s.dimensions.size() != 2 || (s.dimensions[0] != -1 && s.dimensions[0] != 1) ||
               (s.dimensions[1] != -1 && s.dimensions[1] != width)) {
      verdict = refuse("input " + declared.name + " must have the shape [rows, " +
                       std::to_string(width) + "]");
    }
  }
  runtime.api().release_type_info(type);
  return verdict;
}

// Reads type and width of an output that a run made into `output`, and its rank.
Status learn_output(const OnnxRuntime& runtime, const OrtValue* value, Tensor& output,
                    std::size_t& rank) {
  int is_tensor = 0;
  if (Status s = runtime.take(runtime.api().is_tensor(value, &is_tensor)); !s.ok()) return s;
  if (is_tensor == 0) {
    return refuse("output " + output.name + " is not a tensor; export the model without ZipMap");
  }
  OrtTensorInfo* info = nullptr;
  if (Status s = runtime.take(runtime.api().tensor_type_and_shape(value, &info)); !s.ok()) return s;
  auto shape = shape_of(runtime, info);
  runtime.api().release_tensor_info(info);
  if (!shape.ok()) return shape.status();
  const auto& dimensions = shape.value().dimensions;
  output.type = static_cast<ElementType>(shape.value().element_type);
  if (output.type != ElementType::kFloat && output.type != ElementType::kDouble) {
    return refuse("output " + output.name + " is of type " + type_name(shape.value().element_type) +
                  "; float or double is needed");
  }
  rank = dimensions.size();
  if (rank == 0 || rank > 2 || dimensions[0] != 1) {
    return refuse("output " + output.name + " does not have one row for one applicant");
  }
  output.width = rank == 2 ? static_cast<std::size_t>(dimensions[1]) : 1;
  return {};
}

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Result<std::shared_ptr<const OnnxModel>> OnnxModel::load(std::shared_ptr<const OnnxRuntime> runtime,
                                                         std::span<const std::uint8_t> onnx,
                                                         std::vector<Tensor> inputs,
                                                         const std::vector<std::string>& outputs) {
  std::shared_ptr<OnnxModel> model(new OnnxModel());
  model->runtime_ = std::move(runtime);
  model->inputs_ = std::move(inputs);
  if (Status s = model->open(onnx); !s.ok()) return s;
  if (Status s = model->check_inputs(); !s.ok()) return s;
  if (Status s = model->learn_outputs(model, outputs); !s.ok()) return s;
  return std::shared_ptr<const OnnxModel>(std::move(model));
}

Status OnnxModel::open(std::span<const std::uint8_t> onnx) {
  const OrtApi& api = runtime_->api();
  OrtSessionOptions* options = nullptr;
  if (Status s = runtime_->take(api.create_session_options(&options)); !s.ok()) return s;
  // A request is scored on the thread that read it: onnxruntime starts no threads of its own.
  Status opened;
  // Its arena would keep what it ever took, and a memory pattern a block for each shape: a session
  // that is released gives everything back only without them.
  for (OrtStatus* step : {api.set_log_severity(options, 3), api.set_intra_op_threads(options, 1),
                          api.set_inter_op_threads(options, 1), api.disable_cpu_arena(options),
                          api.disable_memory_pattern(options)}) {
    if (Status s = runtime_->take(step); !s.ok()) opened = std::move(s);
  }
  if (opened.ok()) {
    opened = runtime_->take(api.create_session_from_array(runtime_->env(), onnx.data(), onnx.size(),
                                                          options, &session_));
  }
  api.release_session_options(options);
  return opened.ok() ? opened : refuse(opened.message);
}

Status OnnxModel::check_inputs() const {
  const OrtApi& api = runtime_->api();
  std::size_t count = 0;
  if (Status s = runtime_->take(api.session_input_count(session_, &count)); !s.ok()) return s;
  auto graph = tensor_names(*runtime_, session_, count, api.session_input_name);
  if (!graph.ok()) return graph.status();
  for (const Tensor& input : inputs_) {
    if (!contains(graph.value(), input.name)) return refuse("the graph has no input " + input.name);
  }
  for (std::size_t i = 0; i < graph.value().size(); ++i) {
    const std::string& name = graph.value()[i];
    const auto fed = std::find_if(inputs_.begin(), inputs_.end(),
                                  [&](const Tensor& input) { return input.name == name; });
    if (fed == inputs_.end()) return refuse("nothing feeds the graph's input " + name);
    if (Status s = check_input(*runtime_, session_, i, *fed); !s.ok()) return s;
  }
  return {};
}

// Runs the graph once with unbound outputs: onnxruntime makes them, and they show their shape.
Status OnnxModel::learn_outputs(const std::shared_ptr<const OnnxModel>& self,
                                const std::vector<std::string>& names) {
  const OrtApi& api = runtime_->api();
  std::size_t count = 0;
  if (Status s = runtime_->take(api.session_output_count(session_, &count)); !s.ok()) return s;
  auto graph = tensor_names(*runtime_, session_, count, api.session_output_name);
  if (!graph.ok()) return graph.status();
  std::vector<const char*> wanted;
  for (const std::string& name : names) {
    if (!contains(graph.value(), name)) return refuse("the graph has no output " + name);
    wanted.push_back(name.c_str());
  }
  auto probe = OnnxRun::create(self);
  if (!probe.ok()) return probe.status();
  const OnnxRun& run = probe.value();
  std::vector<OrtValue*> values(names.size(), nullptr);
  if (Status s = runtime_->take(api.run(session_, nullptr, run.input_names_.data(),
                                        run.input_values_.data(), run.input_values_.size(),
                                        wanted.data(), wanted.size(), values.data()));
      !s.ok()) {
    return refuse(s.message);
  }
  Status verdict;
  for (std::size_t i = 0; i < names.size(); ++i) {
    Tensor output{names[i]};
    std::size_t rank = 0;
    if (Status s = learn_output(*runtime_, values[i], output, rank); !s.ok())
      verdict = std::move(s);
    outputs_.push_back(std::move(output));
    output_ranks_.push_back(rank);
    api.release_value(values[i]);
  }
  return verdict;
}

OnnxModel::~OnnxModel() {
  if (session_ != nullptr) runtime_->api().release_session(session_);
}

Status OnnxRun::bind(const Tensor& tensor, std::size_t rank, Buffer& buffer,
                     OrtValue*& value) const {
  const OnnxRuntime& ort = *model_->runtime_;
  const std::int64_t shape[2] = {1, static_cast<std::int64_t>(tensor.width)};
  const int type = static_cast<int>(tensor.type);
  const auto over = [&](auto& memory, auto initial) {
    memory.assign(tensor.width, initial);
    return ort.take(ort.api().create_tensor_over(
        ort.cpu(), memory.data(), memory.size() * sizeof(memory[0]), shape, rank, type, &value));
  };
  switch (tensor.type) {
    case ElementType::kFloat:
      return over(buffer.floats, std::numeric_limits<float>::quiet_NaN());
    case ElementType::kDouble:
      return over(buffer.doubles, std::numeric_limits<double>::quiet_NaN());
    case ElementType::kInt64:
      return over(buffer.int64s, std::int64_t{0});
    case ElementType::kString:
      buffer.strings.assign(tensor.width, {});
      buffer.string_pointers.assign(tensor.width, "");
      return ort.take(ort.api().create_tensor(ort.allocator(), shape, rank, type, &value));
    case ElementType::kBool:
      buffer.int64s.assign(tensor.width, 0);
      return over(buffer.bools, std::uint8_t{0});
  }
  return refuse("tensor " + tensor.name + " is of type " + type_name(type) +
                ", which cannot be fed");
}

Result<OnnxRun> OnnxRun::create(std::shared_ptr<const OnnxModel> model) {
  OnnxRun run;
  run.model_ = std::move(model);
  const OnnxModel& m = *run.model_;
  run.input_buffers_.resize(m.inputs_.size());
  run.output_buffers_.resize(m.outputs_.size());
  run.input_values_.assign(m.inputs_.size(), nullptr);
  run.output_values_.assign(m.outputs_.size(), nullptr);
  for (std::size_t i = 0; i < m.inputs_.size(); ++i) {
    run.input_names_.push_back(m.inputs_[i].name.c_str());
    if (Status s = run.bind(m.inputs_[i], 2, run.input_buffers_[i], run.input_values_[i]);
        !s.ok()) {
      return s;
    }
  }
  for (std::size_t i = 0; i < m.outputs_.size(); ++i) {
    run.output_names_.push_back(m.outputs_[i].name.c_str());
    if (Status s = run.bind(m.outputs_[i], m.output_ranks_[i], run.output_buffers_[i],
                            run.output_values_[i]);
        !s.ok()) {
      return s;
    }
  }
  return run;
}

OnnxRun::OnnxRun(OnnxRun&& other) noexcept {
  *this = std::move(other);
}

OnnxRun& OnnxRun::operator=(OnnxRun&& other) noexcept {
  if (this != &other) {
    release();
    model_ = std::move(other.model_);
    input_buffers_ = std::move(other.input_buffers_);
    output_buffers_ = std::move(other.output_buffers_);
    input_values_ = std::exchange(other.input_values_, {});
    output_values_ = std::exchange(other.output_values_, {});
    input_names_ = std::move(other.input_names_);
    output_names_ = std::move(other.output_names_);
  }
  return *this;
}

OnnxRun::~OnnxRun() {
  release();
}

void OnnxRun::release() {
  for (auto* values : {&input_values_, &output_values_}) {
    for (OrtValue* value : *values) {
      if (value != nullptr) model_->runtime_->api().release_value(value);
    }
    values->clear();
  }
}

std::span<float> OnnxRun::floats(std::size_t i) {
  return input_buffers_[i].floats;
}

std::span<double> OnnxRun::doubles(std::size_t i) {
  return input_buffers_[i].doubles;
}

std::span<std::int64_t> OnnxRun::int64s(std::size_t i) {
  return input_buffers_[i].int64s;
}

std::string_view OnnxRun::string(std::size_t i, std::size_t column) const {
  return input_buffers_[i].strings[column];
}

void OnnxRun::set_string(std::size_t i, std::size_t column, std::string_view text) {
  std::string& owned = input_buffers_[i].strings[column];
  owned.assign(text);
  input_buffers_[i].string_pointers[column] = owned.c_str();
}

Status OnnxRun::run() {
  const OnnxRuntime& ort = *model_->runtime_;
  for (std::size_t i = 0; i < input_values_.size(); ++i) {
    Buffer& buffer = input_buffers_[i];
    if (model_->inputs_[i].type == ElementType::kBool) {
      std::transform(buffer.int64s.begin(), buffer.int64s.end(), buffer.bools.begin(),
                     [](std::int64_t x) { return x != 0; });
    }
    if (model_->inputs_[i].type != ElementType::kString) continue;
    const auto& pointers = buffer.string_pointers;
    if (Status s = ort.take(
            ort.api().fill_string_tensor(input_values_[i], pointers.data(), pointers.size()));
        !s.ok()) {
      return s;
    }
  }
  return ort.take(ort.api().run(model_->session_, nullptr, input_names_.data(),
                                input_values_.data(), input_values_.size(), output_names_.data(),
                                output_names_.size(), output_values_.data()));
}

double OnnxRun::output(std::size_t i, std::size_t column) const {
  const Buffer& buffer = output_buffers_[i];
  return buffer.doubles.empty() ? static_cast<double>(buffer.floats[column])
                                : buffer.doubles[column];
}

}  // namespace fenqi::models
