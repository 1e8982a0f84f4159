// Serialized tables, lookups and lists for tests, written field by field.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <string_view>
#include <vector>

#include "fenqi/contract.h"
#include "wire/writer.h"

namespace fenqi::tables::testing {

namespace image = contract::internal;

using Bytes = std::vector<std::uint8_t>;
using Write = std::function<void(wire::MessageWriter&)>;

inline void message(wire::MessageWriter& writer, std::uint32_t number, const Write& content) {
  const auto mark = writer.begin(number);
  content(writer);
  writer.end(mark);
}

inline Bytes bytes_of(const Write& content) {
  wire::MessageWriter writer;
  content(writer);
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

inline std::uint64_t zigzag(std::int64_t x) {
  return (static_cast<std::uint64_t>(x) << 1) ^ static_cast<std::uint64_t>(x >> 63);
}

// `low <= x < high`, ints.
inline Write between(std::int64_t low, std::int64_t high) {
  return [=](wire::MessageWriter& writer) {
    message(writer, image::value_set::kIntervals, [&](wire::MessageWriter& interval) {
      message(interval, image::interval::kLow, [&](wire::MessageWriter& bound) {
        bound.uint(image::constant::kIntValue, zigzag(low));
      });
      message(interval, image::interval::kHigh, [&](wire::MessageWriter& bound) {
        bound.uint(image::constant::kIntValue, zigzag(high));
      });
      interval.uint(image::interval::kHighOpen, 1);
    });
  };
}

inline Write text(std::string_view value) {
  return [=](wire::MessageWriter& writer) { writer.string(image::value_set::kStrings, value); };
}

inline Write prefix(std::string_view value) {
  return [=](wire::MessageWriter& writer) { writer.string(image::value_set::kPrefixes, value); };
}

// A column of ints, one a row.
inline void int_column(wire::MessageWriter& writer, std::uint32_t number,
                       std::initializer_list<std::int64_t> values) {
  message(writer, number, [&](wire::MessageWriter& column) {
    std::uint32_t row = 0;
    for (const std::int64_t value : values) {
      message(column, image::table_output::kValues, [&](wire::MessageWriter& constant) {
        constant.uint(image::constant::kIntValue, zigzag(value));
      });
      column.uint(image::table_output::kValueOfRow, row++);
    }
  });
}

// One input in register 0, a cell for each row; then what each row says.
inline Bytes table(std::uint32_t hit_policy, std::uint32_t kind, std::initializer_list<Write> cells,
                   std::initializer_list<std::int64_t> values) {
  return bytes_of([&](wire::MessageWriter& writer) {
    writer.string(image::decision_table::kName, "t");
    writer.uint(image::decision_table::kHitPolicy, hit_policy);
    writer.uint(image::decision_table::kRowCount, values.size());
    message(writer, image::decision_table::kInputs, [&](wire::MessageWriter& input) {
      input.uint(image::table_input::kKind, kind);
      std::uint32_t row = 0;
      for (const Write& cell : cells) {
        message(input, image::table_input::kCells,
                [&](wire::MessageWriter& inner) { message(inner, image::cell::kValues, cell); });
        input.uint(image::table_input::kCellOfRow, row++);
      }
    });
    int_column(writer, image::decision_table::kOutputs, values);
  });
}

}  // namespace fenqi::tables::testing
