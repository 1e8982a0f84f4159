// fenqi._native.StatusError: a failed call, with args (code, message, [(field, description), ...]).
#pragma once

#include <pybind11/pybind11.h>

#include "base/status.h"

namespace fenqi::python {

void bind_status_error(pybind11::module_& module);

// Raises StatusError unless `status` is ok. Needs the GIL.
void throw_if_bad(const Status& status);

}  // namespace fenqi::python
