// What happens to a plan once money moves: overdue interest, the order in which a payment is used,
// early repayment, partial prepayment.
//
// Everything is a pure function over the caller's memory and takes whole fen; nothing allocates.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "offers/schedule.h"

namespace fenqi::offers {

enum class Part : std::uint8_t { kCharges, kPenalty, kInterest, kPrincipal };
inline constexpr std::size_t kParts = 4;

using PartAmounts = std::array<std::int64_t, kParts>;  // fen, indexed by Part

enum class PenaltyBase : std::uint8_t {
  kPrincipal,   // of the overdue principal
  kInstalment,  // of the overdue principal and interest
};

// How a product treats payments. Rates in units of 10^-12.
struct ServicingTerms {
  // The order within an instalment; the oldest instalment comes first.
  std::array<Part, kParts> waterfall{Part::kCharges, Part::kPenalty, Part::kInterest,
                                     Part::kPrincipal};
  std::int64_t penalty_rate = 0;  // a year
  PenaltyBase penalty_base = PenaltyBase::kPrincipal;
  std::int32_t penalty_year = 360;  // days in the year of penalty_rate: 360 or 365
  std::int32_t grace_days = 0;      // 容时: paid so many days late is paid in time
  std::int64_t tolerance_fen = 0;   // 容差: short by at most this is paid; the rest is due next
  std::int64_t prepayment_fee_rate = 0;   // of the principal repaid early
  Rounding rounding = Rounding::kHalfUp;  // of penalty, accrued interest and fee
};

// The fault names the field.
Fault check(const ServicingTerms& terms);

// One instalment as far as it is unpaid.
struct OpenInstalment {
  Date due = kNoDate;
  PartAmounts unpaid_fen{};
  Date penalty_until =
      kNoDate;  // the day up to which the penalty is in unpaid_fen; kNoDate: none yet

  std::int64_t total_fen() const {
    return unpaid_fen[0] + unpaid_fen[1] + unpaid_fen[2] + unpaid_fen[3];
  }
};

OpenInstalment open_instalment(const Row& row);

// Days past due on `day`: 0 up to and with the last day of grace, from then on counted from the due
// date.
std::int32_t days_past_due(const OpenInstalment& instalment, Date day, const ServicingTerms& terms);

// Adds the penalty up to `day` to what is unpaid, on what is overdue as it stands: call it before a
// payment is used. Interest is not charged on penalties. Calling twice for one day changes nothing.
// Faults, and changes nothing, where the penalty would exceed 2^61 fen; in 367 days none does.
Fault accrue_penalty(OpenInstalment& instalment, Date day, const ServicingTerms& terms);

// What a payment was used for; `left_fen` is what nothing was due for.
struct Allocation {
  PartAmounts paid_fen{};
  std::int64_t left_fen = 0;
};

// Uses `amount_fen` (>= 0) for `instalments`, oldest first. Then an instalment that fell due by
// `day` and is short by at most the tolerance counts as paid: what it lacks becomes due with the
// next one in the span, if there is one. Linear.
Allocation allocate(std::int64_t amount_fen, std::span<OpenInstalment> instalments, Date day,
                    const ServicingTerms& terms);

// What repays a loan on a day, when `paid_rows` instalments are paid and none is overdue.
struct Settlement {
  std::int64_t principal_fen = 0;
  std::int64_t interest_fen = 0;  // from the last due date to the day, by the loan's day count
  std::int64_t fee_fen = 0;

  std::int64_t total_fen() const { return principal_fen + interest_fen + fee_fen; }
};

// Faults: `day` before the last paid due date or after the next one; a loan without dates; nothing
// left to repay. The fee of the method kFlatFee is charged for the part of the period that has
// gone.
Fault settle(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
             std::int32_t paid_rows, Date day, const ServicingTerms& terms, Settlement* settlement);

enum class Keep : std::uint8_t {
  kTerm,        // as many instalments, smaller ones
  kInstalment,  // the same instalment, fewer of them; equal_instalments only
};

// Pays `amount_fen` early: interest to date and fee first, principal with the rest. `rest` becomes
// a loan of what is left, from `day` on, to be given to build_schedule. Its spans are those of
// `loan`. Faults: as settle; an amount that repays no principal or all of it; custom dates, rate
// changes and balloons, which have no rest of the same kind.
Fault prepay(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
             std::int32_t paid_rows, Date day, std::int64_t amount_fen, Keep keep,
             const ServicingTerms& terms, Settlement* paid, Loan* rest);

}  // namespace fenqi::offers
