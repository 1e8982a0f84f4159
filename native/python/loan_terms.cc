#include "python/loan_terms.h"

#include <pybind11/stl.h>

#include <algorithm>
#include <string>

#include "python/status_error.h"

namespace py = pybind11;

namespace fenqi::python {

using namespace fenqi::offers;

void throw_if_bad(const Fault& fault, std::size_t index, std::size_t count) {
  if (fault.ok()) return;
  const std::string place = count > 1 ? "[" + std::to_string(index) + "]" : "";
  python::throw_if_bad(invalid_field(fault.field + place, fault.what));
}

Terms read_terms(const py::dict& given) {
  Terms read;
  Loan& loan = read.loan;
  const auto number = [&](const char* name) { return given[name].cast<std::int64_t>(); };
  const auto small = [&](const char* name) { return given[name].cast<std::int32_t>(); };
  loan.principal_fen = number("principal_fen");
  loan.annual_rate = number("annual_rate");
  loan.flat_rate = number("flat_rate");
  loan.periods = small("periods");
  loan.method = static_cast<Method>(small("method"));
  loan.frequency = static_cast<Frequency>(small("frequency"));
  loan.day_count = static_cast<DayCount>(small("day_count"));
  loan.compounding = static_cast<Compounding>(small("compounding"));
  loan.instalment_rounding = static_cast<Rounding>(small("instalment_rounding"));
  loan.interest_rounding = static_cast<Rounding>(small("interest_rounding"));
  loan.disbursed = small("disbursed");
  loan.first_due = small("first_due");
  loan.due_day = small("due_day");
  loan.grace_periods = small("grace_periods");
  loan.grace = static_cast<Grace>(small("grace"));
  loan.instalment_fen = number("instalment_fen");
  loan.amortisation_periods = small("amortisation_periods");
  loan.level_basis = static_cast<LevelBasis>(small("level_basis"));
  loan.last_instalment = static_cast<LastInstalment>(small("last_instalment"));
  loan.balance = static_cast<Balance>(small("balance"));
  read.due_dates = given["due_dates"].cast<std::vector<Date>>();
  for (const auto& item : given["rate_changes"].cast<std::vector<py::tuple>>()) {
    read.rate_changes.push_back({item[0].cast<std::int32_t>(), item[1].cast<std::int64_t>(),
                                 item[2].cast<bool>(), item[3].cast<std::int64_t>()});
  }
  for (const auto& item : given["charges"].cast<std::vector<py::tuple>>()) {
    read.charges.push_back({static_cast<ChargeTiming>(item[0].cast<int>()),
                            static_cast<ChargeBase>(item[1].cast<int>()),
                            static_cast<Payee>(item[2].cast<int>()), item[3].cast<std::int64_t>(),
                            item[4].cast<std::int64_t>()});
  }
  return read;
}

Loan with_spans(const Terms& terms) {
  Loan loan = terms.loan;
  loan.due_dates = terms.due_dates;
  loan.rate_changes = terms.rate_changes;
  return loan;
}

Loan at(const Terms& terms, const Array<std::int64_t>& varying, py::ssize_t index) {
  Loan loan = with_spans(terms);
  if (varying.shape(0) > 0) {
    const auto columns = varying.unchecked<2>();
    loan.principal_fen = columns(index, 0);
    loan.annual_rate = columns(index, 1);
    loan.flat_rate = columns(index, 2);
    // A term outside 32 bits is as wrong as 601.
    loan.periods =
        static_cast<std::int32_t>(std::clamp<std::int64_t>(columns(index, 3), 0, kMaxPeriods + 1));
  }
  return loan;
}

}  // namespace fenqi::python
