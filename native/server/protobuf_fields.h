// The few lines of protobuf's wire format that the front's own small messages need (health, status
// details, interop). Requests that are scored go through wire/, not through this.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fenqi::server {

// Appends fields to a message.
class FieldWriter {
 public:
  void integer(std::uint32_t number, std::uint64_t value) {
    varint(number << 3);
    varint(value);
  }
  void bytes(std::uint32_t number, std::string_view value) {
    varint(number << 3 | 2);
    varint(value.size());
    bytes_ += value;
  }
  const std::string& message() const { return bytes_; }
  void clear() { bytes_.clear(); }

 private:
  void varint(std::uint64_t value);

  std::string bytes_;
};

// Reads the fields of one message in order; unknown ones are for the caller to ignore.
//   FieldReader fields(message);
//   while (fields.next()) if (fields.number() == 1) name = fields.bytes();
//   if (!fields.ok()) ...
class FieldReader {
 public:
  explicit FieldReader(std::span<const std::uint8_t> message) : rest_(message) {}

  // False at the end and on damage; `ok` tells which.
  bool next();
  bool ok() const { return ok_; }
  std::uint32_t number() const { return number_; }
  // 0 when the field is not a varint.
  std::uint64_t integer() const { return integer_; }
  // Empty when the field is not length-delimited.
  std::span<const std::uint8_t> message() const { return bytes_; }
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()};
  }

 private:
  bool varint(std::uint64_t& value);
  bool take(std::uint64_t size, std::span<const std::uint8_t>& bytes);

  std::span<const std::uint8_t> rest_;
  std::span<const std::uint8_t> bytes_;
  std::uint64_t integer_ = 0;
  std::uint32_t number_ = 0;
  bool ok_ = true;
};

}  // namespace fenqi::server
