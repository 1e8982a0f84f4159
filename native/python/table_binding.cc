#include "python/table_binding.h"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "python/status_error.h"
#include "tables/decision_table.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

using tables::DecisionTable;
using tables::HitPolicy;

constexpr const char* kTableDoc =
    "The index of a decision table, from a serialized fenqi.internal.v1.DecisionTable.\n\n"
    "Raises StatusError where the table is damaged or its index would take more than 64 MiB.";
constexpr const char* kFindDoc =
    "The row that holds, from 1, or 0; the list of all that hold where the hit policy gives "
    "several. None where that depends on an input that is missing. `inputs` has a value for each "
    "of the image's inputs, of its kind; None is missing. Raises ValueError where more rows hold "
    "than the hit policy allows.";

// A text stays a view into the Python string, which `inputs` keeps alive.
Value to_value(const py::handle& from, Kind kind) {
  if (from.is_none()) return Value();
  switch (kind) {
    case Kind::kBool:
      return Value::of_bool(from.cast<bool>());
    case Kind::kInt:
      return Value::of_int(from.cast<std::int64_t>());
    case Kind::kUint:
      return Value::of_uint(from.cast<std::uint64_t>());
    case Kind::kDouble:
      return Value::of_double(from.cast<double>());
    default:
      return Value::of_string(from.cast<std::string_view>());
  }
}

std::vector<Value> registers_of(const DecisionTable& table, const py::list& inputs) {
  if (inputs.size() != table.inputs().size()) {
    throw py::value_error("the table has " + std::to_string(table.inputs().size()) + " inputs");
  }
  std::vector<Value> registers;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const tables::TableInput& input = table.inputs()[i];
    if (registers.size() <= input.register_index) registers.resize(input.register_index + 1);
    registers[input.register_index] = to_value(inputs[i], input.kind);
  }
  return registers;
}

py::object to_rows(const Value& found) {
  if (found.is_error()) throw py::value_error("more rows hold than the hit policy allows");
  if (found.is_missing()) return py::none();
  if (found.kind == Kind::kInt) return py::int_(found.i);
  py::list rows;
  for (std::uint32_t i = 0; i < found.size; ++i) rows.append(found.list[i].i);
  return rows;
}

py::object find(const DecisionTable& table, const py::list& inputs) {
  const std::vector<Value> registers = registers_of(table, inputs);
  Arena arena;
  return to_rows(table.hit_policy() == HitPolicy::kAll ? table.rows(registers, arena)
                                                       : table.row(registers, 0));
}

py::object rows(const DecisionTable& table, const py::list& inputs) {
  const std::vector<Value> registers = registers_of(table, inputs);
  Arena arena;
  return to_rows(table.rows(registers, arena));
}

std::unique_ptr<DecisionTable> parse(const py::bytes& image) {
  const std::string_view text = image;
  auto table =
      DecisionTable::parse({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  if (!table.ok()) throw_if_bad(table.status());
  return std::make_unique<DecisionTable>(std::move(table.value()));
}

}  // namespace

void bind_tables(py::module_& module) {
  py::class_<DecisionTable>(module, "DecisionTable", kTableDoc)
      .def(py::init(&parse), py::arg("image"))
      .def("find", &find, py::arg("inputs"), kFindDoc)
      .def("rows", &rows, py::arg("inputs"),
           "All rows that hold, whatever the hit policy, the most preferred first; None likewise.")
      .def_property_readonly("index_bytes", &DecisionTable::index_bytes,
                             "What the sets of rows take.");
}

}  // namespace fenqi::python
