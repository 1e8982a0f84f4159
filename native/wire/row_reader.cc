#include "wire/row_reader.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdio>

#include "fenqi/contract.h"
#include "wire/decode.h"
#include "wire/scalars.h"
#include "wire/utf8.h"

namespace fenqi::wire {
namespace {

namespace kind = contract::field_kind;

std::string format(double number) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g", number);
  double shortest = 0;
  for (int precision = 1; precision < 17; ++precision) {
    char shorter[32];
    std::snprintf(shorter, sizeof shorter, "%.*g", precision, number);
    if (std::sscanf(shorter, "%lf", &shortest) == 1 && shortest == number) return shorter;
  }
  return text;
}

}  // namespace

const RowTable::Field* RowTable::Node::find(std::uint32_t number) const {
  if (number < by_number.size()) {
    const std::uint16_t position = by_number[number];
    return position == 0 ? nullptr : &fields[position - 1];
  }
  const auto at = std::lower_bound(fields.begin(), fields.end(), number,
                                   [](const Field& f, std::uint32_t n) { return f.number < n; });
  return at != fields.end() && at->number == number ? &*at : nullptr;
}

// One call of RowTable::read.
class RowReading {
 public:
  using Field = RowTable::Field;
  using Node = RowTable::Node;
  using Element = RowTable::Element;

  RowReading(const RowTable& table, std::span<Value> row, std::span<std::uint32_t> counters)
      : table_(table), row_(row), counters_(counters) {}

  Status read(std::span<const std::uint8_t> request) {
    std::fill(row_.begin(), row_.end(), Value());
    std::fill(counters_.begin(), counters_.end(), 0u);
    start_ = request.data();
    if (table_.consents_slot_ != RowTable::kNone) row_[table_.consents_slot_] = Value::of_int(0);
    if (read_message(0, request, nullptr, 0) && table_.gated_sources_ != 0) withhold();
    return std::move(status_);
  }

 private:
  // Where we are, for the message of an error. Lives on the stack.
  struct Place {
    const Place* parent;
    const Field* field;
    std::uint32_t index;   // of a repeated field's element
    std::string_view key;  // of a map's entry
  };

  bool read_message(std::uint32_t node_index, std::span<const std::uint8_t> bytes,
                    const Place* place, int depth) {
    if (depth > kMaxDepth) return fail(place, "nested more than 100 deep");
    const Node& node = table_.nodes_[node_index];
    for (const std::uint32_t slot : node.count_slots) {
      if (row_[slot].is_missing()) row_[slot] = Value::of_int(0);
    }
    MessageReader reader(bytes);
    while (reader.next()) {
      const Field* field = node.find(reader.number());
      if (field == nullptr) continue;
      const Place here{place, field, 0, {}};
      const bool fine = field->map        ? read_map_entry(*field, reader, here)
                        : field->repeated ? read_repeated(*field, reader, here, depth)
                                          : read_singular(*field, reader, here, depth);
      if (!fine) return false;
    }
    if (!reader.ok()) return fail_damaged(place, bytes, reader.offset());
    return true;
  }

  bool read_singular(const Field& field, const MessageReader& reader, const Place& place,
                     int depth) {
    if (reader.type() != wire_type_of(field.kind)) return fail_wire_type(place);
    if (field.kind == kind::kMessage) {
      if (field.slot != RowTable::kNone) row_[field.slot] = Value::of_bool(true);
      return read_message(field.node, reader.payload(), &place, depth + 1);
    }
    Value value;
    if (!read_scalar(field, reader, place, value)) return false;
    if (field.slot != RowTable::kNone) row_[field.slot] = value;
    return true;
  }

  // Checks a scalar against the contract and decodes it.
  bool read_scalar(const Field& field, const MessageReader& reader, const Place& place,
                   Value& value) {
    if (field.kind == kind::kString || field.kind == kind::kBytes) {
      const std::string_view text = reader.text();
      if (!check_text(field, text, place)) return false;
      value = field.kind == kind::kString ? Value::of_string(text) : Value::of_bytes(text);
    } else {
      value = decode_number(field.kind, reader.bits());
      if (!check_number(field, value, place)) return false;
    }
    if (field.zero_is_missing && is_zero(value)) value = Value();
    return true;
  }

