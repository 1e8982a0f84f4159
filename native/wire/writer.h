// Writes protobuf's wire format into a buffer that keeps its capacity: a warm writer takes nothing
// from the heap. Fields go out in the order of the calls. One thread only.
//
//   writer.clear();
//   writer.string(1, id);
//   const auto sub = writer.begin(5);
//   writer.uint(1, 2);
//   writer.end(sub);
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace fenqi::wire {

class MessageWriter {
 public:
  void clear() { bytes_.clear(); }
  std::span<const std::uint8_t> bytes() const { return bytes_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

  void uint(std::uint32_t number, std::uint64_t value) {
    varint(number << 3);
    varint(value);
  }
  void sint(std::uint32_t number, std::int64_t value) {  // as int32, int64 and enums are written
    uint(number, static_cast<std::uint64_t>(value));
  }
  void number64(std::uint32_t number, double value) {
    varint(number << 3 | 1);
    const auto bits = std::bit_cast<std::uint64_t>(value);
    const auto at = bytes_.size();
    bytes_.resize(at + sizeof bits);
    std::memcpy(bytes_.data() + at, &bits, sizeof bits);
  }
  void string(std::uint32_t number, std::string_view text) {
    varint(number << 3 | 2);
    varint(text.size());
    raw({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  }
  // A repeated int64, packed.
  void packed(std::uint32_t number, std::span<const std::int64_t> values) {
    const auto mark = begin(number);
    for (const std::int64_t value : values) varint(static_cast<std::uint64_t>(value));
    end(mark);
  }
  // Bytes that are complete fields already.
  void raw(std::span<const std::uint8_t> fields) {
    bytes_.insert(bytes_.end(), fields.begin(), fields.end());
  }

  // A nested message is what is written between begin and end; they nest.
  std::size_t begin(std::uint32_t number) {
    varint(number << 3 | 2);
    bytes_.push_back(0);  // its length; most messages are shorter than 128 bytes
    return bytes_.size();
  }
  void end(std::size_t mark) {
    std::uint64_t length = bytes_.size() - mark;
    if (length < 0x80) {
      bytes_[mark - 1] = static_cast<std::uint8_t>(length);
      return;
    }
    std::uint8_t encoded[10];
    std::size_t size = 0;
    for (; length >= 0x80; length >>= 7) encoded[size++] = static_cast<std::uint8_t>(length | 0x80);
    encoded[size++] = static_cast<std::uint8_t>(length);
    bytes_[mark - 1] = encoded[0];
    bytes_.insert(bytes_.begin() + static_cast<std::ptrdiff_t>(mark), encoded + 1, encoded + size);
  }

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<std::uint8_t>(value | 0x80));
    bytes_.push_back(static_cast<std::uint8_t>(value));
  }

  std::vector<std::uint8_t> bytes_;
};

}  // namespace fenqi::wire
