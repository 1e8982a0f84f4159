// Steps that move values: copies, choices, positions.
#include <algorithm>

#include "models/elementwise.h"

namespace fenqi::models {
namespace {

namespace kind = contract::step_kind;

template <typename T>
bool copy(const ModelStep& step, const StepTables& tables, Cells& cells) {
  T* const bank = cells.bank<T>();
  const std::uint32_t* from = tables.copied_cells.data() + step.index;
  for (std::uint32_t i = 0; i < step.count; ++i) bank[step.result + i] = bank[from[i]];
  return true;
}

template <typename T>
bool select(const ModelStep& step, const StepTables&, Cells& cells) {
  const std::int64_t* which = cells.ints.data() + step.a;
  const T* b = cells.bank<T>() + step.b;
  const T* c = cells.bank<T>() + step.c;
  T* result = cells.bank<T>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    result[i] = which[i * step.a_stride] != 0 ? b[i * step.b_stride] : c[i * step.c_stride];
  }
  return true;
}

template <typename T>
bool take(const ModelStep& step, const StepTables&, Cells& cells) {
  const std::int64_t* positions = cells.ints.data() + step.a;
  const T* values = cells.bank<T>() + step.b;
  T* result = cells.bank<T>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    std::int64_t position = positions[i * step.a_stride];
    if (position < 0) position += step.size;
    if (position < 0 || position >= step.size) return false;
    result[i] = values[position];
  }
  return true;
}

template <typename T>
bool before(const T& a, const T& b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (a != a) return false;
    if (b != b) return true;
  }
  return a < b;
}

template <typename T>
bool find(const ModelStep& step, const StepTables&, Cells& cells) {
  const T* a = cells.bank<T>() + step.a;
  const T* keys = cells.bank<T>() + step.b;
  const T* const end = keys + step.size;
  std::int64_t* result = cells.ints.data() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    const T& wanted = a[i * step.a_stride];
    const T* at = std::lower_bound(keys, end, wanted, &before<T>);
    result[i] = at != end && !before(wanted, *at) ? at - keys : step.size;
  }
  return true;
}

bool require(const ModelStep& step, const StepTables&, Cells& cells) {
  const std::int64_t* a = cells.ints.data() + step.a;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    if (a[i * step.a_stride] == 0) return false;
  }
  return true;
}

template <typename T>
struct Copy {
  static StepForm form() { return {&copy<T>, Bank::kNone, Bank::kNone, Bank::kNone, bank_of<T>()}; }
};
template <typename T>
struct Select {
  static StepForm form() {
    return {&select<T>, Bank::kInt, bank_of<T>(), bank_of<T>(), bank_of<T>()};
  }
};
template <typename T>
struct Take {
  static StepForm form() { return {&take<T>, Bank::kInt, bank_of<T>(), Bank::kNone, bank_of<T>()}; }
};
template <typename T>
struct Find {
  static StepForm form() { return {&find<T>, bank_of<T>(), bank_of<T>(), Bank::kNone, Bank::kInt}; }
};

}  // namespace

std::optional<StepForm> choice_form(std::uint32_t kind, std::uint32_t type) {
  switch (kind) {
    case kind::kCopy:
      return of_any<Copy>(type);
    case kind::kSelect:
      return of_any<Select>(type);
    case kind::kTake:
      return of_any<Take>(type);
    case kind::kFind:
      return of_any<Find>(type);
    case kind::kRequire:
      if (type != contract::tensor_type::kBool) return {};
      return StepForm{&require, Bank::kInt, Bank::kNone, Bank::kNone, Bank::kNone};
    default:
      return {};
  }
}

}  // namespace fenqi::models
