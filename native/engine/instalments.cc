#include "engine/instalments.h"

#include "fenqi/contract.h"

namespace fenqi::engine {

void write_number(wire::MessageWriter& writer, std::uint32_t number, std::int64_t value) {
  if (value != 0) writer.sint(number, value);
}

void write_rate(wire::MessageWriter& writer, std::uint32_t number, double rate) {
  if (rate != 0.0) writer.number64(number, rate);
}

void write_instalments(wire::MessageWriter& writer, std::uint32_t number,
                       std::span<const offers::Row> rows) {
  namespace field = contract::instalment;
  std::int64_t count = 0;
  for (const offers::Row& row : rows) {
    const auto instalment = writer.begin(number);
    writer.sint(field::kNumber, ++count);
    if (row.due != offers::kNoDate) writer.sint(field::kDueDateDays, row.due);
    write_number(writer, field::kPrincipalFen, row.principal_fen);
    write_number(writer, field::kInterestFen, row.interest_fen);
    write_number(writer, field::kFeesFen, row.charges_fen);
    write_number(writer, field::kBalanceFen, row.balance_fen);
    write_number(writer, field::kCapitalisedFen, row.capitalised_fen);
    writer.end(instalment);
  }
}

}  // namespace fenqi::engine
