// A value, or the Status that says why there is none. For loading and set-up; the request path
// passes a bare Status.
#pragma once

#include <utility>
#include <variant>

#include "base/status.h"

namespace fenqi {

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : content_(std::in_place_index<0>, std::move(value)) {}  // NOLINT: implicit
  Result(Status status)
      : content_(std::in_place_index<1>, std::move(status)) {}  // NOLINT: implicit

  bool ok() const { return content_.index() == 0; }
  // Only where ok().
  T& value() { return std::get<0>(content_); }
  const T& value() const { return std::get<0>(content_); }
  // Only where not ok().
  const Status& status() const { return std::get<1>(content_); }

 private:
  std::variant<T, Status> content_;
};

}  // namespace fenqi
