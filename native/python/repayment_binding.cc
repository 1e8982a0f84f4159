#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <vector>

#include "offers/repayment.h"
#include "python/loan_terms.h"
#include "python/offers_binding.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

using namespace fenqi::offers;

ServicingTerms read_servicing(const py::dict& given) {
  ServicingTerms terms;
  for (std::size_t k = 0; k < kParts; ++k) {
    terms.waterfall[k] = static_cast<Part>(given["waterfall"].cast<std::array<int, kParts>>()[k]);
  }
  terms.penalty_rate = given["penalty_rate"].cast<std::int64_t>();
  terms.penalty_base = static_cast<PenaltyBase>(given["penalty_base"].cast<int>());
  terms.penalty_year = given["penalty_year"].cast<std::int32_t>();
  terms.grace_days = given["grace_days"].cast<std::int32_t>();
  terms.tolerance_fen = given["tolerance_fen"].cast<std::int64_t>();
  terms.prepayment_fee_rate = given["prepayment_fee_rate"].cast<std::int64_t>();
  terms.rounding = static_cast<Rounding>(given["rounding"].cast<int>());
  return terms;
}

py::tuple to_python(const Settlement& settlement) {
  return py::make_tuple(settlement.principal_fen, settlement.interest_fen, settlement.fee_fen);
}

// The loan's plan, made again: it is a function of its terms.
struct Plan {
  Terms terms;
  Loan loan;
  Schedule schedule;
  std::vector<Row> rows{kMaxPeriods};

  explicit Plan(const py::dict& given) : terms(read_terms(given)) {
    loan = with_spans(terms);
    throw_if_bad(build_schedule(loan, terms.charges, rows, {}, schedule), 0, 1);
  }
};

py::tuple settlement(const py::dict& loan, const py::dict& servicing, std::int32_t paid_rows,
                     Date day) {
  const Plan plan(loan);
  Settlement settlement;
  throw_if_bad(settle(plan.loan, plan.schedule, plan.rows, paid_rows, day,
                      read_servicing(servicing), &settlement),
               0, 1);
  return to_python(settlement);
}

py::tuple prepayment(const py::dict& loan, const py::dict& servicing, std::int32_t paid_rows,
                     Date day, std::int64_t amount_fen, int keep) {
  const Plan plan(loan);
  Settlement paid;
  Loan rest;
  throw_if_bad(prepay(plan.loan, plan.schedule, plan.rows, paid_rows, day, amount_fen,
                      static_cast<Keep>(keep), read_servicing(servicing), &paid, &rest),
               0, 1);
  return py::make_tuple(to_python(paid), rest.principal_fen, rest.periods, rest.due_day,
                        rest.disbursed, rest.first_due, rest.instalment_fen);
}

using Open = std::tuple<Date, PartAmounts, Date>;

std::vector<OpenInstalment> read_open(const std::vector<Open>& given) {
  std::vector<OpenInstalment> open;
  for (const auto& [due, unpaid, until] : given) open.push_back({due, unpaid, until});
  return open;
}

std::vector<Open> to_python(const std::vector<OpenInstalment>& open) {
  std::vector<Open> result;
  for (const OpenInstalment& one : open) {
    result.emplace_back(one.due, one.unpaid_fen, one.penalty_until);
  }
  return result;
}

// (instalments after the payment, what it was used for, what is left of it)
py::tuple payment(const std::vector<Open>& given, std::int64_t amount_fen, Date day,
                  const py::dict& servicing) {
  const ServicingTerms terms = read_servicing(servicing);
  throw_if_bad(check(terms), 0, 1);
  std::vector<OpenInstalment> open = read_open(given);
  for (OpenInstalment& one : open) throw_if_bad(accrue_penalty(one, day, terms), 0, 1);
  const Allocation used = allocate(amount_fen, open, day, terms);
  return py::make_tuple(to_python(open), used.paid_fen, used.left_fen);
}

}  // namespace

void bind_repayment(py::module_& offers) {
  offers.def("settlement", &settlement, py::arg("terms"), py::arg("servicing"),
             py::arg("paid_rows"), py::arg("day"));
  offers.def("prepayment", &prepayment, py::arg("terms"), py::arg("servicing"),
             py::arg("paid_rows"), py::arg("day"), py::arg("amount_fen"), py::arg("keep"));
  offers.def("payment", &payment, py::arg("open"), py::arg("amount_fen"), py::arg("day"),
             py::arg("servicing"));
}

}  // namespace fenqi::python
