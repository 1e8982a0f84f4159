#include "server/protobuf_fields.h"

namespace fenqi::server {

void FieldWriter::varint(std::uint64_t value) {
  while (value >= 0x80) {
    bytes_.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  bytes_.push_back(static_cast<char>(value));
}

bool FieldReader::varint(std::uint64_t& value) {
  value = 0;
  for (std::uint32_t shift = 0; shift < 70 && !rest_.empty(); shift += 7) {
    const std::uint8_t byte = rest_.front();
    rest_ = rest_.subspan(1);
    if (shift == 63 && byte > 1) return false;
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool FieldReader::take(std::uint64_t size, std::span<const std::uint8_t>& bytes) {
  if (size > rest_.size()) return false;
  bytes = rest_.first(size);
  rest_ = rest_.subspan(size);
  return true;
}

bool FieldReader::next() {
  if (!ok_ || rest_.empty()) return false;
  integer_ = 0;
  bytes_ = {};
  std::uint64_t key = 0;
  std::uint64_t size = 0;
  std::span<const std::uint8_t> skipped;
  ok_ = varint(key) && key >> 3 != 0 && key >> 32 == 0;
  if (!ok_) return false;
  number_ = static_cast<std::uint32_t>(key >> 3);
  switch (key & 7) {
    case 0:
      ok_ = varint(integer_);
      break;
    case 1:
      ok_ = take(8, skipped);
      break;
    case 2:
      ok_ = varint(size) && take(size, bytes_);
      break;
    case 5:
      ok_ = take(4, skipped);
      break;
    default:
      ok_ = false;  // groups: no message here has one
  }
  return ok_;
}

}  // namespace fenqi::server
