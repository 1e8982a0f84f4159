#include "server/message_reader.h"

#include <string>

namespace fenqi::server {
namespace {

constexpr std::size_t kKeptBuffer = 16 << 10;

}  // namespace

std::size_t MessageReader::announced() const {
  const std::uint8_t* p = buffer_.data() + head_;
  return std::size_t{p[1]} << 24 | std::size_t{p[2]} << 16 | std::size_t{p[3]} << 8 | p[4];
}

MessageReader::Found MessageReader::peek(std::size_t max_bytes, Message& message,
                                         Status& status) const {
  if (unread() == 0) return Found::kNothing;
  const std::uint8_t flag = buffer_[head_];
  if (flag > 1) {
    status = error(StatusCode::kInternal, "request message has the unknown compression flag " +
                                              std::to_string(flag) + "; 0 and 1 are defined");
    return Found::kError;
  }
  if (unread() < kPrefix) return Found::kNothing;
  const std::size_t size = announced();
  if (size > max_bytes) {
    status = error(StatusCode::kResourceExhausted,
                   "request message of " + std::to_string(size) + " bytes is larger than the " +
                       std::to_string(max_bytes) + " accepted here");
    return Found::kError;
  }
  if (unread() - kPrefix < size) return Found::kNothing;
  message.bytes = {buffer_.data() + head_ + kPrefix, size};
  message.compressed = flag == 1;
  return Found::kMessage;
}

void MessageReader::pop() {
  head_ += kPrefix + announced();
  if (head_ == buffer_.size()) {
    buffer_.clear();
    head_ = 0;
  } else if (head_ > kKeptBuffer) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(head_));
    head_ = 0;
  }
}

void MessageReader::clear() {
  if (buffer_.capacity() > kKeptBuffer) buffer_ = {};
  buffer_.clear();
  head_ = 0;
}

}  // namespace fenqi::server
