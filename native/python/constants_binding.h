// What the compiler asks the core about constants in a policy, so that a bad one is an error with a
// place in the policy and not one at load.
#pragma once

#include <pybind11/pybind11.h>

namespace fenqi::python {

// Adds `pattern_fault` and `is_time_zone` to the module.
void bind_constants(pybind11::module_& module);

}  // namespace fenqi::python
