// How the scalars of a message stand on the wire, by fenqi.internal.v1.FieldKind.
#pragma once

#include <bit>
#include <cstdint>

#include "base/value.h"
#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::wire {

inline WireType wire_type_of(std::uint32_t field_kind) {
  namespace kind = contract::field_kind;
  switch (field_kind) {
    case kind::kFixed64:
    case kind::kSfixed64:
    case kind::kDouble:
      return WireType::kFixed64;
    case kind::kFixed32:
    case kind::kSfixed32:
    case kind::kFloat:
      return WireType::kFixed32;
    case kind::kString:
    case kind::kBytes:
    case kind::kMessage:
      return WireType::kLength;
    default:
      return WireType::kVarint;
  }
}

// The kind of value that a scalar field becomes; kMessage for a message.
inline Kind value_kind_of(std::uint32_t field_kind) {
  namespace kind = contract::field_kind;
  switch (field_kind) {
    case kind::kUint32:
    case kind::kUint64:
    case kind::kFixed32:
    case kind::kFixed64:
      return Kind::kUint;
    case kind::kFloat:
    case kind::kDouble:
      return Kind::kDouble;
    case kind::kBool:
      return Kind::kBool;
    case kind::kString:
      return Kind::kString;
    case kind::kBytes:
      return Kind::kBytes;
    case kind::kMessage:
      return Kind::kMessage;
    default:
      return Kind::kInt;
  }
}

// The value of a number field from its bits on the wire.
inline Value decode_number(std::uint32_t field_kind, std::uint64_t bits) {
  namespace kind = contract::field_kind;
  switch (field_kind) {
    case kind::kInt32:
    case kind::kSfixed32:
      return Value::of_int(static_cast<std::int32_t>(bits));
    case kind::kSint32:
      return Value::of_int(static_cast<std::int32_t>(unzigzag(static_cast<std::uint32_t>(bits))));
    case kind::kSint64:
      return Value::of_int(unzigzag(bits));
    case kind::kUint32:
    case kind::kFixed32:
      return Value::of_uint(static_cast<std::uint32_t>(bits));
    case kind::kUint64:
    case kind::kFixed64:
      return Value::of_uint(bits);
    case kind::kFloat:
      return Value::of_double(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
    case kind::kDouble:
      return Value::of_double(std::bit_cast<double>(bits));
    case kind::kBool:
      return Value::of_bool(bits != 0);
    default:  // kInt64, kSfixed64
      return Value::of_int(static_cast<std::int64_t>(bits));
  }
}

// Whether a scalar is the zero of its type: 0, false, "" or +0.0.
inline bool is_zero(const Value& value) {
  switch (value.kind) {
    case Kind::kString:
    case Kind::kBytes:
      return value.size == 0;
    case Kind::kDouble:
      return std::bit_cast<std::uint64_t>(value.d) == 0;
    case Kind::kBool:
      return !value.b;
    default:
      return value.i == 0;
  }
}

}  // namespace fenqi::wire
