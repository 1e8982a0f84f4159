// The terms of loans as Python hands them over: a dict of one loan's, and a table of what differs.
#pragma once

#include <pybind11/numpy.h>

#include <vector>

#include "offers/charge.h"
#include "offers/loan.h"

namespace fenqi::python {

template <typename T>
using Array = pybind11::array_t<T, pybind11::array::c_style | pybind11::array::forcecast>;

// A loan with what its spans look at.
struct Terms {
  offers::Loan loan;
  std::vector<offers::Date> due_dates;
  std::vector<offers::RateChange> rate_changes;
  std::vector<offers::Charge> charges;
};

Terms read_terms(const pybind11::dict& given);

// The loan, its spans looking at `terms`.
offers::Loan with_spans(const Terms& terms);

// The loan of row `index` of `varying`, whose columns are principal, yearly rate, flat rate and
// periods; an empty table changes nothing. Needs no GIL.
offers::Loan at(const Terms& terms, const Array<std::int64_t>& varying, pybind11::ssize_t index);

// Raises StatusError unless the fault is none. Of several loans the one at fault is named by its
// place, "periods[3]". Needs the GIL.
void throw_if_bad(const offers::Fault& fault, std::size_t index, std::size_t count);

}  // namespace fenqi::python
