#include "python/model_binding.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "engine/release_image.h"
#include "models/explanation.h"
#include "models/margin.h"
#include "models/model.h"
#include "python/status_error.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

using models::ElementType;

// One input's or output's values, row after row.
using Column = std::variant<std::vector<float>, std::vector<double>, std::vector<std::int64_t>,
                            std::vector<std::string>>;

template <typename T>
std::vector<T> numbers_of(const py::object& given, const models::Tensor& tensor,
                          std::size_t& rows) {
  const auto array = py::array_t<T, py::array::c_style | py::array::forcecast>::ensure(given);
  if (!array || array.ndim() != 2 || static_cast<std::size_t>(array.shape(1)) != tensor.width) {
    throw py::value_error("input " + tensor.name + " needs an array of shape [rows, " +
                          std::to_string(tensor.width) + "]");
  }
  rows = static_cast<std::size_t>(array.shape(0));
  return std::vector<T>(array.data(), array.data() + array.size());
}

std::vector<std::string> texts_of(const py::object& given, const models::Tensor& tensor,
                                  std::size_t& rows) {
  const auto array = py::array::ensure(given);
  if (!array || array.ndim() != 2 || static_cast<std::size_t>(array.shape(1)) != tensor.width) {
    throw py::value_error("input " + tensor.name + " needs texts of shape [rows, " +
                          std::to_string(tensor.width) + "]");
  }
  rows = static_cast<std::size_t>(array.shape(0));
  std::vector<std::string> texts;
  const py::list listed = array.attr("ravel")().attr("tolist")();
  for (const py::handle& text : listed) texts.push_back(text.cast<std::string>());
  return texts;
}

Column column_of(const py::object& given, const models::Tensor& tensor, std::size_t& rows) {
  switch (tensor.type) {
    case ElementType::kFloat:
      return numbers_of<float>(given, tensor, rows);
    case ElementType::kDouble:
      return numbers_of<double>(given, tensor, rows);
    case ElementType::kString:
      return texts_of(given, tensor, rows);
    default:
      return numbers_of<std::int64_t>(given, tensor, rows);
  }
}

void feed(models::ModelRun& run, std::size_t input, const Column& column, std::size_t row,
          std::size_t width) {
  const std::size_t first = row * width;
  const auto copy = [&](const auto& values, auto tensor) {
    std::copy_n(values.begin() + static_cast<std::ptrdiff_t>(first), width, tensor.begin());
  };
  if (const auto* floats = std::get_if<std::vector<float>>(&column)) {
    copy(*floats, run.floats(input));
  } else if (const auto* doubles = std::get_if<std::vector<double>>(&column)) {
    copy(*doubles, run.doubles(input));
  } else if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&column)) {
    copy(*ints, run.int64s(input));
  } else {
    const auto& texts = *std::get_if<std::vector<std::string>>(&column);
    for (std::size_t c = 0; c < width; ++c) run.set_string(input, c, texts[first + c]);
  }
}

template <typename T>
py::array to_array(const std::vector<double>& values, std::size_t rows, std::size_t width) {
  py::array_t<T> array({rows, width});
  std::transform(values.begin(), values.end(), array.mutable_data(),
                 [](double value) { return static_cast<T>(value); });
  return array;
}

class PyModel {
 public:
  PyModel(const py::bytes& image, const std::string& onnxruntime_library) {
    const std::string_view text = image;
    engine::ModelImage slot;
    if (!engine::read_model_image({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()},
                                  slot)) {
      throw_if_bad(error(StatusCode::kFailedPrecondition, "damaged bytes, no ModelSlot"));
    }
    std::shared_ptr<const models::OnnxRuntime> runtime;
    if (slot.native.empty()) {
      auto loaded = models::OnnxRuntime::load(onnxruntime_library);
      if (!loaded.ok()) throw_if_bad(loaded.status());
      runtime = loaded.value();
    }
    auto model = models::Model::load(
        {slot.native, slot.onnx, std::move(slot.tensors), slot.outputs()}, std::move(runtime));
    if (!model.ok()) throw_if_bad(model.status());
    model_ = model.value();
    auto run = models::ModelRun::create(model_);
    if (!run.ok()) throw_if_bad(run.status());
    run_ = std::make_unique<models::ModelRun>(std::move(run.value()));
    if (slot.explanation) load_explanation(slot);
  }

  std::string path() const { return model_->native() != nullptr ? "native" : "onnxruntime"; }

