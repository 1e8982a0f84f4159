#include "offers/smooth_plan.h"

#include <algorithm>
#include <cmath>

namespace fenqi::offers {

Fault SmoothPlan::check_smooth(const Loan& loan) {
  if (const Fault fault = check(loan); !fault.ok()) return fault;
  if (!loan.rate_changes.empty()) return {"rate_changes", "cannot be priced: leave them out"};
  if (loan.instalment_fen != 0) {
    return {"instalment_fen", "cannot be prescribed where the price is asked for"};
  }
  if (loan.amortisation_periods > loan.periods) {
    return {"amortisation_periods", "a balloon cannot be priced: leave it out"};
  }
  if (loan.compounding != Compounding::kNominal) {
    return {"compounding", "must be nominal where the price is asked for"};
  }
  if (loan.grace_periods > 0 && loan.grace == Grace::kFull) {
    return {"grace", "must be interest_only where the price is asked for"};
  }
  return {};
}

SmoothPlan::SmoothPlan(const Loan& loan, std::span<const Charge> charges)
    : loan_(loan),
      charges_(charges),
      periods_(static_cast<std::size_t>(loan.periods)),
      grace_(static_cast<std::size_t>(loan.grace_periods)) {
  const auto principal = static_cast<double>(loan.principal_fen);
  financed_ = principal;
  paid_out_ = principal;
  for (const Charge& charge : charges) {
    const auto amount =
        static_cast<double>(charged_on(charge, loan.principal_fen, loan.interest_rounding));
    const bool own = charge.payee == Payee::kLender;
    switch (charge.timing) {
      case ChargeTiming::kDeducted:
        if (own) paid_out_ -= amount;
        break;
      case ChargeTiming::kAdded:
        financed_ += amount;
        if (!own) paid_out_ += amount;
        break;
      case ChargeTiming::kEachInstalment:
        earns_with_instalments_ |= own;
        break;
    }
  }
  const bool days_differ =
      loan.day_count != DayCount::k30_360 || loan.frequency == Frequency::kCustom;
  if (!days_differ) {
    std::fill_n(years_.begin(), periods_, 1.0 / periods_per_year(loan.frequency));
    return;
  }
  equal_periods_ = false;
  Date from = loan.disbursed;
  for (std::size_t k = 0; k < periods_; ++k) {
    const Date due = due_date(loan, static_cast<std::int32_t>(k) + 1);
    const YearShare span = year_share(from, due, loan.day_count, anchor_day(loan));
    years_[k] = static_cast<double>(span.days) / static_cast<double>(span.year);
    from = due;
  }
}

void SmoothPlan::at(double rate) {
  switch (loan_.method) {
    case Method::kEqualInstalments:
      equal_instalments(rate);
      break;
    case Method::kInterestOnly:
      interest_only(rate);
      break;
    default:
      equal_principal(rate);
  }
  if (earns_with_instalments_) add_charges();
}

void SmoothPlan::equal_instalments(double rate) {
  double factor = 0.0;
  if (equal_periods_) {
    const double i = rate * years_[0];
    const auto count = static_cast<double>(periods_ - grace_);
    factor = i == 0.0 ? 1.0 / count : i / -std::expm1(-count * std::log1p(i));
  } else {
    double discount = 1.0;
    double sum = 0.0;
    for (std::size_t k = grace_; k < periods_; ++k) {
      discount /= 1.0 + rate * years_[k];
      sum += discount;
    }
    factor = 1.0 / sum;
  }
  const double instalment = financed_ * factor;
  double balance = financed_;
  for (std::size_t k = 0; k < periods_; ++k) {
    const double interest = balance * rate * years_[k];
    opening_[k] = balance;
    payments_[k] = k < grace_ ? interest : instalment;
    balance -= k < grace_ ? 0.0 : instalment - interest;
  }
}

void SmoothPlan::equal_principal(double rate) {
  const bool flat = loan_.method == Method::kFlatFee;
  const double part = financed_ / static_cast<double>(periods_ - grace_);
  double balance = financed_;
  for (std::size_t k = 0; k < periods_; ++k) {
    const double principal = k < grace_ ? 0.0 : part;
    opening_[k] = balance;
    payments_[k] = principal + (flat ? financed_ * rate : balance * rate * years_[k]);
    balance -= principal;
  }
}

void SmoothPlan::interest_only(double rate) {
  for (std::size_t k = 0; k < periods_; ++k) {
    opening_[k] = financed_;
    payments_[k] = financed_ * rate * years_[k];
  }
  payments_[periods_ - 1] += financed_;
}

void SmoothPlan::add_charges() {
  for (std::size_t k = 0; k < periods_; ++k) {
    const double instalment = payments_[k];
    const double closing = k + 1 < periods_ ? opening_[k + 1] : 0.0;
    const double interest = instalment - (opening_[k] - closing);
    for (const Charge& charge : charges_) {
      if (charge.timing != ChargeTiming::kEachInstalment || charge.payee != Payee::kLender)
        continue;
      const double rate = static_cast<double>(charge.rate) / static_cast<double>(kRateUnit);
      switch (charge.base) {
        case ChargeBase::kFlat:
          payments_[k] += static_cast<double>(charge.amount_fen);
          break;
        case ChargeBase::kPrincipal:
          payments_[k] += rate * static_cast<double>(loan_.principal_fen);
          break;
        case ChargeBase::kBalance:
          payments_[k] += rate * opening_[k];
          break;
        case ChargeBase::kInstalment:
          payments_[k] += rate * instalment;
          break;
        case ChargeBase::kInterest:
          payments_[k] += rate * interest;
          break;
      }
    }
  }
}

}  // namespace fenqi::offers
