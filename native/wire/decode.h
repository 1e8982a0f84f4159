// Reads protobuf's wire format, one field at a time, from bytes that nobody vouched for.
//
//   MessageReader reader(bytes);
//   while (reader.next()) {
//     switch (reader.number()) {
//       case 1: name = reader.text(); break;
//     }
//   }
//   if (!reader.ok()) ...   // damaged from byte reader.offset() on
//
// Accepts what google.protobuf accepts: unknown groups are stepped over, nested at most 100 deep.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

namespace fenqi::wire {

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kLength = 2,
  kStartGroup = 3,
  kEndGroup = 4,
  kFixed32 = 5,
};

inline constexpr int kMaxDepth = 100;

// Reads a varint at `at`, before `end`; null where it is cut short or longer than ten bytes.
inline const std::uint8_t* read_varint(const std::uint8_t* at, const std::uint8_t* end,
                                       std::uint64_t& out) {
  if (at < end && *at < 0x80) [[likely]] {
    out = *at;
    return at + 1;
  }
  std::uint64_t value = 0;
  for (int shift = 0; shift < 70 && at < end; shift += 7) {
    const std::uint8_t byte = *at++;
    // The tenth byte holds one bit; parsers of protobuf drop what is beyond it.
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) {
      out = value;
      return at;
    }
  }
  return nullptr;
}

inline std::int64_t unzigzag(std::uint64_t x) {
  return static_cast<std::int64_t>(x >> 1) ^ -static_cast<std::int64_t>(x & 1);
}

// For numbers of 32 bits: what does not fit becomes the largest, which no index may be.
inline std::uint32_t saturate32(std::uint64_t bits) {
  return bits > UINT32_MAX ? UINT32_MAX : static_cast<std::uint32_t>(bits);
}

class MessageReader {
 public:
  explicit MessageReader(std::span<const std::uint8_t> bytes)
      : begin_(bytes.data()), at_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  // Steps to the next field. False at the end, and where the bytes are damaged: see ok().
  bool next() {
    while (at_ != end_) {
      field_start_ = at_;
      std::uint64_t tag = 0;
      const std::uint8_t* after = read_varint(at_, end_, tag);
      if (after == nullptr || tag > UINT32_MAX || (tag >> 3) == 0) return fail();
      at_ = after;
      number_ = static_cast<std::uint32_t>(tag >> 3);
      varint_ = 0;
      payload_ = {};
      type_ = static_cast<WireType>(tag & 7);
      switch (type_) {
        case WireType::kVarint:
          after = read_varint(at_, end_, varint_);
          if (after == nullptr) return fail();
          at_ = after;
          return true;
        case WireType::kFixed64:
          return take_fixed(8);
        case WireType::kFixed32:
          return take_fixed(4);
        case WireType::kLength: {
          std::uint64_t length = 0;
          after = read_varint(at_, end_, length);
          if (after == nullptr || length > static_cast<std::uint64_t>(end_ - after)) return fail();
          payload_ = {after, static_cast<std::size_t>(length)};
          at_ = after + length;
          return true;
        }
        case WireType::kStartGroup:
          if (!skip_group(number_, kMaxDepth)) return fail();
          return true;  // a group has no payload; callers step over it
        default:
          return fail();
      }
    }
    return false;
  }

  bool ok() const { return !damaged_; }
  // Where the current field began, or where the damage is, from the start of the bytes.
  std::size_t offset() const { return static_cast<std::size_t>(field_start_ - begin_); }

  std::uint32_t number() const { return number_; }
  WireType type() const { return type_; }
  // The value of a kVarint field; of a fixed one, its bits; 0 of another.
  std::uint64_t bits() const { return varint_; }
  // bits(), or the largest number where they do not fit.
  std::uint32_t bits32() const { return saturate32(varint_); }
  // The value of a kLength field; empty of another.
  std::span<const std::uint8_t> payload() const { return payload_; }
  std::string_view text() const {
    return {reinterpret_cast<const char*>(payload_.data()), payload_.size()};
  }
  double number64() const { return std::bit_cast<double>(varint_); }

 private:
  bool fail() {
    damaged_ = true;
    at_ = end_;
    return false;
  }

  bool take_fixed(std::size_t size) {
    if (static_cast<std::size_t>(end_ - at_) < size) return fail();
    varint_ = 0;
    std::memcpy(&varint_, at_, size);
    at_ += size;
    return true;
  }

  // Steps over a group whose start tag was read, with everything in it.
  bool skip_group(std::uint32_t number, int depth) {
    if (depth == 0) return false;
    while (at_ != end_) {
      std::uint64_t tag = 0;
      const std::uint8_t* after = read_varint(at_, end_, tag);
      if (after == nullptr || tag > UINT32_MAX || (tag >> 3) == 0) return false;
      at_ = after;
      std::uint64_t length = 0;
      switch (static_cast<WireType>(tag & 7)) {
        case WireType::kVarint:
          if ((after = read_varint(at_, end_, length)) == nullptr) return false;
          length = 0;
          break;
        case WireType::kFixed64:
          length = 8;
          break;
        case WireType::kFixed32:
          length = 4;
          break;
        case WireType::kLength:
          if ((after = read_varint(at_, end_, length)) == nullptr) return false;
          break;
        case WireType::kStartGroup:
          if (!skip_group(static_cast<std::uint32_t>(tag >> 3), depth - 1)) return false;
          continue;
        case WireType::kEndGroup:
          return (tag >> 3) == number;
        default:
          return false;
      }
      if (length > static_cast<std::uint64_t>(end_ - after)) return false;
      at_ = after + length;
    }
    return false;
  }

  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  const std::uint8_t* field_start_ = begin_;
  std::uint32_t number_ = 0;
  WireType type_ = WireType::kVarint;
  bool damaged_ = false;
  std::uint64_t varint_ = 0;
  std::span<const std::uint8_t> payload_;
};

// Appends the numbers of a repeated varint field, packed or not, to `out`. False where it is of
// another type or damaged.
template <typename Number, typename Convert>
bool append_varints(const MessageReader& field, std::vector<Number>& out, Convert convert) {
  if (field.type() == WireType::kVarint) {
    out.push_back(convert(field.bits()));
    return true;
  }
  if (field.type() != WireType::kLength) return false;
  const std::uint8_t* at = field.payload().data();
  const std::uint8_t* const end = at + field.payload().size();
  while (at != end) {
    std::uint64_t bits = 0;
    at = read_varint(at, end, bits);
    if (at == nullptr) return false;
    out.push_back(convert(bits));
  }
  return true;
}

// Appends the numbers of a repeated double field, packed or not, to `out`; false likewise.
inline bool append_doubles(const MessageReader& field, std::vector<double>& out) {
  if (field.type() == WireType::kFixed64) {
    out.push_back(field.number64());
    return true;
  }
  if (field.type() != WireType::kLength || field.payload().size() % 8 != 0) return false;
  const std::size_t old = out.size();
  out.resize(old + field.payload().size() / 8);
  if (!field.payload().empty()) {
    std::memcpy(out.data() + old, field.payload().data(), field.payload().size());
  }
  return true;
}

}  // namespace fenqi::wire
