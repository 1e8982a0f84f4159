#include "program/constants.h"

#include <utility>

#include "fenqi/contract.h"
#include "program/dynamic.h"
#include "program/times.h"
#include "wire/decode.h"
#include "wire/utf8.h"

namespace fenqi::program {
namespace {

namespace constant = contract::internal::constant;
namespace moment = contract::internal::moment;
namespace list = contract::internal::constant_list;
namespace message_bytes = contract::internal::message_bytes;
using wire::MessageReader;
using wire::WireType;

// Of a duration: 10,000 years.
constexpr std::int64_t kMostSeconds = 315'576'000'000;
constexpr std::uint32_t kNanosPerSecond = 1'000'000'000;
constexpr std::size_t kMostElements = 1u << 20;

bool read_moment(std::span<const std::uint8_t> bytes, Kind kind, Value& value) {
  std::int64_t seconds = 0;
  std::uint32_t nanos = 0;
  MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == moment::kSeconds) seconds = wire::unzigzag(reader.bits());
    if (reader.number() == moment::kNanos) nanos = reader.bits32();
  }
  const bool is_timestamp = kind == Kind::kTimestamp;
  value = is_timestamp ? Value::of_timestamp(seconds, nanos) : Value::of_duration(seconds, nanos);
  const bool is_in_range = is_timestamp ? int_to_timestamp(seconds).is_ok()
                                        : seconds >= -kMostSeconds && seconds <= kMostSeconds;
  return reader.ok() && is_in_range && nanos < kNanosPerSecond;
}

void write_moment(wire::MessageWriter& writer, std::uint32_t number, const Value& value) {
  const auto mark = writer.begin(number);
  const auto bits = static_cast<std::uint64_t>(value.i);
  if (bits != 0) {
    writer.uint(moment::kSeconds, bits << 1 ^ static_cast<std::uint64_t>(value.i >> 63));
  }
  if (value.size != 0) writer.uint(moment::kNanos, value.size);
  writer.end(mark);
}

void write_values(wire::MessageWriter& writer, std::uint32_t number, const Value* values,
                  std::size_t count, std::span<const MessageType> types) {
  const auto mark = writer.begin(number);
  for (std::size_t i = 0; i < count; ++i) {
    const auto one = writer.begin(list::kValues);
    write_constant(writer, values[i], {}, types);
    writer.end(one);
  }
  writer.end(mark);
}

void write_message(wire::MessageWriter& writer, const MessageView& view,
                   std::span<const MessageType> types) {
  const auto mark = writer.begin(constant::kMessageValue);
  const auto type = static_cast<std::uint64_t>(view.type - types.data());
  if (type != 0) writer.uint(message_bytes::kMessageType, type);
  if (!view.bytes.empty()) {
    writer.string(message_bytes::kBytes,
                  {reinterpret_cast<const char*>(view.bytes.data()), view.bytes.size()});
  }
  writer.end(mark);
}

}  // namespace

Value ConstantPool::keep_text(std::string_view text, Kind kind) {
  const std::string& kept = texts_.emplace_back(text);
  switch (kind) {
    case Kind::kBytes:
      return Value::of_bytes(kept);
    case Kind::kType:
      return Value::of_type(kept);
    default:
      return Value::of_string(kept);
  }
}

const Value* ConstantPool::keep(std::vector<Value> values) {
  return lists_.emplace_back(std::move(values)).data();
}

bool ConstantPool::read_list(std::span<const std::uint8_t> bytes,
                             std::span<const MessageType> types, std::vector<Value>& values,
                             int depth) {
  MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() != list::kValues) continue;
    Value value;
    if (reader.type() != WireType::kLength || values.size() >= kMostElements ||
        !read(reader.payload(), types, value, depth + 1) || !value.is_ok()) {
      return false;
    }
    values.push_back(value);
  }
  return reader.ok();
}

bool ConstantPool::read_message(std::span<const std::uint8_t> bytes,
                                std::span<const MessageType> types, Value& value) {
  std::uint32_t type = 0;
  std::string_view content;
  MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == message_bytes::kMessageType) type = reader.bits32();
    if (reader.number() == message_bytes::kBytes) content = reader.text();
  }
  if (!reader.ok() || type >= types.size()) return false;
  const std::string& kept = texts_.emplace_back(content);
  const MessageView& view = messages_.emplace_back(
      MessageView{&types[type], {reinterpret_cast<const std::uint8_t*>(kept.data()), kept.size()}});
  value = Value::of_message(&view);
  return true;
}

