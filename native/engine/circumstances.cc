#include "engine/circumstances.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace fenqi::engine {
namespace {

using offers::kMaxAmountFen;

std::optional<std::int64_t> amount_in(std::span<const Value> registers, std::uint32_t index) {
  if (!registers[index].is_ok()) return {};
  return std::clamp<std::int64_t>(registers[index].i, 0, kMaxAmountFen);
}

}  // namespace

Circumstances Circumstances::read(const OfferPlan& plan, std::span<const Value> registers,
                                  const Verdict& verdict) {
  Circumstances known;
  if (plan.income_register != OfferPlan::kNone) {
    known.income_fen = amount_in(registers, plan.income_register);
    known.debt_service_fen = amount_in(registers, plan.debt_service_register);
  }
  if (plan.income_multiple_register != OfferPlan::kNone) {
    const Value& multiple = registers[plan.income_multiple_register];
    if (multiple.is_ok() && std::isfinite(multiple.d)) known.income_multiple = multiple.d;
  }
  if (plan.ladder) {
    known.good_repayments = amount_in(registers, plan.ladder->reached_register);
  }
  known.cap_fen = verdict.amount_cap_fen;
  return known;
}

offers::LoanLimit Circumstances::amount_limit(const OfferPlan& plan) const {
  using offers::LimitKind;
  std::array<offers::Limit, 4> limits;
  std::size_t count = 0;
  limits[count++] = {LimitKind::kProduct, kMaxAmountFen};
  std::int64_t cap = plan.legal_cap_fen > 0 ? plan.legal_cap_fen : kMaxAmountFen;
  cap = std::min(cap, cap_fen.value_or(kMaxAmountFen));
  limits[count++] = {LimitKind::kLegalCap, cap};
  if (plan.income_multiple_register != OfferPlan::kNone && !any_income) {
    std::optional<std::int64_t> most;
    if (income_multiple && income_fen) {
      const double product = *income_multiple * static_cast<double>(*income_fen);
      most =
          static_cast<std::int64_t>(std::clamp(product, 0.0, static_cast<double>(kMaxAmountFen)));
    }
    limits[count++] = {LimitKind::kIncomeMultiple, most};
  }
  if (plan.ladder) {
    std::optional<std::int64_t> most;
    if (good_repayments) {
      most = offers::ladder_limit(
          plan.ladder->amounts_fen, plan.ladder->good_repayments,
          static_cast<std::int32_t>(std::min<std::int64_t>(*good_repayments, INT32_MAX)));
    }
    limits[count++] = {LimitKind::kLadder, most};
  }
  return offers::smallest_limit(std::span(limits).first(count), 1);
}

std::optional<std::int64_t> Circumstances::instalment_room(const OfferPlan& plan) const {
  if (plan.income_register == OfferPlan::kNone) return kMaxAmountFen;
  if (any_income) return debt_service_fen ? std::optional(kMaxAmountFen) : std::nullopt;
  return offers::instalment_room(
      {income_fen, debt_service_fen, plan.debt_service_ratio, plan.residual_income_fen});
}

}  // namespace fenqi::engine
