// RowTable::parse: from a serialized fenqi.internal.v1.Row to a table that is safe to read by.
#include <algorithm>
#include <bit>

#include "fenqi/contract.h"
#include "wire/decode.h"
#include "wire/row_reader.h"
#include "wire/scalars.h"

namespace fenqi::wire {
namespace {

namespace image = contract::internal;
namespace kind = contract::field_kind;

constexpr std::uint32_t kMostSlots = 1u << 20;
constexpr std::uint32_t kDenseNumbers = 256;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "release image, row: " + what);
}

}  // namespace

class RowParser {
 public:
  using Field = RowTable::Field;
  using Node = RowTable::Node;
  using Element = RowTable::Element;

  Result<RowTable> parse(std::span<const std::uint8_t> bytes) {
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::row::kNodes:
          if (reader.type() != WireType::kLength || !parse_node(reader.payload())) return damaged();
          break;
        case image::row::kSlotCount:
          table_.slot_count_ = reader.bits32();
          break;
        case image::row::kRequestIdSlot:
          table_.request_id_slot_ = reader.bits32();
          break;
        case image::row::kStageSlot:
          table_.stage_slot_ = reader.bits32();
          break;
        case image::row::kDecidedAtSlotPlusOne:
          table_.decided_at_slot_ = minus_one(reader);
          break;
        case image::row::kConsentsSlotPlusOne:
          table_.consents_slot_ = minus_one(reader);
          break;
        case image::row::kConsentGates:
          if (!parse_gate(reader.payload())) return damaged();
          break;
        default:
          break;
      }
    }
    if (!reader.ok()) return damaged();
    if (Status s = check(); !s.ok()) return s;
    index();
    return std::move(table_);
  }

 private:
  static Status damaged() { return refuse("damaged bytes"); }

  // "Plus one" fields: 0 is none, which becomes kNone.
  static std::uint32_t minus_one(const MessageReader& reader) { return reader.bits32() - 1; }

  bool parse_node(std::span<const std::uint8_t> bytes) {
    Node node;
    MessageReader reader(bytes);
    while (reader.next()) {
      if (reader.number() != image::row_node::kFields) continue;
      if (reader.type() != WireType::kLength || !parse_field(reader.payload(), node)) return false;
    }
    table_.nodes_.push_back(std::move(node));
    return reader.ok();
  }

  bool parse_field(std::span<const std::uint8_t> bytes, Node& node) {
    Field field;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::row_field::kNumber:
          field.number = reader.bits32();
          break;
        case image::row_field::kName:
          field.name = reader.text();
          break;
        case image::row_field::kKind:
          field.kind = reader.bits32();
          break;
        case image::row_field::kZeroIsMissing:
          field.zero_is_missing = reader.bits() != 0;
          break;
        case image::row_field::kSlotPlusOne:
          field.slot = minus_one(reader);
          break;
        case image::row_field::kNodePlusOne:
          field.node = minus_one(reader);
          break;
        case image::row_field::kRepeated:
          field.repeated = reader.bits() != 0;
          break;
        case image::row_field::kMap:
          field.map = reader.bits() != 0;
          break;
        case image::row_field::kCountSlotPlusOne:
          field.count_slot = minus_one(reader);
          break;
        case image::row_field::kElements:
          if (reader.type() != WireType::kLength || !parse_element(reader.payload(), field)) {
            return false;
          }
          break;
        case image::row_field::kMin:
          field.min = reader.number64();
          break;
        case image::row_field::kMax:
          field.max = reader.number64();
          break;
        case image::row_field::kMaxBytes:
          field.max_bytes = reader.bits32();
          break;
        case image::row_field::kMaxItems:
          field.max_items = reader.bits32();
          break;
        case image::row_field::kConsents:
          field.consents = reader.bits() != 0;
          break;
        default:
          break;
      }
    }
    node.fields.push_back(std::move(field));
    return reader.ok();
  }

  bool parse_gate(std::span<const std::uint8_t> bytes) {
    RowTable::ConsentGate gate;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::consent_gate::kSource:
          gate.source = reader.bits32();
          break;
        case image::consent_gate::kSlots:
          if (!append_varints(reader, gate.slots, saturate32)) return false;
          break;
        default:
          break;
      }
    }
    if (gate.source >= 63) return false;
    table_.gated_sources_ |= std::uint64_t{1} << gate.source;
    table_.consent_gates_.push_back(std::move(gate));
    return reader.ok();
  }

  static bool parse_element(std::span<const std::uint8_t> bytes, Field& field) {
    Element element;
    MessageReader reader(bytes);
    while (reader.next()) {
      switch (reader.number()) {
        case image::row_element::kIndex:
          element.index = reader.bits32();
          break;
        case image::row_element::kKey:
          element.key = reader.text();
          break;
        case image::row_element::kSlotPlusOne:
          element.slot = minus_one(reader);
          break;
        case image::row_element::kNodePlusOne:
          element.node = minus_one(reader);
          break;
        default:
          break;
      }
    }
    field.elements.push_back(std::move(element));
    return reader.ok();
  }

  // Everything that reading relies on: slots inside the row, sorted fields and elements, and a
  // tree of nodes (each but the root has one parent that comes before it), so that reading ends.
  Status check() {
    if (table_.nodes_.empty()) return refuse("no nodes");
    if (table_.slot_count_ > kMostSlots) return refuse("too many slots");
    if (!slot_fits(table_.request_id_slot_) || table_.request_id_slot_ == RowTable::kNone ||
        !slot_fits(table_.stage_slot_) || table_.stage_slot_ == RowTable::kNone) {
      return refuse("no slot for request_id or stage");
    }
    parents_.assign(table_.nodes_.size(), 0);
    table_.slot_kinds_.assign(table_.slot_count_, Kind::kNone);
    for (std::uint32_t i = 0; i < table_.nodes_.size(); ++i) {
      const Node& node = table_.nodes_[i];
      if (node.fields.size() >= UINT16_MAX) return refuse("too many fields in a message");
      for (std::size_t f = 0; f < node.fields.size(); ++f) {
        const Field& field = node.fields[f];
        if (f > 0 && node.fields[f - 1].number >= field.number) {
          return refuse("fields of a message are not sorted");
        }
        if (Status s = check_field(i, field); !s.ok()) return s;
      }
    }
    return check_own_slots();
  }

  // Slots that are not filled by a field of the table, and slots that reading takes away.
  Status check_own_slots() {
    if (!slot_fits(table_.decided_at_slot_) || !give_kind(table_.decided_at_slot_, Kind::kInt)) {
      return refuse("the slot of the moment of the decision is of another kind");
    }
    const std::uint32_t consents = table_.consents_slot_;
    if (!slot_fits(consents) ||
        (consents != RowTable::kNone && table_.slot_kinds_[consents] != Kind::kNone)) {
      return refuse("the consents' slot is taken");
    }
    give_kind(consents, Kind::kInt);
    if (table_.gated_sources_ != 0 && consents == RowTable::kNone) {
      return refuse("consent gates without a slot for consents");
    }
    for (const RowTable::ConsentGate& gate : table_.consent_gates_) {
      for (const std::uint32_t slot : gate.slots) {
        if (slot >= table_.slot_count_ || slot == consents) return refuse("a consent gate's slot");
      }
    }
    return {};
  }

  bool slot_fits(std::uint32_t slot) const {
    return slot == RowTable::kNone || slot < table_.slot_count_;
  }

  // Claims node `child` for `parent`.
  bool claim(std::uint32_t parent, std::uint32_t child) {
    return child < table_.nodes_.size() && child > parent && parents_[child]++ == 0;
  }

  Status check_field(std::uint32_t node, const Field& field) {
    const auto bad = [&](const char* what) { return refuse("field " + field.name + ": " + what); };
    if (field.kind < kind::kInt32 || field.kind > kind::kMessage) return bad("unknown kind");
    if (!slot_fits(field.slot) || !slot_fits(field.count_slot)) return bad("slot outside the row");
    if (field.repeated && field.slot != RowTable::kNone)
      return bad("a repeated field has one slot");
    if (field.consents && (!field.repeated || field.map || field.kind != kind::kMessage)) {
      return bad("consents are repeated messages");
    }
    if (!field.repeated &&
        (field.map || !field.elements.empty() || field.count_slot != RowTable::kNone)) {
      return bad("elements of a field that is not repeated");
    }
    if ((field.kind == kind::kMessage) != (field.node != RowTable::kNone)) {
      return bad("a message needs a node, nothing else has one");
    }
    if (field.kind == kind::kMessage && !claim(node, field.node)) return bad("nodes are no tree");
    if (field.map) {
      if (field.kind != kind::kMessage) return bad("a map needs a node for its entries");
      if (Status s = check_map(field); !s.ok()) return s;
    }
    const std::uint32_t kept = field.map ? table_.nodes_[field.node].fields[1].kind : field.kind;
    if (!give_kind(field.slot, kept == kind::kMessage ? Kind::kBool : value_kind_of(kept)) ||
        !give_kind(field.count_slot, Kind::kInt)) {
      return bad("its slot has two kinds");
    }
    for (std::size_t e = 0; e < field.elements.size(); ++e) {
      const Element& element = field.elements[e];
      if (e > 0 && (field.map ? field.elements[e - 1].key >= element.key
                              : field.elements[e - 1].index >= element.index)) {
        return bad("elements are not sorted");
      }
      if (!slot_fits(element.slot)) return bad("slot outside the row");
      const bool has_node = field.kind == kind::kMessage && !field.map;
      if (has_node
              ? !claim(node, element.node)
              : element.slot == RowTable::kNone || !give_kind(element.slot, value_kind_of(kept))) {
        return bad("an element goes nowhere, or to a slot of another kind");
      }
    }
    return {};
  }

  // False where the slot has another kind already: a program relies on it.
  bool give_kind(std::uint32_t slot, Kind of) {
    if (slot == RowTable::kNone) return true;
    Kind& known = table_.slot_kinds_[slot];
    if (known != Kind::kNone && known != of) return false;
    known = of;
    return true;
  }

  Status check_map(const Field& field) const {
    const Node& entry = table_.nodes_[field.node];
    if (entry.fields.size() != 2 || entry.fields[0].number != 1 || entry.fields[1].number != 2 ||
        entry.fields[0].kind != kind::kString || entry.fields[1].kind == kind::kMessage ||
        entry.fields[0].repeated || entry.fields[1].repeated) {
      return refuse("field " + field.name + ": only maps from string to a scalar can be read");
    }
    return {};
  }

  // Look-up tables and counters. Children come after parents, so going backwards every child is
  // ready when its parent collects the counters below it.
  void index() {
    for (std::size_t i = table_.nodes_.size(); i-- > 0;) {
      Node& node = table_.nodes_[i];
      if (!node.fields.empty()) {
        node.by_number.assign(std::min(node.fields.back().number + 1, kDenseNumbers), 0);
      }
      for (std::size_t f = 0; f < node.fields.size(); ++f) {
        Field& field = node.fields[f];
        if (field.number < node.by_number.size()) {
          node.by_number[field.number] = static_cast<std::uint16_t>(f + 1);
        }
        if (field.repeated) {
          field.counter = table_.counter_count_++;
          node.counters.push_back(field.counter);
          if (field.count_slot != RowTable::kNone) node.count_slots.push_back(field.count_slot);
        }
        if (field.map) limit_entry(field);
        collect(node, field.node);
        for (const Element& element : field.elements) collect(node, element.node);
      }
    }
  }

  // A map's limit on bytes holds for keys and values.
  void limit_entry(const Field& field) {
    for (Field& part : table_.nodes_[field.node].fields) {
      part.max_bytes = std::min(part.max_bytes, field.max_bytes);
    }
  }

  void collect(Node& node, std::uint32_t child) {
    if (child == RowTable::kNone) return;
    const auto& below = table_.nodes_[child].counters;
    node.counters.insert(node.counters.end(), below.begin(), below.end());
  }

  RowTable table_;
  std::vector<int> parents_;
};

Result<RowTable> RowTable::parse(std::span<const std::uint8_t> bytes) {
  return RowParser().parse(bytes);
}

}  // namespace fenqi::wire
