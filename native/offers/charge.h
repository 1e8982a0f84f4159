// Charges beside interest: what, when, on which base, and to whom.
//
// Guarantee, insurance, service and membership fees belong to what a loan costs, whoever takes them
// (the disclosure table of 金规〔2026〕2号 names each with who charges it).
#pragma once

#include <cstdint>
#include <span>

#include "offers/fault.h"
#include "offers/rounding.h"

namespace fenqi::offers {

inline constexpr std::size_t kMaxCharges = 16;

enum class ChargeTiming : std::uint8_t {
  kDeducted,        // kept back when the money is paid out
  kAdded,           // lent in addition, and repaid with the principal
  kEachInstalment,  // due with every instalment
};

enum class ChargeBase : std::uint8_t {
  kFlat,        // `amount_fen`
  kPrincipal,   // `rate` of the principal asked for
  kBalance,     // `rate` of the balance before the instalment
  kInstalment,  // `rate` of the instalment's principal and interest
  kInterest,    // `rate` of the instalment's interest
};

enum class Payee : std::uint8_t { kLender, kGuarantor, kInsurer, kPlatform, kOther };

struct Charge {
  ChargeTiming timing = ChargeTiming::kDeducted;
  ChargeBase base = ChargeBase::kFlat;
  Payee payee = Payee::kLender;
  std::int64_t amount_fen = 0;  // kFlat: 0 .. 2^53
  std::int64_t rate = 0;        // units of 10^-12, 0 .. kMaxRate; with each instalment for a period
};

Fault check(std::span<const Charge> charges);

// The charge on a base, rounded to the fen.
std::int64_t charged_on(const Charge& charge, std::int64_t base_fen, Rounding mode);

}  // namespace fenqi::offers
