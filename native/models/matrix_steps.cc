// The steps that do the bulk of the work: a row times a matrix, and forests.
#include <cmath>

#include "models/elementwise.h"

namespace fenqi::models {
namespace {

namespace kind = contract::step_kind;

// Products are added up in order, each rounded once (fused), the bias last: the same bits with and
// without the instruction, and as onnxruntime's kernels have them on machines that fuse.
template <typename T>
[[gnu::always_inline]] inline void multiply(const T* row, const T* matrix, const T* bias,
                                            std::uint32_t bias_stride, std::uint32_t size,
                                            std::uint32_t count, T* result) {
  for (std::uint32_t i = 0; i < count; ++i) result[i] = T(0);
  for (std::uint32_t k = 0; k < size; ++k, matrix += count) {
    for (std::uint32_t i = 0; i < count; ++i) {
      result[i] = std::fma(row[k], matrix[i], result[i]);
    }
  }
  for (std::uint32_t i = 0; i < count; ++i) result[i] += bias[i * bias_stride];
}

template <typename T>
bool matrix(const ModelStep& step, const StepTables&, Cells& cells) {
  T* const bank = cells.bank<T>();
  multiply(bank + step.a, bank + step.b, bank + step.c, step.c_stride, step.size, step.count,
           bank + step.result);
  return true;
}

#if defined(__x86_64__)
// Where the processor fuses: without this, each product is a call into the C library.
template <typename T>
[[gnu::target("avx2,fma")]] bool fused_matrix(const ModelStep& step, const StepTables&,
                                              Cells& cells) {
  T* const bank = cells.bank<T>();
  multiply(bank + step.a, bank + step.b, bank + step.c, step.c_stride, step.size, step.count,
           bank + step.result);
  return true;
}

template <typename T>
StepFunction matrix_function() {
  const bool fuses = __builtin_cpu_supports("avx2") != 0 && __builtin_cpu_supports("fma") != 0;
  return fuses ? &fused_matrix<T> : &matrix<T>;
}
#else
template <typename T>
StepFunction matrix_function() {
  return &matrix<T>;
}
#endif

template <typename T>
struct Matrix {
  static StepForm form() {
    return {matrix_function<T>(), bank_of<T>(), bank_of<T>(), bank_of<T>(), bank_of<T>()};
  }
};

bool forest(const ModelStep& step, const StepTables& tables, Cells& cells) {
  const Forest& trees = tables.forests[step.index];
  trees.predict({cells.floats.data() + step.a, trees.column_count()},
                {cells.floats.data() + step.result, step.count});
  return true;
}

}  // namespace

std::optional<StepForm> matrix_form(std::uint32_t kind, std::uint32_t type) {
  if (kind == kind::kMatrix) return of_reals<Matrix>(type);
  if (kind == kind::kForest && type == contract::tensor_type::kFloat) {
    return StepForm{&forest, Bank::kFloat, Bank::kNone, Bank::kNone, Bank::kFloat};
  }
  return {};
}

std::optional<StepForm> step_form(std::uint32_t kind, std::uint32_t type) {
  for (const auto part : {&cast_form, &arithmetic_form, &real_form, &comparison_form, &choice_form,
                          &group_form, &matrix_form}) {
    if (const auto form = part(kind, type)) return form;
  }
  return {};
}

}  // namespace fenqi::models
