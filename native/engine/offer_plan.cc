#include "engine/offer_plan.h"

#include <algorithm>
#include <cmath>

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::engine {
namespace {

namespace image = contract::internal;
using wire::MessageReader;

constexpr std::int64_t kSecondsOfDay = 86'400;

std::uint32_t minus_one(const MessageReader& reader) {
  return reader.bits32() - 1;
}

std::int64_t as_int64(const MessageReader& reader) {
  return static_cast<std::int64_t>(reader.bits());
}

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "release image: " + what);
}

bool read_product(std::span<const std::uint8_t> bytes, LentProduct& product, std::string& wrong) {
  std::vector<std::uint32_t> terms;
  std::vector<std::uint32_t> methods;
  std::span<const std::uint8_t> servicing;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::product::kCode:
        product.code = reader.text();
        break;
      case image::product::kEligibleRegisterPlusOne:
        product.eligible_register = minus_one(reader);
        break;
      case image::product::kFromFen:
        product.from_fen = as_int64(reader);
        break;
      case image::product::kToFen:
        product.to_fen = as_int64(reader);
        break;
      case image::product::kStepFen:
        product.step_fen = as_int64(reader);
        break;
      case image::product::kTermsMonths:
        if (!wire::append_varints(reader, terms, wire::saturate32)) return false;
        break;
      case image::product::kMethods:
        if (!wire::append_varints(reader, methods, wire::saturate32)) return false;
        break;
      case image::product::kLoan: {
        const auto loan = reader.payload();
        product.loan_bytes.assign(loan.begin(), loan.end());
        break;
      }
      case image::product::kServicing:
        servicing = reader.payload();
        break;
      case image::product::kLender:
        product.lender = reader.text();
        break;
      case image::product::kCurrency:
        if (!reader.text().empty()) product.currency = reader.text();
        break;
      default:
        break;
    }
  }
  if (!reader.ok()) return false;
  for (const std::uint32_t term : terms) {
    product.terms_months.push_back(static_cast<std::int32_t>(std::min(term, 1u << 30)));
  }
  for (const std::uint32_t method : methods) {
    if (method < contract::repayment_method::kEqualInstalments ||
        method > contract::repayment_method::kFlatFee) {
      wrong = "a method is not known";
      return true;
    }
    product.methods.push_back(static_cast<offers::Method>(method - 1));
  }
  const quoting::FieldPath in_loan{nullptr, "loan", -1};
  const quoting::FieldPath in_servicing{nullptr, "servicing", -1};
  Status status = product.loan.read(product.loan_bytes, in_loan);
  if (status.ok()) status = quoting::read_servicing(servicing, in_servicing, product.servicing);
  if (status.ok()) status = quoting::to_status(check(product.servicing), in_servicing);
  if (!status.ok()) wrong = status.message;
  return true;
}

bool read_ladder(std::span<const std::uint8_t> bytes, OfferLadder& ladder) {
  std::vector<std::uint32_t> needed;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::ladder::kAmountsFen:
        if (!wire::append_varints(reader, ladder.amounts_fen,
                                  [](std::uint64_t x) { return static_cast<std::int64_t>(x); })) {
          return false;
        }
        break;
      case image::ladder::kGoodRepayments:
        if (!wire::append_varints(reader, needed, wire::saturate32)) return false;
        break;
      case image::ladder::kReachedRegisterPlusOne:
        ladder.reached_register = minus_one(reader);
        break;
      default:
        break;
    }
  }
  for (const std::uint32_t count : needed) {
    ladder.good_repayments.push_back(
        static_cast<std::int32_t>(std::min<std::uint32_t>(count, INT32_MAX)));
  }
  return reader.ok();
}

bool read_adverse_selection(std::span<const std::uint8_t> bytes, offers::PriceTerms& price) {
  MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == image::adverse_selection::kSensitivity) {
      price.selection_sensitivity = reader.number64();
    } else if (reader.number() == image::adverse_selection::kReferenceRate) {
      price.reference_rate = reader.number64();
    }
  }
  return reader.ok();
}

bool read_take_up(std::span<const std::uint8_t> bytes, offers::TakeUp& take_up) {
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::take_up::kIntercept:
        take_up.intercept = reader.number64();
        break;
      case image::take_up::kRateWeight:
        take_up.rate_weight = reader.number64();
        break;
      case image::take_up::kAmountWeight:
        take_up.amount_weight = reader.number64();
        break;
      case image::take_up::kMarketRate:
        take_up.market_rate = reader.number64();
        break;
      default:
        break;
    }
  }
  return reader.ok();
}

