// Casts, arithmetic and comparisons of single values.
#include <cmath>
#include <cstdlib>
#include <limits>

#include "models/elementwise.h"

namespace fenqi::models {
namespace {

namespace kind = contract::step_kind;

// Whole numbers wrap around; signed overflow has no meaning in C++.
std::int64_t wrapped(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits);
}
std::uint64_t bits(std::int64_t x) {
  return static_cast<std::uint64_t>(x);
}

// --- casts ---

struct Same {
  template <typename T>
  static T of(T x) {
    return x;
  }
};

// Towards zero, within `Whole`; what does not fit is its smallest number, as x86 has it.
template <typename Whole>
struct ToWhole {
  static std::int64_t of(std::int64_t x) { return static_cast<Whole>(x); }
  static std::int64_t of(double x) {
    // The smallest number is a power of two, so the double beside it is exact.
    constexpr auto kLow = static_cast<double>(std::numeric_limits<Whole>::min());
    return x >= kLow && x < -kLow ? static_cast<Whole>(x) : std::numeric_limits<Whole>::min();
  }
};

struct ToBool {
  template <typename T>
  static std::int64_t of(T x) {
    return x != T(0) ? 1 : 0;
  }
};

template <typename T>
struct ToFloat {
  static StepForm form() { return unary<Same, T, float>(); }
};
template <typename T>
struct ToDouble {
  static StepForm form() { return unary<Same, T, double>(); }
};
template <typename T>
struct ToInt64 {
  static StepForm form() { return unary<ToWhole<std::int64_t>, T, std::int64_t>(); }
};
template <typename T>
struct ToInt32 {
  static StepForm form() { return unary<ToWhole<std::int32_t>, T, std::int64_t>(); }
};
template <typename T>
struct AsBool {
  static StepForm form() { return unary<ToBool, T, std::int64_t>(); }
};

// --- arithmetic ---

struct Add {
  static std::int64_t of(std::int64_t a, std::int64_t b) { return wrapped(bits(a) + bits(b)); }
  template <typename T>
  static T of(T a, T b) {
    return a + b;
  }
};
struct Subtract {
  static std::int64_t of(std::int64_t a, std::int64_t b) { return wrapped(bits(a) - bits(b)); }
  template <typename T>
  static T of(T a, T b) {
    return a - b;
  }
};
struct Multiply {
  static std::int64_t of(std::int64_t a, std::int64_t b) { return wrapped(bits(a) * bits(b)); }
  template <typename T>
  static T of(T a, T b) {
    return a * b;
  }
};
struct Divide {
  template <typename T>
  static T of(T a, T b) {
    return a / b;
  }
};
struct Min {
  template <typename T>
  static T of(T a, T b) {
    return a != a ? a : (b < a || b != b ? b : a);
  }
};
struct Max {
  template <typename T>
  static T of(T a, T b) {
    return a != a ? a : (b > a || b != b ? b : a);
  }
};
struct Negate {
  static std::int64_t of(std::int64_t x) { return wrapped(0 - bits(x)); }
  template <typename T>
  static T of(T x) {
    return -x;
  }
};
struct Abs {
  static std::int64_t of(std::int64_t x) { return x < 0 ? Negate::of(x) : x; }
  template <typename T>
  static T of(T x) {
    return std::fabs(x);
  }
};

bool divide_whole(const ModelStep& step, const StepTables&, Cells& cells) {
  const std::int64_t* a = cells.ints.data() + step.a;
  const std::int64_t* b = cells.ints.data() + step.b;
  std::int64_t* result = cells.ints.data() + step.result;
  for (std::uint32_t i = 0; i < step.count; ++i) {
    const std::int64_t dividend = a[i * step.a_stride];
    const std::int64_t divisor = b[i * step.b_stride];
    if (divisor == 0) return false;
    result[i] = divisor == -1 ? Negate::of(dividend) : dividend / divisor;
  }
  return true;
}

template <typename Operation>
struct BinaryOf {
  template <typename T>
  struct Form {
    static StepForm form() { return binary<Operation, T>(); }
  };
};
template <typename Operation>
struct UnaryOf {
  template <typename T>
  struct Form {
    static StepForm form() { return unary<Operation, T>(); }
  };
};
template <typename T>
struct DivideForm {
  static StepForm form() {
    if constexpr (std::is_same_v<T, std::int64_t>) {
      return {&divide_whole, Bank::kInt, Bank::kInt, Bank::kNone, Bank::kInt};
    } else {
      return binary<Divide, T>();
    }
  }
};

// --- functions of reals ---

struct Power {
  template <typename T>
  static T of(T a, T b) {
    return std::pow(a, b);
  }
};
struct Exp {
  template <typename T>
  static T of(T x) {
    return std::exp(x);
  }
};
struct Log {
  template <typename T>
  static T of(T x) {
    return std::log(x);
  }
};
struct Sqrt {
  template <typename T>
  static T of(T x) {
    return std::sqrt(x);
  }
};
struct Reciprocal {
  template <typename T>
  static T of(T x) {
    return T(1) / x;
  }
};
struct Floor {
  template <typename T>
  static T of(T x) {
    return std::floor(x);
  }
};
struct Ceil {
  template <typename T>
  static T of(T x) {
    return std::ceil(x);
  }
};
struct Tanh {
  template <typename T>
  static T of(T x) {
    return std::tanh(x);
  }
};
struct Relu {
  template <typename T>
  static T of(T x) {
    return x < T(0) ? T(0) : x;
  }
};

// The rational function by which onnxruntime's Sigmoid (MLAS, logistic.cpp) works in float: 1/2
// plus x times an even polynomial over another, on -18 .. 18. Outside it is constant, unlike the
// logistic function itself.
struct Sigmoid {
  static float of(float x) {
    constexpr float kTop[] = {4.37031012579801e-11f, 1.15627324459942e-07f, 6.08574864600143e-05f,
                              8.51377133304701e-03f, 2.48287947061529e-01f};
    constexpr float kBottom[] = {6.10247389755681e-13f, 5.76102136993427e-09f,
                                 6.29106785017040e-06f, 1.70198817374094e-03f,
                                 1.16817656904453e-01f, 9.93151921023180e-01f};
    if (x != x) return x;
    const float within = x < -18.0f ? -18.0f : (x > 18.0f ? 18.0f : x);
    const float square = within * within;
    float top = kTop[0];
    for (int i = 1; i < 5; ++i) top = std::fma(top, square, kTop[i]);
    float bottom = kBottom[0];
    for (int i = 1; i < 6; ++i) bottom = std::fma(bottom, square, kBottom[i]);
    const float result = within * top / bottom + 0.5f;
    return result < 0.0f ? 0.0f : (result > 1.0f ? 1.0f : result);
  }
  static double of(double x) {
    return x > 0 ? 1.0 / (1.0 + std::exp(-x)) : std::exp(x) / (1.0 + std::exp(x));
  }
};

// As LOGISTIC of the tree and linear operators (onnxruntime, ml_common.h).
struct Logistic {
  static float of(float x) {
    const float upper = 1.0f / (1.0f + std::exp(-std::fabs(x)));
    return x < 0.0f ? 1.0f - upper : upper;
  }
};

// --- comparisons ---

struct Equal {
  template <typename T>
  static std::int64_t of(T a, T b) {
    return a == b ? 1 : 0;
  }
};
struct Less {
  template <typename T>
  static std::int64_t of(T a, T b) {
    return a < b ? 1 : 0;
  }
};
struct LessOrEqual {
  template <typename T>
  static std::int64_t of(T a, T b) {
    return a <= b ? 1 : 0;
  }
};
struct IsNan {
  template <typename T>
  static std::int64_t of(T x) {
    return x != x ? 1 : 0;
  }
};
struct Not {
  static std::int64_t of(std::int64_t x) { return x == 0 ? 1 : 0; }
};
struct And {
  static std::int64_t of(std::int64_t a, std::int64_t b) { return a != 0 && b != 0 ? 1 : 0; }
};
struct Or {
  static std::int64_t of(std::int64_t a, std::int64_t b) { return a != 0 || b != 0 ? 1 : 0; }
};
struct Xor {
  static std::int64_t of(std::int64_t a, std::int64_t b) { return (a != 0) != (b != 0) ? 1 : 0; }
};

template <typename Operation>
struct ComparisonOf {
  template <typename T>
  struct Form {
    static StepForm form() { return binary<Operation, T, std::int64_t>(); }
  };
};
template <typename T>
struct IsNanForm {
  static StepForm form() { return unary<IsNan, T, std::int64_t>(); }
};

std::optional<StepForm> truth_form(std::uint32_t kind) {
  switch (kind) {
    case kind::kNot:
      return unary<Not, std::int64_t>();
    case kind::kAnd:
      return binary<And, std::int64_t>();
    case kind::kOr:
      return binary<Or, std::int64_t>();
    case kind::kXor:
      return binary<Xor, std::int64_t>();
    default:
      return {};
  }
}

}  // namespace

