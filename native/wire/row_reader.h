// From a request's bytes to the row, in one pass, by a table made from the contract.
//
// The table covers the whole contract: a field that the release reads has a slot, every other one
// is only checked. What is accepted reads as google.protobuf reads it (the last value wins,
// messages merge, packed or not, unknown fields stepped over). On top of that these are errors
// that name the field: a known field of another wire type, a number that is not finite, and values
// outside the contract's limits.
//
// What rests on a source that needs the applicant's consent is missing without it (R13).
//
// A RowTable is immutable and shared. read() takes nothing from the heap unless it fails.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/status.h"
#include "base/value.h"

namespace fenqi::wire {

class RowTable {
 public:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  RowTable() = default;

  // Reads and checks a serialized fenqi.internal.v1.Row. Fails with FAILED_PRECONDITION.
  static Result<RowTable> parse(std::span<const std::uint8_t> bytes);

  // Fills `row` (slot_count() values; missing where the request says nothing) from `request`.
  // Strings in the row are views into `request`. `counters` is scratch of counter_count() numbers.
  // Fails with INVALID_ARGUMENT; the row is then half filled and must not be used.
  Status read(std::span<const std::uint8_t> request, std::span<Value> row,
              std::span<std::uint32_t> counters) const;

  std::uint32_t slot_count() const { return slot_count_; }
  // Of each slot: the kind that it has when it is not missing; kNone where nothing writes it.
  std::span<const Kind> slot_kinds() const { return slot_kinds_; }
  std::uint32_t counter_count() const { return counter_count_; }
  std::uint32_t request_id_slot() const { return request_id_slot_; }
  std::uint32_t stage_slot() const { return stage_slot_; }
  // kNone where the release reads no time.
  std::uint32_t decided_at_slot() const { return decided_at_slot_; }
  // The slot of what the application's consents grant, bit s for fenqi.v1.DataSource s; kNone where
  // nothing needs consent.
  std::uint32_t consents_slot() const { return consents_slot_; }
  // Bit s: the release reads something of source s, which needs consent.
  std::uint64_t gated_sources() const { return gated_sources_; }

 private:
  friend class RowParser;
  friend class RowReading;

  // An element of a repeated field, or a key of a map, that the release reads.
  struct Element {
    std::uint32_t index = 0;
    std::string key;
    std::uint32_t slot = kNone;
    std::uint32_t node = kNone;
  };

  struct Field {
    std::uint32_t number = 0;
    std::string name;
    std::uint32_t kind = 0;  // fenqi.internal.v1.FieldKind
    bool zero_is_missing = false;
    bool repeated = false;
    bool map = false;
    std::uint32_t slot = kNone;
    std::uint32_t node = kNone;
    std::uint32_t count_slot = kNone;
    std::uint32_t counter = kNone;
    std::vector<Element> elements;
    double min = -std::numeric_limits<double>::infinity();
    double max = std::numeric_limits<double>::infinity();
    std::uint32_t max_bytes = UINT32_MAX;
    std::uint32_t max_items = UINT32_MAX;
    bool consents = false;  // its entries are fenqi.v1.Consent
  };

  struct Node {
    std::vector<Field> fields;               // sorted by number
    std::vector<std::uint16_t> by_number;    // field's position plus one, for small numbers
    std::vector<std::uint32_t> count_slots;  // of its repeated fields: zero once it is present
    std::vector<std::uint32_t> counters;     // of its repeated fields and those below it

    const Field* find(std::uint32_t number) const;
  };

  // What one source without consent takes away.
  struct ConsentGate {
    std::uint32_t source = 0;
    std::vector<std::uint32_t> slots;
  };

  std::vector<Node> nodes_;
  std::vector<Kind> slot_kinds_;
  std::uint32_t slot_count_ = 0;
  std::uint32_t counter_count_ = 0;
  std::uint32_t request_id_slot_ = 0;
  std::uint32_t stage_slot_ = 0;
  std::uint32_t decided_at_slot_ = kNone;
  std::uint32_t consents_slot_ = kNone;
  std::uint64_t gated_sources_ = 0;
  std::vector<ConsentGate> consent_gates_;
};

}  // namespace fenqi::wire
