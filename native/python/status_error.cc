#include "python/status_error.h"

namespace py = pybind11;

namespace fenqi::python {

void bind_status_error(py::module_& module) {
  module.add_object("StatusError",
                    py::reinterpret_steal<py::object>(PyErr_NewExceptionWithDoc(
                        "fenqi._native.StatusError",
                        "A failed call: args are (gRPC status code, message, [(field, "
                        "description), ...]).",
                        PyExc_Exception, nullptr)));
}

void throw_if_bad(const Status& status) {
  if (status.ok()) return;
  py::list violations;
  for (const FieldViolation& violation : status.violations) {
    violations.append(py::make_tuple(violation.field, violation.description));
  }
  const py::object type = py::module_::import("fenqi._native").attr("StatusError");
  const py::tuple args = py::make_tuple(static_cast<int>(status.code), status.message, violations);
  PyErr_SetObject(type.ptr(), args.ptr());
  throw py::error_already_set();
}

}  // namespace fenqi::python
