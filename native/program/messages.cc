#include "program/messages.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "fenqi/contract.h"
#include "program/dynamic.h"
#include "wire/decode.h"
#include "wire/scalars.h"

namespace fenqi::program {
namespace {

namespace kind = contract::field_kind;
using wire::MessageReader;
using wire::WireType;

Value failed(ErrorCode code) {
  return Value::of_error(code, 0);
}

bool is_text(std::uint32_t field_kind) {
  return field_kind == kind::kString || field_kind == kind::kBytes;
}

// The scalar that the reader stands at.
Value scalar_at(std::uint32_t field_kind, const MessageReader& reader) {
  if (field_kind == kind::kString) return Value::of_string(reader.text());
  if (field_kind == kind::kBytes) return Value::of_bytes(reader.text());
  return wire::decode_number(field_kind, reader.bits());
}

Value zero_of(std::uint32_t field_kind) {
  if (field_kind == kind::kString) return Value::of_string("");
  if (field_kind == kind::kBytes) return Value::of_bytes("");
  return wire::decode_number(field_kind, 0);
}

Value view_of(const MessageType* type, std::span<const std::uint8_t> bytes, Arena& arena) {
  auto* view = arena.take_array<MessageView>(1);
  *view = {type, bytes};
  return Value::of_message(view);
}

// Calls `visit(value or payload reader)` for each element of a repeated field, in order.
template <typename Visit>
void for_each_element(const MessageView& message, const MessageField& field, Visit visit) {
  const WireType expected = wire::wire_type_of(field.kind);
  MessageReader reader(message.bytes);
  while (reader.next()) {
    if (reader.number() != field.number) continue;
    if (reader.type() == expected) {
      visit(reader);
    } else if (reader.type() == WireType::kLength && expected != WireType::kLength) {
      // Packed: each number as if it stood alone.
      const std::uint8_t* at = reader.payload().data();
      const std::uint8_t* const end = at + reader.payload().size();
      const std::ptrdiff_t width = expected == WireType::kFixed64 ? 8 : 4;
      while (at != end) {
        std::uint64_t bits = 0;
        if (expected == WireType::kVarint) {
          at = wire::read_varint(at, end, bits);
          if (at == nullptr) break;
        } else {
          if (end - at < width) break;
          std::memcpy(&bits, at, static_cast<std::size_t>(width));
          at += width;
        }
        visit(bits);
      }
    }
  }
}

struct Counter {
  std::uint32_t count = 0;
  void operator()(const MessageReader&) { ++count; }
  void operator()(std::uint64_t) { ++count; }
};

Value select_repeated(const MessageView& message, const MessageField& field, Scratch& scratch) {
  Counter counter;
  for_each_element(message, field, [&](const auto& element) { counter(element); });
  if (!scratch.budget.spend(counter.count)) return failed(ErrorCode::kBudget);
  auto* elements = scratch.arena.take_array<Value>(counter.count);
  std::uint32_t filled = 0;
  const auto append = [&](const auto& element) {
    if constexpr (std::is_same_v<std::decay_t<decltype(element)>, std::uint64_t>) {
      elements[filled++] = wire::decode_number(field.kind, element);
    } else if (field.kind == kind::kMessage) {
      elements[filled++] = view_of(field.message, element.payload(), scratch.arena);
    } else {
      elements[filled++] = scalar_at(field.kind, element);
    }
  };
  for_each_element(message, field, append);
  return Value::of_list(elements, filled);
}

// --- maps ---

std::uint64_t hash_key(const Value& key) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  const auto mix = [&](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
  if (key.kind == Kind::kString) {
    for (const char c : key.text()) mix(static_cast<std::uint8_t>(c));
  } else {
    const std::uint64_t bits = key.kind == Kind::kBool ? key.b : key.u;
    for (int shift = 0; shift < 64; shift += 8) mix(static_cast<std::uint8_t>(bits >> shift));
  }
  return hash;
}

bool same_key(const Value& a, const Value& b) {
  if (a.kind == Kind::kString) return a.text() == b.text();
  return a.kind == Kind::kBool ? a.b == b.b : a.u == b.u;
}

// One entry: of what an entry repeats, the last counts.
void read_entry(const MessageField& map, std::span<const std::uint8_t> bytes, Arena& arena,
                Value& key, Value& value) {
  const MessageField& key_field = *map.message->find("key");
  const MessageField& value_field = *map.message->find("value");
  key = zero_of(key_field.kind);
  value = value_field.kind == kind::kMessage ? view_of(value_field.message, {}, arena)
                                             : zero_of(value_field.kind);
  MessageReader reader(bytes);
  while (reader.next()) {
    const bool is_key = reader.number() == key_field.number;
    const MessageField& part = is_key ? key_field : value_field;
    if (reader.number() != part.number || reader.type() != wire::wire_type_of(part.kind)) continue;
    Value& to = is_key ? key : value;
    to = part.kind == kind::kMessage ? view_of(part.message, reader.payload(), arena)
                                     : scalar_at(part.kind, reader);
  }
}

// The last entry of a key counts. Places in a table of twice the size find an earlier one.
Value select_map(const MessageView& message, const MessageField& field, Scratch& scratch) {
  Counter counter;
  for_each_element(message, field, [&](const auto& element) { counter(element); });
  if (!scratch.budget.spend(std::uint64_t{8} * counter.count)) return failed(ErrorCode::kBudget);
  auto* entries = scratch.arena.take_array<Value>(std::size_t{2} * counter.count);
  const std::size_t places = std::bit_ceil(std::size_t{2} * counter.count + 1);
  auto* table = scratch.arena.take_array<std::uint32_t>(places);
  std::fill_n(table, places, 0u);
  std::uint32_t filled = 0;
  const auto insert = [&](const auto& element) {
    if constexpr (!std::is_same_v<std::decay_t<decltype(element)>, std::uint64_t>) {
      Value key;
      Value value;
      read_entry(field, element.payload(), scratch.arena, key, value);
      std::size_t place = hash_key(key) & (places - 1);
      while (table[place] != 0 && !same_key(entries[2 * (table[place] - 1)], key)) {
        place = (place + 1) & (places - 1);
      }
      if (table[place] == 0) table[place] = ++filled;
      Value* entry = entries + 2 * (table[place] - 1);
      entry[0] = key;
      entry[1] = value;
    }
  };
  for_each_element(message, field, insert);
  return Value::of_map(entries, filled);
}

// --- singular messages ---

Value select_message(const MessageView& message, const MessageField& field, Scratch& scratch) {
  std::span<const std::uint8_t> last;
  std::size_t total = 0;
  std::uint32_t count = 0;
  MessageReader reader(message.bytes);
  while (reader.next()) {
    if (reader.number() != field.number || reader.type() != WireType::kLength) continue;
    last = reader.payload();
    total += last.size();
    ++count;
  }
  if (count == 0) return Value();
  if (count == 1) return view_of(field.message, last, scratch.arena);
  // Bytes one after the other read as the messages merged.
  if (!scratch.budget.spend_bytes(total)) return failed(ErrorCode::kBudget);
  auto* joined = scratch.arena.take_array<std::uint8_t>(total);
  std::size_t filled = 0;
  MessageReader again(message.bytes);
  while (again.next()) {
    if (again.number() != field.number || again.type() != WireType::kLength) continue;
    if (again.payload().empty()) continue;
    std::memcpy(joined + filled, again.payload().data(), again.payload().size());
    filled += again.payload().size();
  }
  return view_of(field.message, {joined, total}, scratch.arena);
}

Value select_scalar(const MessageView& message, const MessageField& field) {
  const WireType expected = wire::wire_type_of(field.kind);
  Value value;
  MessageReader reader(message.bytes);
  while (reader.next()) {
    if (reader.number() == field.number && reader.type() == expected) {
      value = scalar_at(field.kind, reader);
    }
  }
  return value.is_ok() && field.zero_is_missing && wire::is_zero(value) ? Value() : value;
}

// --- writing ---

// Bytes that grow in the arena.
class ArenaWriter {
 public:
  explicit ArenaWriter(Scratch& scratch) : scratch_(scratch) {}

  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      byte(static_cast<std::uint8_t>(value) | 0x80);
      value >>= 7;
    }
    byte(static_cast<std::uint8_t>(value));
  }
  void tag(std::uint32_t number, WireType type) {
    varint(std::uint64_t{number} << 3 | static_cast<std::uint64_t>(type));
  }
  void raw(const void* data, std::size_t size) {
    if (size == 0 || !reserve(size)) return;
    std::memcpy(bytes_ + size_, data, size);
    size_ += size;
  }
  std::span<const std::uint8_t> bytes() const { return {bytes_, size_}; }

