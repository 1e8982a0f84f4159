#include "offers/amortisation.h"

#include <algorithm>
#include <array>
#include <cstdlib>

#include "offers/annuity.h"

namespace fenqi::offers {
namespace {

Fraction equal_period_rate(const Loan& loan, std::int64_t annual_rate) {
  const std::int32_t per_year = periods_per_year(loan.frequency);
  switch (loan.compounding) {
    case Compounding::kSemiannual:
      return compounded_rate(annual_rate, 2, per_year);
    case Compounding::kAnnual:
      return compounded_rate(annual_rate, 1, per_year);
    case Compounding::kNominal:
      break;
  }
  return fraction(annual_rate, Int128{kRateUnit} * per_year);
}

// a * numerator / denominator for a balance in units of 2^-32 fen, without leaving 128 bits.
Int128 precise_share(Int128 amount, const Fraction& of) {
  return amount / of.denominator * of.numerator +
         amount % of.denominator * of.numerator / of.denominator;
}

constexpr double kMaxInterest = static_cast<double>(kMaxAmountFen);
constexpr Fault kTooMuchInterest{"annual_rate",
                                 "makes the interest of a period, or the balance, exceed 2^53 fen"};
constexpr Fault kTooMuchFee{"flat_rate", "makes the fee of a period exceed 2^53 fen"};
constexpr Fault kBelowInterest{
    "instalment_fen", "does not cover the first interest: it must, for the loan to be repaid"};

class Builder {
 public:
  Builder(const Loan& loan, std::int64_t financed, std::span<Row> rows)
      : loan_(loan), financed_(financed), rows_(rows) {
    days_differ_ = loan.day_count != DayCount::k30_360 || loan.frequency == Frequency::kCustom;
    set_dates();
    set_rates();
  }

  Fault build(Schedule& schedule) {
    // Interest above 2^53 fen ends here, so that nothing below leaves its type.
    const double flat_rate = static_cast<double>(loan_.flat_rate) / kRateUnit;
    if (static_cast<double>(financed_) * flat_rate > kMaxInterest) return kTooMuchFee;
    for (std::int32_t k = 1; k <= (rates_differ_ ? loan_.periods : 1); ++k) {
      if (static_cast<double>(financed_) * rate(k).value > kMaxInterest) return kTooMuchInterest;
    }
    schedule.rows = loan_.periods;
    switch (loan_.method) {
      case Method::kEqualInstalments:
        if (loan_.balance == Balance::kPrecise) {
          precise_instalments(schedule);
        } else {
          equal_instalments(schedule, false);
          if (misses_bound(schedule)) equal_instalments(schedule, true);
        }
        break;
      case Method::kInterestOnly:
        interest_only();
        break;
      default:
        equal_principal(schedule);
    }
    return fault_;
  }

 private:
  Row& row(std::int32_t k) { return rows_[static_cast<std::size_t>(k - 1)]; }
  const Fraction& rate(std::int32_t k) const {
    return rates_differ_ ? rates_[static_cast<std::size_t>(k - 1)] : regular_rate_;
  }
  Rounding interest_rounding() const { return loan_.interest_rounding; }

  void set_dates() {
    if (loan_.disbursed == kNoDate) {
      for (std::int32_t k = 1; k <= loan_.periods; ++k) row(k).due = kNoDate;
      return;
    }
    for (std::int32_t k = 1; k <= loan_.periods; ++k) row(k).due = due_date(loan_, k);
  }

