// How much work one request may still ask for. A unit is about what one instruction, one element
// copied or compared, or 16 bytes made or scanned costs: at most some ten nanoseconds. One thread.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fenqi {

class Budget {
 public:
  explicit constexpr Budget(std::uint64_t units) : left_(units) {}

  // Takes `units`. False where they are not there; the budget is then spent for good, and what the
  // request still computes ends in ErrorCode::kBudget.
  bool spend(std::uint64_t units) {
    if (units > left_) {
      left_ = 0;
      spent_ = true;
      return false;
    }
    left_ -= units;
    return true;
  }
  // For work over `size` bytes.
  bool spend_bytes(std::size_t size) { return spend(1 + size / kBytesPerUnit); }

  void exhaust() {
    left_ = 0;
    spent_ = true;
  }
  bool is_spent() const { return spent_; }
  std::uint64_t left() const { return left_; }

 private:
  static constexpr std::size_t kBytesPerUnit = 16;

  std::uint64_t left_;
  bool spent_ = false;
};

}  // namespace fenqi
