#include "python/constants_binding.h"

#include <pybind11/stl.h>

#include <optional>
#include <string>

#include "program/patterns.h"
#include "program/time_zone.h"

namespace py = pybind11;

namespace fenqi::python {

void bind_constants(py::module_& module) {
  module.def(
      "pattern_fault",
      [](const std::string& pattern) -> std::optional<std::string> {
        const auto compiled = program::Pattern::compile(pattern);
        if (compiled.ok()) return std::nullopt;
        return compiled.status().message;
      },
      py::arg("pattern"), "What is wrong with a regular expression, or None.");
  module.def(
      "is_time_zone",
      [](const std::string& name) { return program::TimeZone::load(name).has_value(); },
      py::arg("name"), "Whether this is an IANA name or a fixed offset such as \"+05:30\".");
}

}  // namespace fenqi::python