bool read_reason(std::span<const std::uint8_t> bytes, OfferPlan& plan) {
  std::uint32_t limit = 0;
  std::uint32_t reason = 0;
  MessageReader reader(bytes);
  while (reader.next()) {
    if (reader.number() == image::limit_reason::kLimit) limit = reader.bits32();
    if (reader.number() == image::limit_reason::kReason) reason = reader.bits32();
  }
  if (!reader.ok() || limit == 0 || limit >= OfferPlan::kLimitKinds) return false;
  plan.reasons[limit] = reason;
  return true;
}

// The numbers and messages of the plan itself; `wrong` says of a product what cannot be.
bool read_plan(std::span<const std::uint8_t> bytes, OfferPlan& plan, double& ratio,
               std::string& wrong) {
  offers::PriceTerms& price = plan.lending.price;
  price.rate_step = price.cap = 0.0;  // zeros are not on the wire
  MessageReader reader(bytes);
  while (reader.next()) {
    bool fine = true;
    switch (reader.number()) {
      case image::offer_plan::kProducts: {
        LentProduct& product = plan.products.emplace_back();
        std::string what;
        fine = read_product(reader.payload(), product, what);
        if (!what.empty() && wrong.empty()) wrong = "product " + product.code + ": " + what;
        break;
      }
      case image::offer_plan::kIncomeRegisterPlusOne:
        plan.income_register = minus_one(reader);
        break;
      case image::offer_plan::kDebtServiceRegisterPlusOne:
        plan.debt_service_register = minus_one(reader);
        break;
      case image::offer_plan::kDebtServiceRatio:
        ratio = reader.number64();
        break;
      case image::offer_plan::kResidualIncomeFen:
        plan.residual_income_fen = as_int64(reader);
        break;
      case image::offer_plan::kIncomeMultipleRegisterPlusOne:
        plan.income_multiple_register = minus_one(reader);
        break;
      case image::offer_plan::kLadder:
        fine = read_ladder(reader.payload(), plan.ladder.emplace());
        break;
      case image::offer_plan::kExpectedLossBudgetFen:
        plan.lending.expected_loss_budget_fen = as_int64(reader);
        break;
      case image::offer_plan::kLegalCapFen:
        plan.legal_cap_fen = as_int64(reader);
        break;
      case image::offer_plan::kWhenMissing:
        plan.when_missing = reader.bits32();
        break;
      case image::offer_plan::kLossGivenDefault:
        price.costs.lgd = reader.number64();
        break;
      case image::offer_plan::kCostOfFunds:
        price.costs.cost_of_funds = reader.number64();
        break;
      case image::offer_plan::kAcquisitionFen:
        price.costs.acquisition_fen = reader.number64();
        break;
      case image::offer_plan::kServicingFen:
        price.costs.servicing_fen = reader.number64();
        break;
      case image::offer_plan::kHurdle:
        plan.lending.hurdle = reader.number64();
        break;
      case image::offer_plan::kMargin:
        price.margin = reader.number64();
        break;
      case image::offer_plan::kRateStep:
        price.rate_step = reader.number64();
        break;
      case image::offer_plan::kAnnualRateCap:
        price.cap = reader.number64();
        break;
      case image::offer_plan::kCapIsEffective:
        price.cap_basis =
            reader.bits() != 0 ? offers::CapBasis::kEffective : offers::CapBasis::kNominal;
        break;
      case image::offer_plan::kHorizonMonths:
        plan.horizon_months = reader.bits32();
        break;
      case image::offer_plan::kAdverseSelection:
        fine = read_adverse_selection(reader.payload(), price);
        break;
      case image::offer_plan::kTakeUp:
        fine = read_take_up(reader.payload(), plan.lending.take_up.emplace());
        break;
      case image::offer_plan::kMostOffers:
        plan.most_offers = reader.bits32();
        break;
      case image::offer_plan::kReasons:
        fine = read_reason(reader.payload(), plan);
        break;
      case image::offer_plan::kProductSlotPlusOne:
        plan.product_slot = minus_one(reader);
        break;
      case image::offer_plan::kTermMonthsSlotPlusOne:
        plan.term_months_slot = minus_one(reader);
        break;
      case image::offer_plan::kRepaymentMethodSlotPlusOne:
        plan.repayment_method_slot = minus_one(reader);
        break;
      case image::offer_plan::kUtcOffsetMinutes:
        plan.clock.utc_offset_minutes = Clock::minutes(reader);
        break;
      case image::offer_plan::kClockChanges:
        fine = plan.clock.add_change(reader.payload());
        break;
      default:
        break;
    }
    if (!fine) return false;
  }
  return reader.ok();
}

