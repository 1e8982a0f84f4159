// A plan without rounding, as a smooth function of its rate: what a break-even rate is solved on.
//
// A rounded plan moves in steps of a fen, and the rate at which it breaks even is anywhere on a
// step.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "offers/charge.h"
#include "offers/loan.h"

namespace fenqi::offers {

// One loan's periods and lender's charges, read once; then a plan for any rate in some nanoseconds
// a row. Of fixed size, allocates nothing; the loan and charges are lent for its life.
class SmoothPlan {
 public:
  // Whether the loan has a smooth plan: check(loan), and no rate changes, prescribed instalment,
  // balloon, compounding or full grace, which move by steps of their own.
  static Fault check_smooth(const Loan& loan);

  SmoothPlan(const Loan& loan, std::span<const Charge> charges);

  // Fills what the lender gets with each instalment and the balance before it. `rate` is a year's,
  // for the method kFlatFee a period's.
  void at(double rate);

  // Whether all instalments are equal at every rate: equal instalments over equal periods, from the
  // first one on, with nothing on top of them for the lender.
  bool is_level() const {
    return loan_.method == Method::kEqualInstalments && equal_periods_ && grace_ == 0 &&
           !earns_with_instalments_;
  }
  // What is lent, charges lent in addition included.
  double financed_fen() const { return financed_; }
  std::size_t periods() const { return periods_; }

  std::span<const double> payments_fen() const { return {payments_.data(), periods_}; }
  std::span<const double> opening_fen() const { return {opening_.data(), periods_}; }
  // What leaves the lender: the principal, less what the lender keeps back, plus the charges of
  // third parties that it lends in addition and hands on.
  double paid_out_fen() const { return paid_out_; }

 private:
  void equal_instalments(double rate);
  void equal_principal(double rate);
  void interest_only(double rate);
  void add_charges();

  const Loan& loan_;
  const std::span<const Charge> charges_;
  const std::size_t periods_;
  const std::size_t grace_;
  bool equal_periods_ = true;
  bool earns_with_instalments_ = false;
  double financed_ = 0.0;
  double paid_out_ = 0.0;
  std::array<double, kMaxPeriods> years_;
  std::array<double, kMaxPeriods> payments_;
  std::array<double, kMaxPeriods> opening_;
};

}  // namespace fenqi::offers
