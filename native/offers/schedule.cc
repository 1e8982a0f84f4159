#include "offers/schedule.h"

#include <algorithm>

#include "offers/amortisation.h"

namespace fenqi::offers {
namespace {

constexpr Fault kTooMuchInterest{"annual_rate", "makes all interest together exceed 2^62 fen"};
constexpr Fault kTooMuchInAll{"charges",
                              "must stay below 2^53 fen in a row, and below 2^61 in all rows"};

void add_to(std::span<std::int64_t> totals, std::size_t charge, std::int64_t amount) {
  if (!totals.empty()) totals[charge] += amount;
}

}  // namespace

std::int64_t row_charge(const Charge& charge, const Loan& loan, const Row& row,
                        std::int64_t balance_fen) {
  std::int64_t base = loan.principal_fen;
  switch (charge.base) {
    case ChargeBase::kBalance:
      base = balance_fen;
      break;
    case ChargeBase::kInstalment:
      base = row.principal_fen + row.interest_fen;
      break;
    case ChargeBase::kInterest:
      base = row.interest_fen;
      break;
    default:
      break;
  }
  return charged_on(charge, base, loan.interest_rounding);
}

Fault build_schedule(const Loan& loan, std::span<const Charge> charges, std::span<Row> rows,
                     std::span<std::int64_t> charge_totals, Schedule& schedule) {
  if (const Fault fault = check(loan); !fault.ok()) return fault;
  if (const Fault fault = check(charges); !fault.ok()) return fault;
  const Rounding mode = loan.interest_rounding;
  schedule = {};
  std::fill(charge_totals.begin(), charge_totals.end(), 0);

  Int128 added = 0;
  Int128 deducted = 0;
  for (std::size_t c = 0; c < charges.size(); ++c) {
    if (charges[c].timing == ChargeTiming::kEachInstalment) continue;
    const std::int64_t amount = charged_on(charges[c], loan.principal_fen, mode);
    (charges[c].timing == ChargeTiming::kAdded ? added : deducted) += amount;
    add_to(charge_totals, c, amount);
  }
  if (deducted >= loan.principal_fen) {
    return {"charges", "deducted up front must be less than the principal"};
  }
  if (loan.principal_fen + added > kMaxAmountFen) {
    return {"charges", "added to the principal must not take it above 2^53 fen"};
  }
  schedule.financed_fen = loan.principal_fen + static_cast<std::int64_t>(added);
  schedule.received_fen = loan.principal_fen - static_cast<std::int64_t>(deducted);
  schedule.charges_fen = static_cast<std::int64_t>(added + deducted);

  if (const Fault fault = amortise(loan, schedule.financed_fen, rows, schedule); !fault.ok()) {
    return fault;
  }

  std::int64_t balance = schedule.financed_fen;
  constexpr std::uint64_t kMaxInterestSum = std::uint64_t{1} << 62;
  constexpr std::uint64_t kMaxChargesSum = std::uint64_t{1} << 61;
  // Each is below 2^53 in a row, so that 64 bits hold every sum.
  std::uint64_t principal_sum = 0;
  std::uint64_t interest_sum = 0;
  std::uint64_t charges_sum = 0;
  for (std::int32_t k = 0; k < schedule.rows; ++k) {
    Row& row = rows[static_cast<std::size_t>(k)];
    row.charges_fen = 0;
    for (std::size_t c = 0; c < charges.size(); ++c) {
      if (charges[c].timing != ChargeTiming::kEachInstalment) continue;
      const std::int64_t amount = row_charge(charges[c], loan, row, balance);
      row.charges_fen += amount;
      if (row.charges_fen > kMaxAmountFen) return kTooMuchInAll;
      add_to(charge_totals, c, amount);
    }
    balance = row.balance_fen;
    principal_sum += static_cast<std::uint64_t>(row.principal_fen);
    interest_sum += static_cast<std::uint64_t>(row.interest_fen);
    charges_sum += static_cast<std::uint64_t>(row.charges_fen);
    schedule.capitalised_fen += row.capitalised_fen;
    if (charges_sum > kMaxChargesSum) return kTooMuchInAll;
  }
  if (interest_sum > kMaxInterestSum) return kTooMuchInterest;
  schedule.interest_fen = static_cast<std::int64_t>(interest_sum);
  schedule.charges_fen += static_cast<std::int64_t>(charges_sum);
  schedule.paid_fen = static_cast<std::int64_t>(principal_sum + interest_sum + charges_sum);
  return {};
}

}  // namespace fenqi::offers
