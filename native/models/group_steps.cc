// Steps over groups of neighbouring cells: sums, extremes, softmax.
#include <algorithm>
#include <cmath>
#include <limits>

#include "models/elementwise.h"

namespace fenqi::models {
namespace {

namespace kind = contract::step_kind;

// Operation::of(first, size) -> R for each group.
template <typename Operation, typename T, typename R>
bool run_groups(const ModelStep& step, const StepTables&, Cells& cells) {
  const T* a = cells.bank<T>() + step.a;
  R* result = cells.bank<R>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i, a += step.size) {
    result[i] = Operation::of(a, step.size);
  }
  return true;
}

template <typename T>
T wrapping_add(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a + b;
  } else {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
}

template <typename T>
T wrapping_multiply(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    return a * b;
  } else {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  }
}

struct Sum {
  template <typename T>
  static T of(const T* x, std::uint32_t size) {
    T sum = 0;
    for (std::uint32_t k = 0; k < size; ++k) sum = wrapping_add(sum, x[k]);
    return sum;
  }
};
// Eigen's order of additions (Redux.h, linear vectorised traversal) for the neighbours from `x` on,
// of which the first `before` come before the next multiple of 16 bytes.
template <typename T>
T lane_sum(const T* x, std::uint32_t size, std::uint32_t before) {
  constexpr std::uint32_t kLanes = 16 / sizeof(T);
  const std::uint32_t vectors = (size - before) / kLanes;
  if (vectors == 0) return Sum::of(x, size);
  T lanes[2][kLanes] = {};
  for (std::uint32_t v = 0; v < vectors; ++v) {
    // Two vectors at a time; a third that is left over goes to their sum.
    const bool is_left_over = vectors > 1 && vectors % 2 == 1 && v == vectors - 1;
    if (is_left_over) {
      for (std::uint32_t k = 0; k < kLanes; ++k) lanes[0][k] += lanes[1][k];
    }
    T* const into = is_left_over ? lanes[0] : lanes[v % 2];
    const T* const from = x + before + v * kLanes;
    for (std::uint32_t k = 0; k < kLanes; ++k) into[k] = v < 2 ? from[k] : into[k] + from[k];
  }
  if (vectors > 1 && vectors % 2 == 0) {
    for (std::uint32_t k = 0; k < kLanes; ++k) lanes[0][k] += lanes[1][k];
  }
  const T* const lane = lanes[0];
  T sum = kLanes == 4 ? (lane[0] + lane[2]) + (lane[1] + lane[3]) : lane[0] + lane[1];
  for (std::uint32_t k = 0; k < before; ++k) sum += x[k];
  for (std::uint32_t k = before + vectors * kLanes; k < size; ++k) sum += x[k];
  return sum;
}

template <typename T>
bool lane_sums(const ModelStep& step, const StepTables&, Cells& cells) {
  constexpr std::uint32_t kLanes = 16 / sizeof(T);
  const T* a = cells.bank<T>() + step.a;
  T* result = cells.bank<T>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i, a += step.size) {
    // As if the first group began at a multiple of 16 bytes.
    const std::uint32_t before = (kLanes - i * step.size % kLanes) % kLanes;
    result[i] = lane_sum(a, step.size, std::min(before, step.size));
  }
  return true;
}

struct Product {
  template <typename T>
  static T of(const T* x, std::uint32_t size) {
    T product = 1;
    for (std::uint32_t k = 0; k < size; ++k) product = wrapping_multiply(product, x[k]);
    return product;
  }
};

// The position of the first of the largest (or smallest); NaN is neither.
template <bool kLargest, typename T>
std::uint32_t extreme(const T* x, std::uint32_t size) {
  std::uint32_t best = 0;
  for (std::uint32_t k = 1; k < size; ++k) {
    if (kLargest ? x[k] > x[best] : x[k] < x[best]) best = k;
  }
  return best;
}

template <bool kLargest>
struct Extreme {
  template <typename T>
  static T of(const T* x, std::uint32_t size) {
    for (std::uint32_t k = 0; k < size; ++k) {
      if (x[k] != x[k]) return x[k];
    }
    return x[extreme<kLargest>(x, size)];
  }
};
template <bool kLargest>
struct ArgExtreme {
  template <typename T>
  static std::int64_t of(const T* x, std::uint32_t size) {
    return extreme<kLargest>(x, size);
  }
};