  bool check_text(const Field& field, std::string_view text, const Place& place) {
    if (text.size() > field.max_bytes) {
      return fail(&place, "is " + std::to_string(text.size()) + " bytes long; at most " +
                              std::to_string(field.max_bytes) + " are allowed");
    }
    if (field.kind != kind::kBytes && !is_utf8(text)) return fail(&place, "is not valid UTF-8");
    return true;
  }

  bool check_number(const Field& field, const Value& value, const Place& place) {
    double number = 0;
    switch (value.kind) {
      case Kind::kDouble:
        number = value.d;
        if (!std::isfinite(number)) {
          return fail(&place, std::isnan(number) ? "is NaN; leave it unset when it is not known"
                                                 : "is infinite; send a finite number");
        }
        break;
      case Kind::kInt:
        number = static_cast<double>(value.i);
        break;
      case Kind::kUint:
        number = static_cast<double>(value.u);
        break;
      default:
        return true;
    }
    if (number < field.min) {
      return fail(&place, "is " + format(number) + "; at least " + format(field.min) +
                              " is allowed; leave it unset when it is not known");
    }
    if (number > field.max) {
      return fail(&place, "is " + format(number) + "; at most " + format(field.max) +
                              " is allowed; leave it unset when it is not known");
    }
    return true;
  }

  bool read_repeated(const Field& field, const MessageReader& reader, Place place, int depth) {
    const WireType expected = wire_type_of(field.kind);
    if (reader.type() == WireType::kLength && expected != WireType::kLength) {
      return read_packed(field, reader, place);
    }
    if (reader.type() != expected) return fail_wire_type(place);
    if (!count(field, place)) return false;
    const Element* element = find_index(field, place.index);
    if (field.kind == kind::kMessage) {
      const std::uint32_t node = element != nullptr ? element->node : field.node;
      for (const std::uint32_t c : table_.nodes_[node].counters) counters_[c] = 0;
      if (!read_message(node, reader.payload(), &place, depth + 1)) return false;
      if (field.consents && table_.consents_slot_ != RowTable::kNone) grant(reader.payload());
      return true;
    }
    Value value;
    if (!read_scalar(field, reader, place, value)) return false;
    if (element != nullptr) row_[element->slot] = value;
    return true;
  }

  bool read_packed(const Field& field, const MessageReader& reader, Place place) {
    const std::uint8_t* at = reader.payload().data();
    const std::uint8_t* end = at + reader.payload().size();
    const WireType type = wire_type_of(field.kind);
    const std::ptrdiff_t width = type == WireType::kFixed64 ? 8 : 4;
    while (at != end) {
      std::uint64_t bits = 0;
      if (type == WireType::kVarint) {
        at = read_varint(at, end, bits);
        if (at == nullptr) return fail(&place, "holds a damaged packed list");
      } else {
        if (end - at < width) return fail(&place, "holds a packed list that is cut short");
        std::memcpy(&bits, at, static_cast<std::size_t>(width));
        at += width;
      }
      if (!count(field, place)) return false;
      const Value value = decode_number(field.kind, bits);
      if (!check_number(field, value, place)) return false;
      if (const Element* element = find_index(field, place.index)) row_[element->slot] = value;
    }
    return true;
  }