bool ConstantPool::read(std::span<const std::uint8_t> bytes, std::span<const MessageType> types,
                        Value& value, int depth) {
  if (depth > kMostNested) return false;
  value = Value();
  MessageReader reader(bytes);
  while (reader.next()) {
    const bool is_length = reader.type() == WireType::kLength;
    std::vector<Value> values;
    switch (reader.number()) {
      case constant::kBoolValue:
        value = Value::of_bool(reader.bits() != 0);
        break;
      case constant::kIntValue:
        value = Value::of_int(wire::unzigzag(reader.bits()));
        break;
      case constant::kUintValue:
        value = Value::of_uint(reader.bits());
        break;
      case constant::kDoubleValue:
        value = Value::of_double(reader.number64());
        break;
      case constant::kStringValue:
        if (!is_length || !wire::is_utf8(reader.text())) return false;
        value = keep_text(reader.text(), Kind::kString);
        break;
      case constant::kBytesValue:
        if (!is_length) return false;
        value = keep_text(reader.text(), Kind::kBytes);
        break;
      case constant::kTypeValue:
        if (!is_length || !wire::is_utf8(reader.text())) return false;
        value = keep_text(reader.text(), Kind::kType);
        break;
      case constant::kNullValue:
        value = Value::of_null();
        break;
      case constant::kTimestampValue:
        if (!read_moment(reader.payload(), Kind::kTimestamp, value)) return false;
        break;
      case constant::kDurationValue:
        if (!read_moment(reader.payload(), Kind::kDuration, value)) return false;
        break;
      case constant::kListValue: {
        if (!is_length || !read_list(reader.payload(), types, values, depth)) return false;
        const auto size = static_cast<std::uint32_t>(values.size());
        value = Value::of_list(keep(std::move(values)), size);
        break;
      }
      case constant::kMapValue: {
        if (!is_length || !read_list(reader.payload(), types, values, depth) ||
            values.size() % 2 != 0) {
          return false;
        }
        const auto size = static_cast<std::uint32_t>(values.size() / 2);
        value = Value::of_map(keep(std::move(values)), size);
        break;
      }
      case constant::kOptionalValue: {
        if (!is_length || !read_list(reader.payload(), types, values, depth) || values.size() > 1) {
          return false;
        }
        value = Value::of_optional(values.empty() ? nullptr : keep(std::move(values)));
        break;
      }
      case constant::kMessageValue:
        if (!is_length || !read_message(reader.payload(), types, value)) return false;
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

void write_constant(wire::MessageWriter& writer, const Value& value, const std::string& why,
                    std::span<const MessageType> types) {
  if (value.is_error()) return writer.string(constant::kError, why);
  if (value.is_missing()) return writer.uint(constant::kMissing, 1);
  switch (value.kind) {
    case Kind::kBool:
      return writer.uint(constant::kBoolValue, value.b ? 1 : 0);
    case Kind::kInt: {
      const auto bits = static_cast<std::uint64_t>(value.i);
      return writer.uint(constant::kIntValue,
                         bits << 1 ^ static_cast<std::uint64_t>(value.i >> 63));
    }
    case Kind::kUint:
      return writer.uint(constant::kUintValue, value.u);
    case Kind::kDouble:
      return writer.number64(constant::kDoubleValue, value.d);
    case Kind::kString:
      return writer.string(constant::kStringValue, value.text());
    case Kind::kBytes:
      return writer.string(constant::kBytesValue, value.text());
    case Kind::kType:
      return writer.string(constant::kTypeValue, value.text());
    case Kind::kTimestamp:
      return write_moment(writer, constant::kTimestampValue, value);
    case Kind::kDuration:
      return write_moment(writer, constant::kDurationValue, value);
    case Kind::kList:
      return write_values(writer, constant::kListValue, value.list, value.size, types);
    case Kind::kMap:
      return write_values(writer, constant::kMapValue, value.list, std::size_t{2} * value.size,
                          types);
    case Kind::kOptional:
      return write_values(writer, constant::kOptionalValue, value.list,
                          value.list == nullptr ? 0 : 1, types);
    case Kind::kMessage:
      return write_message(writer, *value.message, types);
    default:
      return writer.uint(constant::kNullValue, 1);
  }
}

}  // namespace fenqi::program
