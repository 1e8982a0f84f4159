#include "offers/charge.h"

namespace fenqi::offers {

Fault check(std::span<const Charge> charges) {
  if (charges.size() > kMaxCharges) return {"charges", "must be at most 16"};
  for (const Charge& charge : charges) {
    const bool flat = charge.base == ChargeBase::kFlat;
    if (flat ? charge.amount_fen < 0 || charge.amount_fen > kMaxAmountFen
             : charge.amount_fen != 0) {
      return {"charges.amount_fen", "must be 0 to 2^53 with base flat, and 0 with the others"};
    }
    if (flat ? charge.rate != 0 : charge.rate < 0 || charge.rate > kMaxRate) {
      return {"charges.rate", "must be 0 with base flat, and 0 to 100 with the others"};
    }
    if (charge.timing != ChargeTiming::kEachInstalment && !flat &&
        charge.base != ChargeBase::kPrincipal) {
      return {"charges.base", "must be flat or principal where the charge is due up front"};
    }
  }
  return {};
}

std::int64_t charged_on(const Charge& charge, std::int64_t base_fen, Rounding mode) {
  if (charge.base == ChargeBase::kFlat) return charge.amount_fen;
  return share(base_fen, fraction(charge.rate, kRateUnit), mode);
}

}  // namespace fenqi::offers
