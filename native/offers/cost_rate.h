// What a schedule costs its borrower a year, everything counted: interest, fees and the charges of
// third parties, over the principal that the borrower has the use of.
#pragma once

#include <cstdint>
#include <span>

#include "offers/schedule.h"

namespace fenqi::offers {

// As fractions: 0.18 is 18 %. PBoC Announcement 2021 No. 3 knows both the compound rate and the
// simple one, and asks that the simple one be named as such.
struct CostRate {
  double nominal;    // the internal rate of a period times the periods in a year
  double effective;  // (1 + rate of a period)^(periods in a year) - 1
  double simple;     // interest and charges over the balances and the time that each was owed
};

// The rates of a schedule made from `loan`. Where periods are equal the internal rate is that of a
// period; with custom dates or a first period of another length it is the effective rate of days
// over 365, and nominal the monthly rate with that effective one, times 12. Growth beyond e^700 a
// year is given as e^700. Linear in the rows, allocates nothing.
CostRate cost_rate(const Loan& loan, const Schedule& schedule, std::span<const Row> rows);

// The rate that a borrower is shown: percent with two decimals, rounded half up.
double disclosed(double rate);

}  // namespace fenqi::offers
