// Builds a list of unknown size in an arena. Every element that is added or copied spends from the
// budget, so that the budget also bounds the memory.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

class ListBuilder {
 public:
  explicit ListBuilder(Scratch& scratch) : scratch_(scratch) {}

  // False where the budget is spent; the list is then the error kBudget.
  bool add(const Value& value) {
    if (size_ == capacity_) grow();
    if (spent_ || !scratch_.budget.spend(1)) {
      spent_ = true;
      return false;
    }
    elements_[size_++] = value;
    return true;
  }

  std::span<Value> elements() { return {elements_, size_}; }

  // The list, whose elements are the arena's. No more may be added.
  Value finish() const {
    if (spent_) return Value::of_error(ErrorCode::kBudget, 0);
    return Value::of_list(elements_, size_);
  }

 private:
  void grow() {
    const std::uint32_t capacity = capacity_ == 0 ? 8 : 2 * capacity_;
    if (!scratch_.budget.spend(size_)) {
      spent_ = true;
      return;
    }
    Value* const elements = scratch_.arena.take_array<Value>(capacity);
    std::copy(elements_, elements_ + size_, elements);
    elements_ = elements;
    capacity_ = capacity;
  }

  Scratch& scratch_;
  Value* elements_ = nullptr;
  std::uint32_t size_ = 0;
  std::uint32_t capacity_ = 0;
  bool spent_ = false;
};

}  // namespace fenqi::program