const char* wrong_ladder(const OfferLadder& ladder) {
  if (ladder.amounts_fen.empty() || ladder.amounts_fen.size() != ladder.good_repayments.size() ||
      ladder.good_repayments.front() != 0) {
    return "the ladder's steps need an amount each, and the first one nothing";
  }
  if (!std::is_sorted(ladder.good_repayments.begin(), ladder.good_repayments.end()) ||
      !std::is_sorted(ladder.amounts_fen.begin(), ladder.amounts_fen.end()) ||
      ladder.amounts_fen.front() < 0 || ladder.amounts_fen.back() > offers::kMaxAmountFen) {
    return "the ladder's steps do not ascend";
  }
  return nullptr;
}

// What cannot be; null where nothing is wrong.
const char* wrong_limits(const OfferPlan& plan, double ratio) {
  const bool has_income = plan.income_register != OfferPlan::kNone;
  if (has_income != (plan.debt_service_register != OfferPlan::kNone)) {
    return "income and debts belong together";
  }
  // Spelled so that NaN is refused.
  if (has_income && !(ratio > 0.0 && ratio <= 1.0)) return "the debt service ratio is not 0 to 1";
  if (!has_income && plan.income_multiple_register != OfferPlan::kNone) {
    return "a multiple of the income needs the income";
  }
  const auto is_amount = [](std::int64_t fen) { return fen >= 0 && fen <= offers::kMaxAmountFen; };
  if (!is_amount(plan.residual_income_fen) || !is_amount(plan.legal_cap_fen)) {
    return "an amount is not 0 to 2^53 fen";
  }
  namespace action = contract::rule_action;
  if (plan.when_missing != action::kRefer && plan.when_missing != action::kDecline) {
    return "where a limit is missing it must refer or decline";
  }
  if (plan.horizon_months < 1 || plan.horizon_months > 120) return "the horizon is not 1 to 120";
  if (plan.most_offers < 1 || plan.most_offers > OfferPlan::kMostOffers) {
    return "the most offers are not 1 to 10";
  }
  if (!plan.clock.is_possible()) return "its clock is not on earth, or does not go forward";
  return plan.ladder ? wrong_ladder(*plan.ladder) : nullptr;
}

}  // namespace

Result<std::unique_ptr<const OfferPlan>> OfferPlan::parse(std::span<const std::uint8_t> bytes) {
  auto plan = std::make_unique<OfferPlan>();
  plan->reasons.fill(kNone);
  double ratio = 0.0;
  std::string wrong;
  if (!read_plan(bytes, *plan, ratio, wrong)) return refuse("damaged bytes");
  if (!wrong.empty()) return refuse(wrong);
  if (const char* what = wrong_limits(*plan, ratio); what != nullptr) {
    return refuse(std::string("offers: ") + what);
  }
  plan->debt_service_ratio = std::llround(ratio * static_cast<double>(offers::kRateUnit));
  for (std::size_t p = 0; p < plan->products.size(); ++p) {
    const LentProduct& product = plan->products[p];
    if (product.code.empty()) return refuse("a product has no code");
    if (plan->find(product.code) != &product) return refuse("two products " + product.code);
    plan->candidates.push_back({product.from_fen, product.to_fen, product.step_fen,
                                product.terms_months, product.methods, product.loan.loan(),
                                product.loan.charges()});
  }
  plan->lending.products = plan->candidates;
  if (const offers::Fault fault = check(plan->lending); !fault.ok()) {
    return refuse(std::string("offers: ") + fault.field + " " + fault.what);
  }
  return std::unique_ptr<const OfferPlan>(std::move(plan));
}

const LentProduct* OfferPlan::find(std::string_view code) const {
  const auto found = std::find_if(products.begin(), products.end(),
                                  [&](const LentProduct& one) { return one.code == code; });
  return found == products.end() ? nullptr : &*found;
}

double OfferPlan::of_twelve_months(double probability) const {
  const double yearly = -std::expm1(std::log1p(-probability) * 12.0 / horizon_months);
  return std::clamp(horizon_months == 12 ? probability : yearly, 0.0, 1.0 - 1e-9);
}

offers::Date OfferPlan::day_of(std::int64_t seconds) const {
  const std::int64_t local = seconds + std::int64_t{60} * clock.offset_at(seconds);
  const std::int64_t day = local / kSecondsOfDay - (local % kSecondsOfDay < 0 ? 1 : 0);
  // The last instalment needs a date too.
  const std::int64_t last = offers::kLastDate - 31 * offers::kMostTermMonths;
  return day < 0 || day > last ? offers::kNoDate : static_cast<offers::Date>(day);
}

}  // namespace fenqi::engine