  // The rate of each period: into rates_ where they differ.
  void set_rates() {
    const auto count = static_cast<std::size_t>(loan_.periods);
    if (days_differ_) {
      rates_differ_ = true;
      const std::int32_t anchor = anchor_day(loan_);
      Date from = loan_.disbursed;
      for (std::size_t k = 0; k < count; ++k) {
        const YearShare span = year_share(from, rows_[k].due, loan_.day_count, anchor);
        rates_[k] = fraction(Int128{loan_.annual_rate} * span.days, Int128{kRateUnit} * span.year);
        from = rows_[k].due;
      }
      return;
    }
    regular_rate_ = equal_period_rate(loan_, loan_.annual_rate);
    first_is_odd_ = !has_regular_first_period(loan_);
    if (loan_.rate_changes.empty() && !first_is_odd_) return;
    rates_differ_ = true;
    std::fill_n(rates_.begin(), count, regular_rate_);
    for (const RateChange& change : loan_.rate_changes) {
      std::fill(rates_.begin() + change.from_row - 1, rates_.begin() + loan_.periods,
                equal_period_rate(loan_, change.annual_rate));
    }
    if (!first_is_odd_) return;
    const YearShare span = first_period(loan_);
    rates_[0] = fraction(Int128{loan_.annual_rate} * span.days, Int128{kRateUnit} * span.year);
  }

  bool has_balloon() const { return loan_.amortisation_periods > loan_.periods; }

  bool is_level_over_actual_periods() const {
    return days_differ_ && loan_.level_basis == LevelBasis::kActualPeriods && !has_balloon();
  }

  // The instalment that repays `balance` from row k to the end of the amortisation.
  std::int64_t level(std::int64_t balance, std::int32_t k, Rounding mode) const {
    if (is_level_over_actual_periods()) {
      return level_instalment(balance, remaining_rates(k), mode);
    }
    return level_instalment(balance, equal_rate(k), remaining(k), mode);
  }

  Int128 precise_level(Int128 balance, std::int32_t k) const {
    if (is_level_over_actual_periods()) {
      return precise_level_instalment(balance, remaining_rates(k));
    }
    return precise_level_instalment(balance, equal_rate(k), remaining(k));
  }

  std::span<const Fraction> remaining_rates(std::int32_t k) const {
    return {rates_.data() + k - 1, static_cast<std::size_t>(loan_.periods - k + 1)};
  }

  Fraction equal_rate(std::int32_t k) const {
    if (!days_differ_) return k == 1 ? regular_rate_ : rate(k);
    return equal_period_rate(loan_, loan_.annual_rate);
  }

  std::int32_t remaining(std::int32_t k) const {
    return std::max(loan_.periods, loan_.amortisation_periods) - k + 1;
  }

  // Fills a row in which nothing is repaid; returns the balance after it.
  std::int64_t grace_row(std::int32_t k, std::int64_t balance, std::int64_t interest) {
    Row& r = row(k);
    r.principal_fen = 0;
    const bool full = loan_.grace == Grace::kFull;
    r.interest_fen = full ? 0 : interest;
    r.capitalised_fen = full ? interest : 0;
    r.balance_fen = balance + r.capitalised_fen;
    keep_in_range(r.balance_fen, k);
    return r.balance_fen;
  }

  // Interest that is added to the balance must not take it, or its interest, out of range.
  void keep_in_range(std::int64_t balance, std::int32_t k) {
    const double rate_then = k < loan_.periods ? rate(k + 1).value : 0.0;
    if (balance > kMaxAmountFen || static_cast<double>(balance) * rate_then > kMaxInterest) {
      fault_ = kTooMuchInterest;
    }
  }

  // The change that takes effect at row k, if any.
  const RateChange* change_at(std::int32_t k) const {
    for (const RateChange& change : loan_.rate_changes) {
      if (change.from_row == k) return &change;
    }
    return nullptr;
  }

  std::int64_t capped(std::int64_t computed, std::int64_t former, const RateChange& change) const {
    if (change.instalment_cap == 0) return computed;
    const Fraction cap = fraction(change.instalment_cap, kRateUnit);
    return std::min(computed, share(former, cap, loan_.instalment_rounding));
  }

