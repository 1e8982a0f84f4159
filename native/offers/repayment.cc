#include "offers/repayment.h"

#include <algorithm>

namespace fenqi::offers {
namespace {

std::size_t index(Part part) {
  return static_cast<std::size_t>(part);
}

// The part of a year, or for a flat fee of the period, that has gone since the last due date.
std::int64_t interest_to(const Loan& loan, std::int64_t balance, std::span<const Row> rows,
                         std::int32_t paid_rows, Date day, Rounding mode) {
  const auto next = static_cast<std::size_t>(paid_rows);
  const Date from = paid_rows == 0 ? loan.disbursed : rows[next - 1].due;
  if (loan.method == Method::kFlatFee) {
    const Date to = rows[next].due;
    return share(rows[next].interest_fen, fraction(day - from, to - from), mode);
  }
  std::int64_t rate = loan.annual_rate;
  for (const RateChange& change : loan.rate_changes) {
    if (change.from_row <= paid_rows + 1) rate = change.annual_rate;
  }
  const YearShare span = year_share(from, day, loan.day_count, anchor_day(loan));
  return share(balance, fraction(Int128{rate} * span.days, Int128{kRateUnit} * span.year), mode);
}

}  // namespace

Fault check(const ServicingTerms& terms) {
  std::array<bool, kParts> seen{};
  for (const Part part : terms.waterfall) seen[index(part)] = true;
  if (std::find(seen.begin(), seen.end(), false) != seen.end()) {
    return {"waterfall", "must name charges, penalty, interest and principal once each"};
  }
  if (terms.penalty_rate < 0 || terms.penalty_rate > kMaxRate) {
    return {"penalty_rate", "must be 0 to 100, as a fraction: 0.36 is 36 % a year"};
  }
  if (terms.penalty_year != 360 && terms.penalty_year != 365) {
    return {"penalty_year", "must be 360 or 365 days"};
  }
  if (terms.grace_days < 0 || terms.grace_days > 366) {
    return {"grace_days", "must be 0 to 366"};
  }
  if (terms.tolerance_fen < 0 || terms.tolerance_fen > kMaxAmountFen) {
    return {"tolerance_fen", "must be 0 to 2^53 fen"};
  }
  if (terms.prepayment_fee_rate < 0 || terms.prepayment_fee_rate > kRateUnit) {
    return {"prepayment_fee_rate", "must be 0 to 1, as a fraction of the principal repaid early"};
  }
  return {};
}

OpenInstalment open_instalment(const Row& row) {
  OpenInstalment open;
  open.due = row.due;
  open.unpaid_fen[index(Part::kCharges)] = row.charges_fen;
  open.unpaid_fen[index(Part::kInterest)] = row.interest_fen;
  open.unpaid_fen[index(Part::kPrincipal)] = row.principal_fen;
  return open;
}

std::int32_t days_past_due(const OpenInstalment& instalment, Date day,
                           const ServicingTerms& terms) {
  if (instalment.total_fen() == 0 || day <= instalment.due + terms.grace_days) return 0;
  return day - instalment.due;
}

Fault accrue_penalty(OpenInstalment& instalment, Date day, const ServicingTerms& terms) {
  if (days_past_due(instalment, day, terms) == 0) return {};
  const Date from = instalment.penalty_until == kNoDate ? instalment.due : instalment.penalty_until;
  if (day <= from) return {};
  const std::int64_t base = instalment.unpaid_fen[index(Part::kPrincipal)] +
                            (terms.penalty_base == PenaltyBase::kInstalment
                                 ? instalment.unpaid_fen[index(Part::kInterest)]
                                 : 0);
  const Fraction rate =
      fraction(Int128{terms.penalty_rate} * (day - from), Int128{kRateUnit} * terms.penalty_year);
  std::int64_t& penalty = instalment.unpaid_fen[index(Part::kPenalty)];
  constexpr double kMostPenalty = 0x1p61;
  if (static_cast<double>(base) * rate.value + static_cast<double>(penalty) > kMostPenalty) {
    return {"penalty_rate", "makes the penalty of an instalment exceed 2^61 fen"};
  }
  penalty += share(base, rate, terms.rounding);
  instalment.penalty_until = day;
  return {};
}

Allocation allocate(std::int64_t amount_fen, std::span<OpenInstalment> instalments, Date day,
                    const ServicingTerms& terms) {
  Allocation used;
  used.left_fen = amount_fen;
  for (OpenInstalment& instalment : instalments) {
    for (const Part part : terms.waterfall) {
      const std::int64_t paid = std::min(used.left_fen, instalment.unpaid_fen[index(part)]);
      instalment.unpaid_fen[index(part)] -= paid;
      used.paid_fen[index(part)] += paid;
      used.left_fen -= paid;
    }
  }
  for (std::size_t k = 0; k + 1 < instalments.size(); ++k) {
    OpenInstalment& instalment = instalments[k];
    if (instalment.due > day || instalment.total_fen() > terms.tolerance_fen) continue;
    for (std::size_t part = 0; part < kParts; ++part) {
      instalments[k + 1].unpaid_fen[part] += instalment.unpaid_fen[part];
      instalment.unpaid_fen[part] = 0;
    }
  }
  return used;
}

Fault settle(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
             std::int32_t paid_rows, Date day, const ServicingTerms& terms,
             Settlement* settlement) {
  if (const Fault fault = check(terms); !fault.ok()) return fault;
  if (loan.disbursed == kNoDate) {
    return {"disbursed", "is needed: without it no interest to a day can be counted"};
  }
  if (paid_rows < 0 || paid_rows >= schedule.rows) {
    return {"paid_rows", "must be 0 or more, and fewer than the rows of the plan"};
  }
  const auto next = static_cast<std::size_t>(paid_rows);
  const Date from = paid_rows == 0 ? loan.disbursed : rows[next - 1].due;
  if (day < from || day > rows[next].due) {
    return {"day", "must lie between the last paid due date and the next one"};
  }
  const std::int64_t balance = paid_rows == 0 ? schedule.financed_fen : rows[next - 1].balance_fen;
  const Fraction fee = fraction(terms.prepayment_fee_rate, kRateUnit);
  *settlement = {balance, interest_to(loan, balance, rows, paid_rows, day, terms.rounding),
                 share(balance, fee, terms.rounding)};
  return {};
}

Fault prepay(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
             std::int32_t paid_rows, Date day, std::int64_t amount_fen, Keep keep,
             const ServicingTerms& terms, Settlement* paid, Loan* rest) {
  Settlement all;
  if (const Fault fault = settle(loan, schedule, rows, paid_rows, day, terms, &all); !fault.ok()) {
    return fault;
  }
  if (loan.frequency == Frequency::kCustom || !loan.rate_changes.empty() ||
      loan.amortisation_periods > loan.periods || loan.compounding != Compounding::kNominal) {
    return {"loan", "with custom dates, rate changes, a balloon or compounding is settled in full"};
  }
  if (keep == Keep::kInstalment && loan.method != Method::kEqualInstalments) {
    return {"keep", "must be term: only equal_instalments have an instalment to keep"};
  }
  if (paid_rows < loan.grace_periods) {
    return {"paid_rows", "must be past the grace periods"};
  }
  if (day == rows[static_cast<std::size_t>(paid_rows)].due) {
    return {"day", "must be before the next due date: pay the instalment first"};
  }
  if (amount_fen <= all.interest_fen) {
    return {"amount_fen", "must be more than the interest to date, to repay any principal"};
  }
  if (amount_fen >= all.total_fen()) {
    return {"amount_fen", "must be less than what settles the loan: settle it"};
  }
  // fee = rate x principal, and both come out of what the interest leaves; the fee is rounded, and
  // a fen that the division loses repays principal.
  const std::int64_t after_interest = amount_fen - all.interest_fen;
  const auto fee = static_cast<std::int64_t>(
      divide(Int128{after_interest} * terms.prepayment_fee_rate,
             Int128{kRateUnit} + terms.prepayment_fee_rate, terms.rounding));
  *paid = {std::min(after_interest - fee, all.principal_fen - 1), all.interest_fen, 0};
  paid->fee_fen = after_interest - paid->principal_fen;
  *rest = loan;
  rest->principal_fen = all.principal_fen - paid->principal_fen;
  rest->periods = loan.periods - paid_rows;
  rest->grace_periods = 0;
  rest->due_day = anchor_day(loan);
  rest->disbursed = day;
  rest->first_due = rows[static_cast<std::size_t>(paid_rows)].due;
  rest->instalment_fen = keep == Keep::kInstalment ? schedule.instalment_fen : 0;
  return {};
}

}  // namespace fenqi::offers
