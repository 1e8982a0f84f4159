// The values of one row inside a native model, by type; see NativeModel in native_model.proto.
#pragma once

#include <cstdint>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fenqi::models {

// Whole numbers are also int32 and, as 0 and 1, bool.
enum class Bank : std::uint8_t { kNone, kFloat, kDouble, kInt, kText };

struct Cells {
  std::vector<float> floats;
  std::vector<double> doubles;
  std::vector<std::int64_t> ints;
  // Views: of constants into the model, of inputs into what the caller lent.
  std::vector<std::string_view> texts;

  template <typename T>
  T* bank() {
    if constexpr (std::is_same_v<T, float>) {
      return floats.data();
    } else if constexpr (std::is_same_v<T, double>) {
      return doubles.data();
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      return ints.data();
    } else {
      static_assert(std::is_same_v<T, std::string_view>);
      return texts.data();
    }
  }
};

template <typename T>
constexpr Bank bank_of() {
  if constexpr (std::is_same_v<T, float>) {
    return Bank::kFloat;
  } else if constexpr (std::is_same_v<T, double>) {
    return Bank::kDouble;
  } else if constexpr (std::is_same_v<T, std::int64_t>) {
    return Bank::kInt;
  } else {
    static_assert(std::is_same_v<T, std::string_view>);
    return Bank::kText;
  }
}

}  // namespace fenqi::models
