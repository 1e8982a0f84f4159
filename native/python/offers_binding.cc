#include "python/offers_binding.h"

#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "offers/annual_rate.h"
#include "offers/cost_rate.h"
#include "offers/schedule.h"
#include "python/loan_terms.h"
#include "python/status_error.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

using namespace fenqi::offers;

constexpr py::ssize_t kRowColumns = 6;
constexpr py::ssize_t kTotalColumns = 8;
constexpr py::ssize_t kRateColumns = 3;

py::tuple schedules(const py::dict& given, const Array<std::int64_t>& varying) {
  const Terms terms = read_terms(given);
  const py::ssize_t count = varying.shape(0) > 0 ? varying.shape(0) : 1;
  py::ssize_t width = 1;
  for (py::ssize_t index = 0; index < count; ++index) {
    const Loan loan = at(terms, varying, index);
    throw_if_bad(check(loan), static_cast<std::size_t>(index), static_cast<std::size_t>(count));
    width = std::max<py::ssize_t>(width, loan.periods);
  }
  py::array_t<std::int64_t> rows({count, width, kRowColumns});
  py::array_t<std::int64_t> totals({count, kTotalColumns});
  const auto charges = static_cast<py::ssize_t>(terms.charges.size());
  py::array_t<std::int64_t> charge_totals({count, charges});
  py::array_t<double> rates({count, kRateColumns});
  auto row_cells = rows.mutable_unchecked<3>();
  auto total_cells = totals.mutable_unchecked<2>();
  auto rate_cells = rates.mutable_unchecked<2>();
  std::int64_t* charge_cells = charge_totals.mutable_data();

  {
    py::gil_scoped_release unlocked;
    std::array<Row, kMaxPeriods> buffer;
    for (py::ssize_t index = 0; index < count; ++index) {
      const Loan loan = at(terms, varying, index);
      Schedule schedule;
      const std::span<std::int64_t> paid_to{charge_cells + index * charges,
                                            static_cast<std::size_t>(charges)};
      if (const Fault fault = build_schedule(loan, terms.charges, buffer, paid_to, schedule);
          !fault.ok()) {
        const py::gil_scoped_acquire locked;
        throw_if_bad(fault, static_cast<std::size_t>(index), static_cast<std::size_t>(count));
      }
      for (py::ssize_t k = 0; k < width; ++k) {
        const Row row =
            k < schedule.rows ? buffer[static_cast<std::size_t>(k)] : Row{kNoDate, 0, 0, 0, 0, 0};
        const std::array<std::int64_t, kRowColumns> cells{
            row.due,         row.principal_fen,   row.interest_fen,
            row.charges_fen, row.capitalised_fen, row.balance_fen};
        for (py::ssize_t c = 0; c < kRowColumns; ++c) {
          row_cells(index, k, c) = cells[static_cast<std::size_t>(c)];
        }
      }
      const std::array<std::int64_t, kTotalColumns> sums{schedule.rows,
                                                         schedule.financed_fen,
                                                         schedule.received_fen,
                                                         schedule.instalment_fen,
                                                         schedule.interest_fen,
                                                         schedule.charges_fen,
                                                         schedule.capitalised_fen,
                                                         schedule.paid_fen};
      for (py::ssize_t c = 0; c < kTotalColumns; ++c) {
        total_cells(index, c) = sums[static_cast<std::size_t>(c)];
      }
      const CostRate cost = cost_rate(loan, schedule, buffer);
      rate_cells(index, 0) = cost.nominal;
      rate_cells(index, 1) = cost.effective;
      rate_cells(index, 2) = cost.simple;
    }
  }
  return py::make_tuple(rows, totals, charge_totals, rates);
}

std::vector<DatedFlow> read_flows(const Array<std::int32_t>& dates, const Array<double>& amounts) {
  std::vector<DatedFlow> flows(static_cast<std::size_t>(dates.size()));
  for (std::size_t k = 0; k < flows.size(); ++k) flows[k] = {dates.data()[k], amounts.data()[k]};
  return flows;
}

constexpr std::array<const char*, 4> kSolutions{"unique", "several", "none", "no_change"};

py::tuple to_python(const AnnualRate& answer) {
  const bool has_rate =
      answer.solutions == Solutions::kUnique || answer.solutions == Solutions::kSeveral;
  return py::make_tuple(kSolutions[static_cast<std::size_t>(answer.solutions)],
                        has_rate ? py::object(py::float_(answer.rate)) : py::none(), answer.count);
}

py::tuple effective(const Array<std::int32_t>& dates, const Array<double>& amounts, int interval) {
  const std::vector<DatedFlow> flows = read_flows(dates, amounts);
  std::vector<Flow> scratch(flows.size());
  AnnualRate answer;
  throw_if_bad(effective_rate(flows, static_cast<Interval>(interval), scratch, &answer), 0, 1);
  return to_python(answer);
}

py::tuple appendix_j(const Array<std::int32_t>& dates, const Array<double>& amounts, int kind,
                     std::int32_t count) {
  const std::vector<DatedFlow> flows = read_flows(dates, amounts);
  std::vector<Flow> scratch(flows.size());
  AnnualRate answer;
  throw_if_bad(check(std::span<const DatedFlow>(flows), flows.size()), 0, 1);
  const UnitPeriod unit = count == 0 ? common_unit_period(flows)
                                     : UnitPeriod{static_cast<UnitPeriod::Kind>(kind), count};
  throw_if_bad(appendix_j_rate(flows, unit, scratch, &answer), 0, 1);
  return to_python(answer) + py::make_tuple(static_cast<int>(unit.kind), unit.count);
}

py::tuple simple(const Array<std::int32_t>& dates, const Array<double>& amounts) {
  AnnualRate answer;
  throw_if_bad(simple_rate(read_flows(dates, amounts), &answer), 0, 1);
  return to_python(answer);
}

py::array_t<double> periodic_rates(const Array<double>& received, const Array<double>& payments) {
  const py::ssize_t count = payments.shape(0);
  const auto width = static_cast<std::size_t>(payments.shape(1));
  py::array_t<double> rates(count);
  double* out = rates.mutable_data();
  const double* in = received.data();
  const double* paid = payments.data();
  const py::gil_scoped_release unlocked;
  for (py::ssize_t index = 0; index < count; ++index) {
    out[index] =
        periodic_rate(in[index], std::span(paid + static_cast<std::size_t>(index) * width, width));
  }
  return rates;
}

}  // namespace

void bind_offers(py::module_& module) {
  py::module_ offers = module.def_submodule("offers", "The arithmetic of offers.");
  offers.attr("NO_DATE") = kNoDate;
  offers.def("schedules", &schedules, py::arg("terms"), py::arg("varying"),
             "Loans to (rows, totals, charge totals, rates). Raises StatusError.");
  offers.def("effective_rate", &effective, py::arg("dates"), py::arg("amounts"),
             py::arg("interval"));
  offers.def("appendix_j_rate", &appendix_j, py::arg("dates"), py::arg("amounts"),
             py::arg("unit_kind"), py::arg("unit_count"));
  offers.def("simple_rate", &simple, py::arg("dates"), py::arg("amounts"));
  offers.def("within_appendix_j_tolerance", &within_appendix_j_tolerance, py::arg("disclosed"),
             py::arg("actual"), py::arg("irregular"));
  bind_prices(offers);
  bind_repayment(offers);
  offers.def("periodic_rates", &periodic_rates, py::arg("received"), py::arg("payments"));
}

}  // namespace fenqi::python
