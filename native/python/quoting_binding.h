// Python's face of the Quoting methods in this process.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "engine/engine.h"

namespace fenqi::python {

void bind_quoting(pybind11::module_& module,
                  std::shared_ptr<engine::Engine> (*engine_of)(const pybind11::object&));

}  // namespace fenqi::python
