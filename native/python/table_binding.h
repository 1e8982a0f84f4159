// fenqi._native.DecisionTable: the index of one table, for the policy's tools and for tests.
#pragma once

#include <pybind11/pybind11.h>

namespace fenqi::python {

// Adds the class DecisionTable to `module`.
void bind_tables(pybind11::module_& module);

}  // namespace fenqi::python