 private:
  void byte(std::uint8_t value) { raw(&value, 1); }

  bool reserve(std::size_t more) {
    if (more <= capacity_ - size_) return true;
    const std::size_t wanted = std::max({2 * capacity_, size_ + more, std::size_t{64}});
    if (!scratch_.budget.spend_bytes(wanted)) return false;
    auto* grown = scratch_.arena.take_array<std::uint8_t>(wanted);
    if (size_ > 0) std::memcpy(grown, bytes_, size_);
    bytes_ = grown;
    capacity_ = wanted;
    return true;
  }

  Scratch& scratch_;
  std::uint8_t* bytes_ = nullptr;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

bool in_32_bits(std::uint32_t field_kind) {
  switch (field_kind) {
    case kind::kInt32:
    case kind::kSint32:
    case kind::kSfixed32:
    case kind::kUint32:
    case kind::kFixed32:
      return true;
    default:
      return false;
  }
}

std::uint64_t zigzag(std::int64_t x) {
  return static_cast<std::uint64_t>(x) << 1 ^ static_cast<std::uint64_t>(x >> 63);
}

ErrorCode write_number(ArenaWriter& writer, const MessageField& field, const Value& value) {
  if (in_32_bits(field.kind) &&
      (value.kind == Kind::kInt ? value.i != static_cast<std::int32_t>(value.i)
                                : value.u > std::numeric_limits<std::uint32_t>::max())) {
    return ErrorCode::kOutOfRange;
  }
  const WireType type = wire::wire_type_of(field.kind);
  std::uint64_t bits = value.kind == Kind::kBool ? value.b : value.u;
  if (field.kind == kind::kSint32 || field.kind == kind::kSint64) bits = zigzag(value.i);
  if (field.kind == kind::kFloat) {
    bits = std::bit_cast<std::uint32_t>(static_cast<float>(value.d));
  }
  writer.tag(field.number, type);
  if (type == WireType::kVarint) {
    writer.varint(bits);
  } else {
    writer.raw(&bits, type == WireType::kFixed64 ? 8 : 4);
  }
  return ErrorCode::kNone;
}

// One value of a field, or one element of a repeated one.
ErrorCode write_one(ArenaWriter& writer, const MessageField& field, const Value& value) {
  if (value.kind != wire::value_kind_of(field.kind)) return ErrorCode::kNoOverload;
  if (is_text(field.kind)) {
    writer.tag(field.number, WireType::kLength);
    writer.varint(value.size);
    writer.raw(value.s, value.size);
    return ErrorCode::kNone;
  }
  if (field.kind == kind::kMessage) {
    if (value.message->type != field.message) return ErrorCode::kNoOverload;
    writer.tag(field.number, WireType::kLength);
    writer.varint(value.message->bytes.size());
    writer.raw(value.message->bytes.data(), value.message->bytes.size());
    return ErrorCode::kNone;
  }
  return write_number(writer, field, value);
}

ErrorCode write_map(ArenaWriter& writer, const MessageField& field, const Value& map,
                    Scratch& scratch) {
  if (map.kind != Kind::kMap) return ErrorCode::kNoOverload;
  for (std::uint32_t i = 0; i < map.size; ++i) {
    ArenaWriter entry(scratch);
    const ErrorCode key = write_one(entry, *field.message->find("key"), map.list[2 * i]);
    if (key != ErrorCode::kNone) return key;
    const ErrorCode value = write_one(entry, *field.message->find("value"), map.list[2 * i + 1]);
    if (value != ErrorCode::kNone) return value;
    writer.tag(field.number, WireType::kLength);
    writer.varint(entry.bytes().size());
    writer.raw(entry.bytes().data(), entry.bytes().size());
  }
  return ErrorCode::kNone;
}

ErrorCode write_field(ArenaWriter& writer, const FieldValue& given, Scratch& scratch) {
  const MessageField& field = *given.field;
  if (field.map) return write_map(writer, field, given.value, scratch);
  if (!field.repeated) {
    if (field.kind == kind::kMessage && given.value.kind == Kind::kNull) return ErrorCode::kNone;
    return write_one(writer, field, given.value);
  }
  if (given.value.kind != Kind::kList) return ErrorCode::kNoOverload;
  for (std::uint32_t i = 0; i < given.value.size; ++i) {
    const ErrorCode code = write_one(writer, field, given.value.list[i]);
    if (code != ErrorCode::kNone) return code;
  }
  return ErrorCode::kNone;
}

}  // namespace