  py::dict run(const py::dict& given) {
    const auto& outputs = model_->outputs();
    const auto [columns, rows] = columns_of(given);
    // A float or a bool is a double exactly; a whole number beyond 2^53 is not.
    std::vector<std::vector<double>> numbers(outputs.size());
    std::vector<std::vector<std::string>> texts(outputs.size());
    Status status;
    {
      py::gil_scoped_release unlocked;
      const std::lock_guard lock(mutex_);
      for (std::size_t row = 0; row < rows && status.ok(); ++row) {
        status = run_row(columns, row);
        for (std::size_t i = 0; i < outputs.size() && status.ok(); ++i) {
          const bool is_text = outputs[i].type == ElementType::kString;
          for (std::size_t c = 0; c < outputs[i].width; ++c) {
            if (is_text) {
              texts[i].emplace_back(run_->text(i, c));
            } else {
              numbers[i].push_back(run_->output(i, c));
            }
          }
        }
      }
    }
    throw_if_bad(status);
    py::dict results;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      results[py::str(outputs[i].name)] = gathered(outputs[i], numbers[i], texts[i], rows);
    }
    return results;
  }

  // What each column adds to the margin, [rows, columns].
  py::array explain(const py::dict& given) {
    if (!explaining_) throw py::value_error("the model explains nothing");
    const auto [columns, rows] = columns_of(given);
    const std::size_t width = explanation_->part_count();
    std::vector<double> parts(rows * width);
    Status status;
    {
      py::gil_scoped_release unlocked;
      const std::lock_guard lock(mutex_);
      for (std::size_t row = 0; row < rows && status.ok(); ++row) {
        status = run_row(columns, row);
        if (!status.ok()) break;
        status = explaining_->explain(*run_, margin_.of(*run_),
                                      std::span(parts).subspan(row * width, width));
      }
    }
    throw_if_bad(status);
    return to_array<double>(parts, rows, width);
  }

  double base_margin() const {
    if (!explaining_) throw py::value_error("the model explains nothing");
    return explanation_->base_margin();
  }

 private:
  void load_explanation(const engine::ModelImage& slot) {
    const auto margin = slot.margin(*model_);
    if (!margin.ok()) throw_if_bad(margin.status());
    margin_ = margin.value();
    auto explanation = models::Explanation::load(*slot.explanation, model_, margin_);
    if (!explanation.ok()) throw_if_bad(explanation.status());
    explanation_ = explanation.value();
    explaining_.emplace(explanation_);
  }

  // The inputs' values, and how many rows they have.
  std::pair<std::vector<Column>, std::size_t> columns_of(const py::dict& given) const {
    std::vector<Column> columns;
    std::size_t rows = 0;
    for (const models::Tensor& input : model_->inputs()) {
      const py::str name(input.name);
      if (!given.contains(name)) throw py::value_error("no input " + input.name);
      std::size_t found = 0;
      columns.push_back(column_of(given[name], input, found));
      if (columns.size() > 1 && found != rows) {
        throw py::value_error("inputs of different numbers of rows");
      }
      rows = found;
    }
    return {std::move(columns), rows};
  }

  Status run_row(const std::vector<Column>& columns, std::size_t row) {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      feed(*run_, i, columns[i], row, model_->inputs()[i].width);
    }
    return run_->run();
  }

  static py::object gathered(const models::Tensor& output, const std::vector<double>& numbers,
                             const std::vector<std::string>& texts, std::size_t rows) {
    switch (output.type) {
      case ElementType::kFloat:
        return to_array<float>(numbers, rows, output.width);
      case ElementType::kDouble:
        return to_array<double>(numbers, rows, output.width);
      case ElementType::kInt64:
        return to_array<std::int64_t>(numbers, rows, output.width);
      case ElementType::kBool:
        return to_array<bool>(numbers, rows, output.width);
      case ElementType::kString:
        break;
    }
    const py::object array =
        py::module_::import("numpy").attr("array")(py::cast(texts), py::arg("dtype") = "object");
    return array.attr("reshape")(rows, output.width);
  }

  std::shared_ptr<const models::Model> model_;
  std::mutex mutex_;
  std::unique_ptr<models::ModelRun> run_;
  models::Margin margin_;
  std::shared_ptr<const models::Explanation> explanation_;
  std::optional<models::ExplanationRun> explaining_;
};

}  // namespace

void bind_models(py::module_& module) {
  py::class_<PyModel>(module, "Model", "One model by itself, as a release runs it.")
      .def(py::init<const py::bytes&, const std::string&>(), py::arg("image"),
           py::arg("onnxruntime_library") = "",
           "From the bytes of a ModelSlot; one without outputs gives all of a native model's. "
           "Raises "
           "StatusError.")
      .def_property_readonly("path", &PyModel::path, "\"native\" or \"onnxruntime\".")
      .def(
          "run", &PyModel::run, py::arg("inputs"),
          "Name to array [rows, width] of every input, to the same of every output: row by row, as "
          "requests are scored. Raises StatusError where a row cannot be worked out.")
      .def("explain", &PyModel::explain, py::arg("inputs"),
           "The same inputs to what each of their columns adds to the margin, in log-odds, against "
           "the slot's reference: [rows, columns]. Raises StatusError likewise.")
      .def_property_readonly("base_margin", &PyModel::base_margin,
                             "Margin of the reference; it and a row's parts add up to the row's.");
}

}  // namespace fenqi::python