  void equal_instalments(Schedule& schedule, bool anew_each_row) {
    const std::int32_t first = loan_.grace_periods + 1;
    std::int64_t balance = financed_;
    std::int64_t instalment = 0;
    bool may_capitalise = false;
    schedule.rows = loan_.periods;
    for (std::int32_t k = 1; k <= loan_.periods; ++k) {
      const std::int64_t interest = share(balance, rate(k), interest_rounding());
      if (k < first) {
        balance = grace_row(k, balance, interest);
        if (!fault_.ok()) return;
        continue;
      }
      if (k == first) {
        if (loan_.instalment_fen != 0 && loan_.instalment_fen < interest) fault_ = kBelowInterest;
        instalment = loan_.instalment_fen != 0 ? loan_.instalment_fen
                                               : level(balance, k, loan_.instalment_rounding);
        schedule.instalment_fen = instalment;
      } else if (anew_each_row) {
        instalment = level(balance, k, Rounding::kHalfUp);
        // The first one may have had to be its interest, which was more.
        if (k == first + 1) schedule.instalment_fen = instalment;
      } else if (const RateChange* change = change_at(k); change != nullptr) {
        if (change->new_instalment) {
          instalment = capped(level(balance, k, loan_.instalment_rounding), instalment, *change);
        }
        may_capitalise = !change->new_instalment || change->instalment_cap != 0;
      }
      std::int64_t due = instalment;
      if (k == 1 && first_is_odd_ && loan_.instalment_fen == 0) {
        due += interest - share(balance, regular_rate_, interest_rounding());
      }
      // Rounding can leave an instalment of some fen below the interest that it should pay.
      if (!may_capitalise) due = std::max(due, interest);
      Row& r = row(k);
      const bool last = k == loan_.periods;
      const bool clears = last || due - interest >= balance;
      r.principal_fen = clears ? balance : std::max<std::int64_t>(0, due - interest);
      r.interest_fen = clears ? interest : std::min(interest, due);
      r.capitalised_fen = interest - r.interest_fen;
      balance += r.capitalised_fen - r.principal_fen;
      r.balance_fen = balance;
      if (r.capitalised_fen > 0) keep_in_range(balance, k);
      if (clears) schedule.rows = k;
      if (clears || !fault_.ok()) return;
    }
  }

  bool misses_bound(const Schedule& schedule) {
    const bool computed = loan_.instalment_fen == 0 && !has_balloon() &&
                          loan_.rate_changes.empty() &&
                          !(days_differ_ && loan_.level_basis == LevelBasis::kEqualPeriods);
    if (!computed || loan_.last_instalment == LastInstalment::kTakesAll) return false;
    if (schedule.rows < loan_.periods) return schedule.instalment_fen > loan_.periods + 1;
    const Row& last = row(schedule.rows);
    return std::abs(last.principal_fen + last.interest_fen - schedule.instalment_fen) >
           loan_.periods + 1;
  }

