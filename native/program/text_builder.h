// Builds a string of unknown size in an arena. What goes beyond kMaxStringBytes is dropped, and the
// string is then the error kTooLarge. Cost: every byte is copied about twice.
#pragma once

#include <algorithm>
#include <cstring>
#include <string_view>

#include "base/arena.h"
#include "base/value.h"
#include "program/strings.h"

namespace fenqi::program {

class TextBuilder {
 public:
  explicit TextBuilder(Arena& arena) : arena_(arena) {}

  void add(std::string_view text) {
    if (text.size() > capacity_ - size_ && !grow(text.size())) return;
    if (!text.empty()) std::memcpy(bytes_ + size_, text.data(), text.size());
    size_ += text.size();
  }
  void add(char c) { add(std::string_view(&c, 1)); }

  bool is_too_large() const { return too_large_; }

  // The string, whose bytes are the arena's. No more may be added.
  Value finish() const {
    if (too_large_) return Value::of_error(ErrorCode::kTooLarge, 0);
    return Value::of_string({bytes_, size_});
  }

 private:
  bool grow(std::size_t more) {
    if (too_large_ || more > kMaxStringBytes - size_) {
      too_large_ = true;
      return false;
    }
    capacity_ = std::min(std::max({size_ + more, 2 * capacity_, kSmallest}), kMaxStringBytes);
    char* const bytes = arena_.take(capacity_);
    if (size_ > 0) std::memcpy(bytes, bytes_, size_);
    bytes_ = bytes;
    return true;
  }

  static constexpr std::size_t kSmallest = 128;

  Arena& arena_;
  char* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
  bool too_large_ = false;
};

}  // namespace fenqi::program
