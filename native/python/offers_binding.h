// fenqi._native.offers: the arithmetic of offers over NumPy arrays.
#pragma once

#include <pybind11/pybind11.h>

namespace fenqi::python {

void bind_offers(pybind11::module_& module);

}  // namespace fenqi::python
