// How far a plan in whole fen can be from the smooth plan of the same loan, whatever is rounded
// how: what lets one plan speak for others that are near.
#pragma once

#include <span>

#include "offers/charge.h"
#include "offers/cost_rate.h"
#include "offers/loan.h"
#include "offers/schedule.h"

namespace fenqi::offers {

// Whether the bounds below hold for rates up to `most_yearly`: where periods are of different
// lengths, the interest of the longest must be less than the instalment, or that follows the
// interest and leaves the smooth plan.
bool is_near_smooth(const Loan& loan, double most_yearly);

// Fen, over all payments of the plan together, and over its balances at any time. Each instalment
// and each interest is off by at most a fen, the balance that the last one clears by one for each
// of them; interest on what the balance is off by, and charges on it, come on top. At rates up to
// `most_yearly`.
double rounding_error(const Loan& loan, std::span<const Charge> charges, double most_yearly);

// How much `cost.nominal` of a plan can be from that of another one whose payments differ by
// `error_fen` in all, to first order and half as much again; infinite where that says nothing.
double cost_error(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
                  const CostRate& cost, double error_fen);

// The same for the effective rate.
double effective_error(const Loan& loan, const CostRate& cost, double nominal_error);

}  // namespace fenqi::offers