  bool read_map_entry(const Field& field, const MessageReader& reader, Place place) {
    if (reader.type() != WireType::kLength) return fail_wire_type(place);
    if (!count(field, place)) return false;
    const Node& entry = table_.nodes_[field.node];
    const Field& key_field = entry.fields[0];
    const Field& value_field = entry.fields[1];
    MessageReader parts(reader.payload());
    Value key = Value::of_string({});
    Value value = value_field.kind == kind::kString  ? Value::of_string({})
                  : value_field.kind == kind::kBytes ? Value::of_bytes({})
                                                     : decode_number(value_field.kind, 0);
    while (parts.next()) {
      // Parsers of protobuf differ on such an entry: some keep it, some drop it whole.
      if (parts.number() > 2) return fail(&place, "holds more than a key and a value");
      const Field& part = parts.number() == 1 ? key_field : value_field;
      place.key = key.text();
      if (parts.type() != wire_type_of(part.kind)) return fail_wire_type(place);
      if (!read_scalar(part, parts, place, parts.number() == 1 ? key : value)) return false;
    }
    if (!parts.ok()) return fail_damaged(&place, reader.payload(), parts.offset());
    const auto at = std::lower_bound(
        field.elements.begin(), field.elements.end(), key.text(),
        [](const Element& element, std::string_view text) { return element.key < text; });
    if (at != field.elements.end() && at->key == key.text()) row_[at->slot] = value;
    return true;
  }

  // Adds what a fenqi.v1.Consent, read already, grants.
  void grant(std::span<const std::uint8_t> consent) {
    std::uint32_t source = 0;
    bool granted = false;
    for (MessageReader reader(consent); reader.next();) {
      if (reader.number() == contract::consent::kSource) source = reader.bits32();
      if (reader.number() == contract::consent::kGranted) granted = reader.bits() != 0;
    }
    if (granted && source < 63) row_[table_.consents_slot_].i |= std::int64_t{1} << source;
  }

  // Takes away what rests on sources without consent.
  void withhold() {
    const auto granted = static_cast<std::uint64_t>(row_[table_.consents_slot_].i);
    if ((table_.gated_sources_ & ~granted) == 0) return;
    for (const RowTable::ConsentGate& gate : table_.consent_gates_) {
      if ((granted >> gate.source & 1u) != 0) continue;
      for (const std::uint32_t slot : gate.slots) row_[slot] = Value();
    }
  }

  // Counts one more entry; place.index becomes its position.
  bool count(const Field& field, Place& place) {
    place.index = counters_[field.counter]++;
    if (place.index >= field.max_items) {
      place.index = UINT32_MAX;
      return fail(&place, "has more than " + std::to_string(field.max_items) + " entries");
    }
    if (field.count_slot != RowTable::kNone) {
      row_[field.count_slot] = Value::of_int(counters_[field.counter]);
    }
    return true;
  }

  static const Element* find_index(const Field& field, std::uint32_t index) {
    const auto at =
        std::lower_bound(field.elements.begin(), field.elements.end(), index,
                         [](const Element& element, std::uint32_t i) { return element.index < i; });
    return at != field.elements.end() && at->index == index ? &*at : nullptr;
  }

  static std::string path(const Place* place) {
    if (place == nullptr) return {};
    std::string text = path(place->parent);
    if (!text.empty()) text += '.';
    text += place->field->name;
    if (place->field->map) {
      text += "[\"" + std::string(place->key) + "\"]";
    } else if (place->field->repeated && place->index != UINT32_MAX) {
      text += "[" + std::to_string(place->index) + "]";
    }
    return text;
  }

  bool fail(const Place* place, std::string what) {
    std::string field = path(place);
    status_ = field.empty() ? error(StatusCode::kInvalidArgument, "the request " + what)
                            : invalid_field(std::move(field), std::move(what));
    return false;
  }

  bool fail_wire_type(const Place& place) {
    return fail(&place, "has another type on the wire than the contract gives it");
  }

  bool fail_damaged(const Place* place, std::span<const std::uint8_t> bytes, std::size_t offset) {
    const auto at = static_cast<std::size_t>(bytes.data() - start_) + offset;
    return fail(place, "is damaged or cut short at byte " + std::to_string(at));
  }

  const RowTable& table_;
  std::span<Value> row_;
  std::span<std::uint32_t> counters_;
  const std::uint8_t* start_ = nullptr;
  Status status_;
};

Status RowTable::read(std::span<const std::uint8_t> request, std::span<Value> row,
                      std::span<std::uint32_t> counters) const {
  return RowReading(*this, row, counters).read(request);
}

}  // namespace fenqi::wire
