// The repayment plan of a loan: one row for each instalment, exact to the fen.
//
//   std::array<Row, kMaxPeriods> rows;
//   Schedule schedule;
//   const Fault fault = build_schedule(loan, charges, rows, {}, schedule);
//
// Invariants where the balance is carried in whole fen: principal parts sum to what was financed
// and capitalised, the balance after the last row is zero, no amount is negative, and for
// LastInstalment::kWithinBound equal instalments differ from the last by at most a fen for each
// period and one more. The exceptions to that last one: custom dates; rates above 100 % a period;
// and plans in which the interest of a period is more than the instalment would be, which is then
// the interest.
//
// Allocates nothing. Linear in the periods; some nanoseconds a row.
#pragma once

#include <cstdint>
#include <span>

#include "offers/charge.h"
#include "offers/loan.h"

namespace fenqi::offers {

struct Row {
  Date due;  // kNoDate where the loan has no dates
  std::int64_t principal_fen;
  std::int64_t interest_fen;  // also the fee of the method kFlatFee
  std::int64_t charges_fen;
  std::int64_t capitalised_fen;  // interest added to the balance instead of paid
  std::int64_t balance_fen;      // after the instalment

  std::int64_t payment_fen() const { return principal_fen + interest_fen + charges_fen; }
};

struct Schedule {
  std::int32_t rows = 0;             // fewer than periods where rounding repays the loan earlier
  std::int64_t financed_fen = 0;     // the principal with the charges that were added
  std::int64_t received_fen = 0;     // what the borrower gets: the principal less what is deducted
  std::int64_t instalment_fen = 0;   // the regular one without charges; equal_instalments only
  std::int64_t interest_fen = 0;     // total of the rows
  std::int64_t charges_fen = 0;      // total, up front and with instalments
  std::int64_t capitalised_fen = 0;  // total of the rows
  std::int64_t paid_fen = 0;         // total of the rows' payments
};

// What `charge` takes with an instalment, `balance_fen` being owed before it; the base is a part of
// `loan` or of the row's principal and interest.
std::int64_t row_charge(const Charge& charge, const Loan& loan, const Row& row,
                        std::int64_t balance_fen);

// Fills `rows` (at least loan.periods) and `schedule`. `charge_totals` is empty, or gets the total
// of each charge. A fault leaves the outputs undefined.
Fault build_schedule(const Loan& loan, std::span<const Charge> charges, std::span<Row> rows,
                     std::span<std::int64_t> charge_totals, Schedule& schedule);

}  // namespace fenqi::offers
