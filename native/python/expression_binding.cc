#include "python/expression_binding.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "program/expression.h"
#include "program/patterns.h"
#include "program/time_zone.h"
#include "python/status_error.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

std::span<const std::uint8_t> view(const py::bytes& bytes) {
  const std::string_view text = bytes;
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

program::Expression parse(const py::bytes& image) {
  auto parsed = program::Expression::parse(view(image));
  if (!parsed.ok()) throw_if_bad(parsed.status());
  return std::move(parsed.value());
}

// Keeps the GIL: the expression has one set of registers, and tools are in no hurry.
py::bytes evaluate(program::Expression& expression, const py::bytes& values, std::uint64_t work) {
  const auto result = expression.evaluate(view(values), work);
  if (!result.ok()) throw_if_bad(result.status());
  return {reinterpret_cast<const char*>(result.value().data()), result.value().size()};
}

// What is wrong with a regular expression; "" where nothing is.
std::string pattern_error(const std::string& text) {
  const auto compiled = program::Pattern::compile(text);
  return compiled.ok() ? std::string() : compiled.status().message;
}

}  // namespace

void bind_expression(py::module_& module) {
  py::class_<program::Expression>(module, "Expression", "One compiled expression.")
      .def(py::init(&parse), py::arg("image"),
           "From ExpressionImage bytes. Raises StatusError for bytes that are none.")
      .def("evaluate", &evaluate, py::arg("values"), py::arg("work") = program::kWorkOfRequest,
           "ConstantList bytes, one value a variable, to Constant bytes, within a budget of work. "
           "Raises StatusError.");
  module.def("pattern_error", &pattern_error, py::arg("pattern"),
             "What is wrong with a regular expression; empty where nothing is.");
  module.def(
      "is_time_zone",
      [](const std::string& name) { return program::TimeZone::load(name).has_value(); },
      py::arg("name"), "Whether the name is a time zone's: of the IANA, or a fixed offset.");
}

}  // namespace fenqi::python
