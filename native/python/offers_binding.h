// fenqi._native.offers: the arithmetic of offers over NumPy arrays.
#pragma once

#include <pybind11/pybind11.h>

namespace fenqi::python {

// Adds the submodule to `module`; the other two add their part to the submodule.
void bind_offers(pybind11::module_& module);
void bind_prices(pybind11::module_& offers);
void bind_repayment(pybind11::module_& offers);

}  // namespace fenqi::python
