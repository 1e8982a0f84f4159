// fenqi._native.Server: the C++ data plane over an engine.
#pragma once

#include <pybind11/pybind11.h>

#include <memory>

#include "engine/engine.h"

namespace fenqi::python {

// Adds the class Server to `module`. `engine_of` gives the engine inside the Python object that the
// constructor receives.
void bind_server(pybind11::module_& module,
                 std::shared_ptr<engine::Engine> (*engine_of)(const pybind11::object&));

}  // namespace fenqi::python
