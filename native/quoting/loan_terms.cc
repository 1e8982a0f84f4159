#include "quoting/loan_terms.h"

#include <algorithm>

#include "fenqi/contract.h"

namespace fenqi::quoting {
namespace {

// The contract's enums are the core's, plus one; UNSPECIFIED is the first.
template <typename Enum>
Enum to_enum(std::uint32_t choice) {
  return static_cast<Enum>(choice == 0 ? 0 : choice - 1);
}

}  // namespace

void LoanTerms::clear() {
  loan_ = {};
  due_dates_.clear();
  charge_count_ = 0;
}

Status LoanTerms::read(std::span<const std::uint8_t> bytes, const FieldPath& path) {
  namespace field = contract::loan_terms;
  FieldReader fields(bytes, path);
  while (fields.next()) {
    switch (fields.number()) {
      case field::kPrincipalFen:
        loan_.principal_fen = fields.int64("principal_fen");
        break;
      case field::kAnnualRate:
        loan_.annual_rate = fields.rate("annual_rate");
        break;
      case field::kFlatRate:
        loan_.flat_rate = fields.rate("flat_rate");
        break;
      case field::kPeriods:
        loan_.periods = fields.int32("periods");
        break;
      case field::kRepaymentMethod:
        loan_.method = to_enum<offers::Method>(
            fields.choice("repayment_method", contract::repayment_method::kFlatFee));
        break;
      case field::kFrequency:
        loan_.frequency =
            to_enum<offers::Frequency>(fields.choice("frequency", contract::frequency::kCustom));
        break;
      case field::kDayCount:
        loan_.day_count =
            to_enum<offers::DayCount>(fields.choice("day_count", contract::day_count::kActual360));
        break;
      case field::kRounding:
        loan_.instalment_rounding = loan_.interest_rounding =
            to_enum<offers::Rounding>(fields.choice("rounding", contract::rounding::kHalfEven));
        break;
      case field::kDisbursedDateDays:
        loan_.disbursed = fields.int32("disbursed_date_days");
        break;
      case field::kFirstDueDateDays:
        loan_.first_due = fields.int32("first_due_date_days");
        break;
      case field::kDueDay:
        loan_.due_day = fields.int32("due_day");
        break;
      case field::kDueDatesDays:
        fields.append("due_dates_days", due_dates_, offers::kMaxPeriods);
        break;
      case field::kGracePeriods:
        loan_.grace_periods = fields.int32("grace_periods");
        break;
      case field::kGrace:
        loan_.grace = to_enum<offers::Grace>(fields.choice("grace", contract::grace::kFull));
        break;
      case field::kCharges: {
        if (charge_count_ == offers::kMaxCharges) {
          fields.fail("charges", "must be at most 16");
          break;
        }
        const FieldPath charge{&path, "charges", static_cast<int>(charge_count_)};
        if (Status s = read_charge(fields.message("charges"), charge); !s.ok()) {
          fields.fail(std::move(s));
        }
        break;
      }
      default:
        break;
    }
  }
  return fields.status();
}

Status LoanTerms::read_charge(std::span<const std::uint8_t> bytes, const FieldPath& path) {
  namespace field = contract::loan_charge;
  constexpr std::size_t kMostNameBytes = 128;
  offers::Charge& charge = charges_[charge_count_] = {};
  ChargeNames& names = names_[charge_count_] = {};
  ++charge_count_;
  bool has_timing = false;
  FieldReader fields(bytes, path);
  while (fields.next()) {
    switch (fields.number()) {
      case field::kNameZh:
        names.zh = fields.text("name_zh", kMostNameBytes);
        break;
      case field::kNameEn:
        names.en = fields.text("name_en", kMostNameBytes);
        break;
      case field::kTiming: {
        const std::uint32_t timing =
            fields.choice("timing", contract::charge_timing::kEachInstalment);
        has_timing = timing != contract::charge_timing::kUnspecified;
        charge.timing = to_enum<offers::ChargeTiming>(timing);
        break;
      }
      case field::kBase:
        charge.base =
            to_enum<offers::ChargeBase>(fields.choice("base", contract::charge_base::kInterest));
        break;
      case field::kPayee:
        charge.payee = to_enum<offers::Payee>(fields.choice("payee", contract::payee::kOther));
        break;
      case field::kPayeeName:
        names.payee = fields.text("payee_name", kMostNameBytes);
        break;
      case field::kAmountFen:
        charge.amount_fen = fields.int64("amount_fen");
        break;
      case field::kRate:
        charge.rate = fields.rate("rate");
        break;
      default:
        break;
    }
  }
  Status status = fields.status();
  if (!status.ok()) return status;
  if (!has_timing) {
    return invalid_field(path.with("timing"), "is needed: say when the charge is taken");
  }
  // Of one charge at a time, so that the fault can name it.
  const offers::Fault fault = check(std::span<const offers::Charge>(&charge, 1));
  if (fault.ok()) return {};
  const std::string_view name = fault.field;
  return invalid_field(path.with(name.substr(name.find('.') + 1)), fault.what);
}

void LoanTerms::take(const LoanTerms& product, const offers::Loan& priced) {
  loan_ = priced;
  loan_.due_dates = {};
  due_dates_.clear();
  charges_ = product.charges_;
  names_ = product.names_;
  charge_count_ = product.charge_count_;
}

offers::Loan LoanTerms::loan() const {
  offers::Loan loan = loan_;
  loan.due_dates = due_dates_;
  return loan;
}

Status read_servicing(std::span<const std::uint8_t> bytes, const FieldPath& path,
                      offers::ServicingTerms& terms) {
  namespace field = contract::servicing_terms;
  FieldReader fields(bytes, path);
  while (fields.next()) {
    switch (fields.number()) {
      case field::kPenaltyRate:
        terms.penalty_rate = fields.rate("penalty_rate");
        break;
      case field::kPenaltyBase:
        terms.penalty_base = to_enum<offers::PenaltyBase>(
            fields.choice("penalty_base", contract::penalty_base::kInstalment));
        break;
      case field::kPenaltyYearDays:
        if (const std::int32_t days = fields.int32("penalty_year_days"); days != 0) {
          terms.penalty_year = days;
        }
        break;
      case field::kGraceDays:
        terms.grace_days = fields.int32("grace_days");
        break;
      case field::kToleranceFen:
        terms.tolerance_fen = fields.int64("tolerance_fen");
        break;
      case field::kPrepaymentFeeRate:
        terms.prepayment_fee_rate = fields.rate("prepayment_fee_rate");
        break;
      default:
        break;
    }
  }
  return fields.status();
}

Status to_status(const offers::Fault& fault, const FieldPath& path) {
  if (fault.ok()) return {};
  std::string_view name = fault.field;
  if (name == "disbursed") name = "disbursed_date_days";
  if (name == "first_due") name = "first_due_date_days";
  if (name == "due_dates") name = "due_dates_days";
  if (name == "penalty_year") name = "penalty_year_days";
  return invalid_field(path.with(name), fault.what);
}

}  // namespace fenqi::quoting
