// fenqi._native.Expression: one compiled expression, for tests and tools.
#pragma once

#include <pybind11/pybind11.h>

namespace fenqi::python {

void bind_expression(pybind11::module_& module);

}  // namespace fenqi::python
