// Writes repayment plans.
#pragma once

#include <cstdint>
#include <span>

#include "offers/schedule.h"
#include "wire/writer.h"

namespace fenqi::engine {

// One fenqi.v1.Instalment for each of `rows`, as field `number` of the message being written.
void write_instalments(wire::MessageWriter& writer, std::uint32_t number,
                       std::span<const offers::Row> rows);

// Zeros are left out, as protobuf does.
void write_number(wire::MessageWriter& writer, std::uint32_t number, std::int64_t value);
void write_rate(wire::MessageWriter& writer, std::uint32_t number, double rate);

}  // namespace fenqi::engine