const MessageField* MessageType::find(std::string_view field) const {
  const auto at = std::lower_bound(
      fields.begin(), fields.end(), field,
      [](const MessageField& one, std::string_view wanted) { return one.name < wanted; });
  return at != fields.end() && at->name == field ? &*at : nullptr;
}

Value select_field(const MessageView& message, const MessageField& field, Scratch& scratch) {
  if (!scratch.budget.spend_bytes(message.bytes.size())) return failed(ErrorCode::kBudget);
  if (field.map) return select_map(message, field, scratch);
  if (field.repeated) return select_repeated(message, field, scratch);
  if (field.kind == kind::kMessage) return select_message(message, field, scratch);
  return select_scalar(message, field);
}

Value has_field(const MessageView& message, const MessageField& field, Scratch& scratch) {
  if (!scratch.budget.spend_bytes(message.bytes.size())) return failed(ErrorCode::kBudget);
  if (field.repeated) {
    Counter counter;
    for_each_element(message, field, [&](const auto& element) { counter(element); });
    return Value::of_bool(counter.count > 0);
  }
  if (field.kind != kind::kMessage) return Value::of_bool(select_scalar(message, field).is_ok());
  MessageReader reader(message.bytes);
  while (reader.next()) {
    if (reader.number() == field.number && reader.type() == WireType::kLength) {
      return Value::of_bool(true);
    }
  }
  return Value::of_bool(false);
}

bool equal_messages(const MessageView& a, const MessageView& b, Scratch& scratch, int depth) {
  if (a.type != b.type) return false;
  for (const MessageField& field : a.type->fields) {
    const Value one = select_field(a, field, scratch);
    const Value other = select_field(b, field, scratch);
    if (one.state != other.state) return false;
    if (one.is_ok() && !equal(one, other, scratch, depth)) return false;
  }
  return !scratch.budget.is_spent();
}

bool is_empty_message(const MessageView& message, Scratch& scratch) {
  for (const MessageField& field : message.type->fields) {
    const Value has = has_field(message, field, scratch);
    if (!has.is_ok() || has.b) return false;
  }
  return true;
}

Value make_message(const MessageType& type, std::span<const FieldValue> fields, Scratch& scratch) {
  ArenaWriter writer(scratch);
  for (const FieldValue& given : fields) {
    const ErrorCode code = write_field(writer, given, scratch);
    if (code != ErrorCode::kNone) return failed(code);
  }
  if (scratch.budget.is_spent()) return failed(ErrorCode::kBudget);
  return view_of(&type, writer.bytes(), scratch.arena);
}

}  // namespace fenqi::program
