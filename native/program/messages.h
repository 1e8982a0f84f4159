// Messages as values: a message is a view of its bytes on the wire, and selecting a field reads
// them. The bytes are a request's, which the row's reader has checked, or were written by
// make_message.
//
// Presence is Fenqi's: a scalar that is not set is missing, never zero; neither is an enum's
// UNSPECIFIED or an empty string that is not `optional`. Occurrences of one message merge and the
// last scalar wins, as in protobuf. A field that the table does not have is not there: the compiler
// leaves out protected attributes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

struct MessageType;

struct MessageField {
  std::string name;
  std::uint32_t number = 0;
  std::uint32_t kind = 0;  // fenqi.internal.v1.FieldKind
  bool zero_is_missing = false;
  bool repeated = false;
  // Its message's entries have the fields "key" and "value".
  bool map = false;
  // Of a message, or of a map's entries.
  const MessageType* message = nullptr;
};

struct MessageType {
  std::string name;                  // "fenqi.v1.Consent"
  std::vector<MessageField> fields;  // sorted by name

  // Null where there is none.
  const MessageField* find(std::string_view field) const;
};

}  // namespace fenqi::program

namespace fenqi {

struct MessageView {
  const program::MessageType* type;
  std::span<const std::uint8_t> bytes;
};

}  // namespace fenqi

namespace fenqi::program {

// The value of a field: missing where it is not set. A repeated field or map is a list or map, with
// its elements' zeros as they are. Cost: linear in the message's bytes, taken from the budget;
// where that is spent, kBudget.
Value select_field(const MessageView& message, const MessageField& field, Scratch& scratch);

// has(message.field): it is set; a repeated field or map is not empty.
Value has_field(const MessageView& message, const MessageField& field, Scratch& scratch);

// Two messages of one type are equal where their fields are.
bool equal_messages(const MessageView& a, const MessageView& b, Scratch& scratch, int depth);

// Whether nothing is set.
bool is_empty_message(const MessageView& message, Scratch& scratch);

// One field of a message that is made; `value` is ok.
struct FieldValue {
  const MessageField* field;
  Value value;
};

// A message of `type` with these fields, its bytes in `arena`. Null leaves a message field unset.
// kNoOverload for a value of another kind than its field, kOutOfRange for a number that the field
// does not hold.
Value make_message(const MessageType& type, std::span<const FieldValue> fields, Scratch& scratch);

}  // namespace fenqi::program
