// Values as messages: fenqi.internal.v1.Constant, to and from.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "base/value.h"
#include "program/messages.h"
#include "wire/writer.h"

namespace fenqi::program {

// Owns what constants point to. Values stay where they are when the pool moves.
class ConstantPool {
 public:
  // Reads a serialized Constant. False for damaged bytes, and for values nested too deep.
  bool read(std::span<const std::uint8_t> bytes, std::span<const MessageType> types, Value& value,
            int depth = 0);

 private:
  bool read_list(std::span<const std::uint8_t> bytes, std::span<const MessageType> types,
                 std::vector<Value>& values, int depth);
  bool read_message(std::span<const std::uint8_t> bytes, std::span<const MessageType> types,
                    Value& value);
  Value keep_text(std::string_view text, Kind kind);
  const Value* keep(std::vector<Value> values);

  std::deque<std::string> texts_;
  std::deque<std::vector<Value>> lists_;
  std::deque<MessageView> messages_;
};

// Appends a serialized Constant for `value`; of an error, with the text `why`.
void write_constant(wire::MessageWriter& writer, const Value& value, const std::string& why,
                    std::span<const MessageType> types);

}  // namespace fenqi::program