std::optional<StepForm> cast_form(std::uint32_t kind, std::uint32_t type) {
  switch (kind) {
    case kind::kToFloat:
      return of_numbers<ToFloat>(type);
    case kind::kToDouble:
      return of_numbers<ToDouble>(type);
    case kind::kToInt64:
      return of_numbers<ToInt64>(type);
    case kind::kToInt32:
      return of_numbers<ToInt32>(type);
    case kind::kToBool:
      return of_numbers<AsBool>(type);
    default:
      return {};
  }
}

std::optional<StepForm> arithmetic_form(std::uint32_t kind, std::uint32_t type) {
  switch (kind) {
    case kind::kAdd:
      return of_numbers<BinaryOf<Add>::Form>(type);
    case kind::kSubtract:
      return of_numbers<BinaryOf<Subtract>::Form>(type);
    case kind::kMultiply:
      return of_numbers<BinaryOf<Multiply>::Form>(type);
    case kind::kDivide:
      return of_numbers<DivideForm>(type);
    case kind::kMin:
      return of_numbers<BinaryOf<Min>::Form>(type);
    case kind::kMax:
      return of_numbers<BinaryOf<Max>::Form>(type);
    case kind::kAbs:
      return of_numbers<UnaryOf<Abs>::Form>(type);
    case kind::kNegate:
      return of_numbers<UnaryOf<Negate>::Form>(type);
    default:
      return {};
  }
}

