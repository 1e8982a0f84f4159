// Makes steps out of functions of single values.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "fenqi/contract.h"
#include "models/model_step.h"

namespace fenqi::models {

// Operation::of(A) -> R, for each of `count` values.
template <typename Operation, typename A, typename R>
bool run_unary(const ModelStep& step, const StepTables&, Cells& cells) {
  const A* a = cells.bank<A>() + step.a;
  R* result = cells.bank<R>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    result[i] = static_cast<R>(Operation::of(a[i * step.a_stride]));
  }
  return true;
}

// Operation::of(A, A) -> R, likewise.
template <typename Operation, typename A, typename R>
bool run_binary(const ModelStep& step, const StepTables&, Cells& cells) {
  const A* a = cells.bank<A>() + step.a;
  const A* b = cells.bank<A>() + step.b;
  R* result = cells.bank<R>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    result[i] = static_cast<R>(Operation::of(a[i * step.a_stride], b[i * step.b_stride]));
  }
  return true;
}

template <typename Operation, typename A, typename R = A>
StepForm unary() {
  return {&run_unary<Operation, A, R>, bank_of<A>(), Bank::kNone, Bank::kNone, bank_of<R>()};
}

template <typename Operation, typename A, typename R = A>
StepForm binary() {
  return {&run_binary<Operation, A, R>, bank_of<A>(), bank_of<A>(), Bank::kNone, bank_of<R>()};
}

// The form for the C++ type that stands for a contract::tensor_type; nothing for one that `make`,
// a template of no arguments, is not asked for.
template <template <typename> typename Make>
std::optional<StepForm> of_reals(std::uint32_t type) {
  if (type == contract::tensor_type::kFloat) return Make<float>::form();
  if (type == contract::tensor_type::kDouble) return Make<double>::form();
  return {};
}

template <template <typename> typename Make>
std::optional<StepForm> of_numbers(std::uint32_t type) {
  if (type == contract::tensor_type::kInt64 || type == contract::tensor_type::kBool) {
    return Make<std::int64_t>::form();
  }
  return of_reals<Make>(type);
}

template <template <typename> typename Make>
std::optional<StepForm> of_any(std::uint32_t type) {
  if (type == contract::tensor_type::kString) return Make<std::string_view>::form();
  return of_numbers<Make>(type);
}

}  // namespace fenqi::models
