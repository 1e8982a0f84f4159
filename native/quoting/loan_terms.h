// The terms of a loan as a request of fenqi.v1.Quoting gives them.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "offers/charge.h"
#include "offers/loan.h"
#include "offers/repayment.h"
#include "quoting/field_reader.h"

namespace fenqi::quoting {

// What a borrower reads of a charge; views into the request.
struct ChargeNames {
  std::string_view zh;
  std::string_view en;
  std::string_view payee;
};

// One loan with what its spans look at. Kept by its thread and read anew for each request, so that
// it allocates only while its due dates grow.
class LoanTerms {
 public:
  void clear();
  // Adds what a serialized fenqi.v1.LoanTerms says. Fails with INVALID_ARGUMENT.
  Status read(std::span<const std::uint8_t> bytes, const FieldPath& path);

  // Makes it the loan of a product: `product` are the terms of all its loans, which are lent.
  void take(const LoanTerms& product, const offers::Loan& priced);

  // Its spans look at this object.
  offers::Loan loan() const;
  std::span<const offers::Charge> charges() const { return {charges_.data(), charge_count_}; }
  const ChargeNames& names(std::size_t charge) const { return names_[charge]; }

 private:
  Status read_charge(std::span<const std::uint8_t> bytes, const FieldPath& path);

  offers::Loan loan_;
  std::vector<offers::Date> due_dates_;
  std::array<offers::Charge, offers::kMaxCharges> charges_;
  std::array<ChargeNames, offers::kMaxCharges> names_;
  std::size_t charge_count_ = 0;
};

// Adds what a serialized fenqi.v1.ServicingTerms says; does not check the terms together.
Status read_servicing(std::span<const std::uint8_t> bytes, const FieldPath& path,
                      offers::ServicingTerms& terms);

// What is wrong with the terms below `path` in the words of the contract: the core calls a field
// otherwise where its dates are numbers.
Status to_status(const offers::Fault& fault, const FieldPath& path);

}  // namespace fenqi::quoting
