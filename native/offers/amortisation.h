// The rows of a schedule before charges: how a balance is paid back, method by method.
#pragma once

#include <cstdint>
#include <span>

#include "offers/schedule.h"

namespace fenqi::offers {

// Fills due dates, principal, interest, capitalised interest and balance of `rows` (at least
// loan.periods) and `rows` and `instalment_fen` of `schedule`. Needs check(loan), and
// 0 < financed_fen <= 2^53. Faults where interest leaves the range. Linear, allocates nothing.
Fault amortise(const Loan& loan, std::int64_t financed_fen, std::span<Row> rows,
               Schedule& schedule);

}  // namespace fenqi::offers