  void precise_instalments(Schedule& schedule) {
    const std::int32_t first = loan_.grace_periods + 1;
    const bool prescribed = loan_.instalment_fen != 0;
    const bool balloon = has_balloon();
    Int128 balance = financed_ * kPreciseFen;
    Int128 instalment = 0;
    std::int64_t shown = 0;
    for (std::int32_t k = 1; k <= loan_.periods; ++k) {
      const Int128 interest = precise_share(balance, rate(k));
      const std::int64_t interest_shown = round_precise(interest, interest_rounding());
      Row& r = row(k);
      if (k < first) {
        grace_row(k, round_precise(balance, interest_rounding()), interest_shown);
        if (loan_.grace == Grace::kFull) balance += interest;
        if (!fault_.ok()) return;
        continue;
      }
      if (k == first) {
        if (prescribed && loan_.instalment_fen < interest_shown) fault_ = kBelowInterest;
        instalment = prescribed ? loan_.instalment_fen * kPreciseFen : precise_level(balance, k);
        shown = round_precise(instalment, loan_.instalment_rounding);
        schedule.instalment_fen = shown;
      } else if (const RateChange* change = change_at(k);
                 change != nullptr && change->new_instalment) {
        const Int128 computed = precise_level(balance, k);
        const std::int64_t computed_shown = round_precise(computed, loan_.instalment_rounding);
        const std::int64_t allowed = capped(computed_shown, shown, *change);
        instalment = allowed < computed_shown ? allowed * kPreciseFen : computed;
        shown = allowed;
      }
      const bool last = k == loan_.periods;
      const bool early = !last && !balloon && instalment - interest >= balance;
      r.capitalised_fen = 0;
      r.interest_fen = interest_shown;
      if (last || early) {
        if (balloon) {
          // The regular instalment, and with it what it leaves.
          const Int128 left = balance - (instalment - interest);
          r.principal_fen = shown - interest_shown + round_precise(left, interest_rounding());
        } else if (prescribed || early) {
          // Rounded once, as a whole.
          const std::int64_t whole = round_precise(balance + interest, loan_.instalment_rounding);
          r.principal_fen = std::max<std::int64_t>(0, whole - interest_shown);
        } else {
          r.principal_fen = round_precise(balance, interest_rounding());
        }
        r.balance_fen = 0;
        schedule.rows = k;
        return;
      }
      if (shown < interest_shown) {
        r.interest_fen = shown;
        r.capitalised_fen = interest_shown - shown;
      }
      r.principal_fen = shown - r.interest_fen;
      balance -= instalment - interest;
      r.balance_fen = round_precise(balance, interest_rounding());
      if (r.capitalised_fen > 0) keep_in_range(r.balance_fen, k);
      if (!fault_.ok()) return;
    }
  }

  void interest_only() {
    std::int64_t balance = financed_;
    for (std::int32_t k = 1; k <= loan_.periods; ++k) {
      const std::int64_t interest = share(balance, rate(k), interest_rounding());
      if (k <= loan_.grace_periods) {
        balance = grace_row(k, balance, interest);
        if (!fault_.ok()) return;
        continue;
      }
      const bool last = k == loan_.periods;
      row(k) = {row(k).due, last ? balance : 0, interest, 0, 0, last ? 0 : balance};
    }
  }

  void equal_principal(Schedule& schedule) {
    const bool flat = loan_.method == Method::kFlatFee;
    const std::int64_t fee =
        flat ? share(financed_, fraction(loan_.flat_rate, kRateUnit), interest_rounding()) : 0;
    std::int64_t balance = financed_;
    std::int64_t part = 0;
    for (std::int32_t k = 1; k <= loan_.periods; ++k) {
      const std::int64_t interest = flat ? fee : share(balance, rate(k), interest_rounding());
      if (k <= loan_.grace_periods) {
        balance = grace_row(k, balance, interest);
        if (!fault_.ok()) return;
        continue;
      }
      if (k == loan_.grace_periods + 1) {
        part = static_cast<std::int64_t>(
            divide(balance, loan_.periods - loan_.grace_periods, loan_.instalment_rounding));
      }
      const bool clears = k == loan_.periods || part >= balance;
      const std::int64_t principal = clears ? balance : part;
      balance -= principal;
      row(k) = {row(k).due, principal, interest, 0, 0, balance};
      if (clears) {
        schedule.rows = k;
        return;
      }
    }
  }

  const Loan& loan_;
  const std::int64_t financed_;
  const std::span<Row> rows_;
  std::array<Fraction, kMaxPeriods> rates_;
  Fraction regular_rate_{0, 1, 0.0};
  bool days_differ_ = false;   // periods are counted in days
  bool rates_differ_ = false;  // rates_ is filled
  bool first_is_odd_ = false;
  Fault fault_;
};

}  // namespace

Fault amortise(const Loan& loan, std::int64_t financed_fen, std::span<Row> rows,
               Schedule& schedule) {
  return Builder(loan, financed_fen, rows).build(schedule);
}

}  // namespace fenqi::offers
