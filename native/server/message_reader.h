// Cuts a request body into gRPC's length-prefixed messages.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/status.h"

namespace fenqi::server {

class MessageReader {
 public:
  struct Message {
    std::span<const std::uint8_t> bytes;
    bool compressed = false;
  };
  enum class Found : std::uint8_t { kNothing, kMessage, kError };

  // Copies `data` behind what is unread. The memory grows with what arrived, never with what a
  // prefix announces.
  void append(std::span<const std::uint8_t> data) {
    buffer_.insert(buffer_.end(), data.begin(), data.end());
  }

  // Looks at the next message without taking it. kError: the flag is neither 0 nor 1, or the length
  // is above `max_bytes`; `status` says which. The view stays good until the next append or pop.
  Found peek(std::size_t max_bytes, Message& message, Status& status) const;
  // Drops the message that `peek` found.
  void pop();

  // Bytes held and not popped.
  std::size_t unread() const { return buffer_.size() - head_; }
  // Forgets everything; keeps a modest buffer for the next call.
  void clear();

 private:
  static constexpr std::size_t kPrefix = 5;
  std::size_t announced() const;

  std::vector<std::uint8_t> buffer_;
  std::size_t head_ = 0;
};

}  // namespace fenqi::server
