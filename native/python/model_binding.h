// fenqi._native.Model: one model by itself, through the code that the engine runs.
#pragma once

#include <pybind11/pybind11.h>

namespace fenqi::python {

void bind_models(pybind11::module_& module);

}  // namespace fenqi::python