std::optional<StepForm> real_form(std::uint32_t kind, std::uint32_t type) {
  switch (kind) {
    case kind::kPower:
      return of_reals<BinaryOf<Power>::Form>(type);
    case kind::kExp:
      return of_reals<UnaryOf<Exp>::Form>(type);
    case kind::kLog:
      return of_reals<UnaryOf<Log>::Form>(type);
    case kind::kSqrt:
      return of_reals<UnaryOf<Sqrt>::Form>(type);
    case kind::kReciprocal:
      return of_reals<UnaryOf<Reciprocal>::Form>(type);
    case kind::kFloor:
      return of_reals<UnaryOf<Floor>::Form>(type);
    case kind::kCeil:
      return of_reals<UnaryOf<Ceil>::Form>(type);
    case kind::kTanh:
      return of_reals<UnaryOf<Tanh>::Form>(type);
    case kind::kRelu:
      return of_reals<UnaryOf<Relu>::Form>(type);
    case kind::kSigmoid:
      return of_reals<UnaryOf<Sigmoid>::Form>(type);
    case kind::kLogistic:
      if (type == contract::tensor_type::kFloat) return unary<Logistic, float>();
      return {};
    default:
      return {};
  }
}

std::optional<StepForm> comparison_form(std::uint32_t kind, std::uint32_t type) {
  switch (kind) {
    case kind::kEqual:
      return of_any<ComparisonOf<Equal>::Form>(type);
    case kind::kLess:
      return of_numbers<ComparisonOf<Less>::Form>(type);
    case kind::kLessOrEqual:
      return of_numbers<ComparisonOf<LessOrEqual>::Form>(type);
    case kind::kIsNan:
      return of_reals<IsNanForm>(type);
    default:
      if (type == contract::tensor_type::kBool) return truth_form(kind);
      return {};
  }
}

}  // namespace fenqi::models
