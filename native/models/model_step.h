// One step of a native model, and the functions that carry steps out.
//
// A function trusts its step: NativeModel::load has checked that every cell which it reads or
// writes exists. None takes anything from the heap or throws.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/cells.h"
#include "models/forest.h"

namespace fenqi::models {

struct ModelStep;

// What steps read besides cells.
struct StepTables {
  std::vector<Forest> forests;
  std::vector<std::uint32_t> copied_cells;
};

// False where the row cannot be worked out: an unknown category, a division by zero.
using StepFunction = bool (*)(const ModelStep& step, const StepTables& tables, Cells& cells);

// See ModelStep in native_model.proto.
struct ModelStep {
  StepFunction run = nullptr;
  std::uint32_t result = 0;
  std::uint32_t a = 0;
  std::uint32_t b = 0;
  std::uint32_t c = 0;
  // From one i to the next: 1, or 0 where the operand is one cell.
  std::uint32_t a_stride = 1;
  std::uint32_t b_stride = 1;
  std::uint32_t c_stride = 1;
  std::uint32_t count = 0;
  std::uint32_t size = 0;
  std::uint32_t index = 0;
};

// How a kind of step works on operands of one type: its function, and the banks of its operands and
// result (kNone: it has none).
struct StepForm {
  StepFunction run = nullptr;
  Bank a = Bank::kNone;
  Bank b = Bank::kNone;
  Bank c = Bank::kNone;
  Bank result = Bank::kNone;
};

// Nothing where `kind` (contract::step_kind) does not work on `type` (contract::tensor_type).
std::optional<StepForm> step_form(std::uint32_t kind, std::uint32_t type);

// The parts of it.
std::optional<StepForm> cast_form(std::uint32_t kind, std::uint32_t type);
std::optional<StepForm> arithmetic_form(std::uint32_t kind, std::uint32_t type);
std::optional<StepForm> real_form(std::uint32_t kind, std::uint32_t type);
std::optional<StepForm> comparison_form(std::uint32_t kind, std::uint32_t type);
std::optional<StepForm> choice_form(std::uint32_t kind, std::uint32_t type);
std::optional<StepForm> group_form(std::uint32_t kind, std::uint32_t type);
std::optional<StepForm> matrix_form(std::uint32_t kind, std::uint32_t type);

}  // namespace fenqi::models