// The largest number in x, at least the type's lowest.
template <typename T>
T largest_finite(const T* x, std::uint32_t size) {
  T largest = std::numeric_limits<T>::lowest();
  for (std::uint32_t k = 0; k < size; ++k) {
    if (x[k] > largest) largest = x[k];
  }
  return largest;
}

struct LogSumExp {
  template <typename T>
  static T of(const T* x, std::uint32_t size) {
    const T largest = largest_finite(x, size);
    const T shift = std::isfinite(largest) ? largest : T(0);
    T sum = 0;
    for (std::uint32_t k = 0; k < size; ++k) sum += std::exp(x[k] - shift);
    return std::log(sum) + shift;
  }
};

template <typename T>
bool softmax(const ModelStep& step, const StepTables&, Cells& cells) {
  const T* a = cells.bank<T>() + step.a;
  T* result = cells.bank<T>() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i, a += step.size, result += step.size) {
    const T largest = largest_finite(a, step.size);
    T sum = 0;
    for (std::uint32_t k = 0; k < step.size; ++k) {
      result[k] = std::exp(a[k] - largest);
      sum += result[k];
    }
    for (std::uint32_t k = 0; k < step.size; ++k) result[k] /= sum;
  }
  return true;
}

// SOFTMAX_ZERO as onnxruntime has it (ml_common.h): what is nearly zero stays nearly zero.
bool softmax_zero(const ModelStep& step, const StepTables&, Cells& cells) {
  constexpr float kNearZero = 0.0000001f;
  const float* a = cells.floats.data() + step.a;
  float* result = cells.floats.data() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i, a += step.size, result += step.size) {
    const float largest = largest_finite(a, step.size);
    const float scale = std::exp(-largest);
    float sum = 0.0f;
    for (std::uint32_t k = 0; k < step.size; ++k) {
      if (a[k] > kNearZero || a[k] < -kNearZero) {
        result[k] = std::exp(a[k] - largest);
        sum += result[k];
      } else {
        result[k] = a[k] * scale;
      }
    }
    for (std::uint32_t k = 0; k < step.size; ++k) result[k] /= sum;
  }
  return true;
}

template <typename Operation>
struct GroupsOf {
  template <typename T>
  struct Form {
    static StepForm form() {
      return {&run_groups<Operation, T, T>, bank_of<T>(), Bank::kNone, Bank::kNone, bank_of<T>()};
    }
  };
};
template <typename Operation>
struct PositionOf {
  template <typename T>
  struct Form {
    static StepForm form() {
      return {&run_groups<Operation, T, std::int64_t>, bank_of<T>(), Bank::kNone, Bank::kNone,
              Bank::kInt};
    }
  };
};
template <typename T>
struct LaneSums {
  static StepForm form() {
    return {&lane_sums<T>, bank_of<T>(), Bank::kNone, Bank::kNone, bank_of<T>()};
  }
};
template <typename T>
struct Softmax {
  static StepForm form() {
    return {&softmax<T>, bank_of<T>(), Bank::kNone, Bank::kNone, bank_of<T>()};
  }
};

}  // namespace

std::optional<StepForm> group_form(std::uint32_t kind, std::uint32_t type) {
  switch (kind) {
    case kind::kGroupSum:
      return of_numbers<GroupsOf<Sum>::Form>(type);
    case kind::kGroupLaneSum:
      return of_reals<LaneSums>(type);
    case kind::kGroupProduct:
      return of_numbers<GroupsOf<Product>::Form>(type);
    case kind::kGroupMin:
      return of_numbers<GroupsOf<Extreme<false>>::Form>(type);
    case kind::kGroupMax:
      return of_numbers<GroupsOf<Extreme<true>>::Form>(type);
    case kind::kGroupArgMax:
      return of_numbers<PositionOf<ArgExtreme<true>>::Form>(type);
    case kind::kGroupArgMin:
      return of_numbers<PositionOf<ArgExtreme<false>>::Form>(type);
    case kind::kGroupLogSumExp:
      return of_reals<GroupsOf<LogSumExp>::Form>(type);
    case kind::kGroupSoftmax:
      return of_reals<Softmax>(type);
    case kind::kGroupSoftmaxZero:
      if (type != contract::tensor_type::kFloat) return {};
      return StepForm{&softmax_zero, Bank::kFloat, Bank::kNone, Bank::kNone, Bank::kFloat};
    default:
      return {};
  }
}

}  // namespace fenqi::models
