// What is wrong with the input of a computation of offers: which field, and what to do about it.
//
// Both texts are constants, so that refusing one of the hundreds of candidates of a search costs
// nothing. `to_status` makes the error that a caller sees.
#pragma once

#include "base/status.h"

namespace fenqi::offers {

struct [[nodiscard]] Fault {
  const char* field = nullptr;
  const char* what = nullptr;

  bool ok() const { return field == nullptr; }
};

inline Status to_status(const Fault& fault) {
  return fault.ok() ? Status{} : invalid_field(fault.field, fault.what);
}

}  // namespace fenqi::offers
