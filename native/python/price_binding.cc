#include <pybind11/numpy.h>
#include <pybind11/stl.h>

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "offers/affordability.h"
#include "offers/annuity.h"
#include "offers/capital.h"
#include "offers/price.h"
#include "offers/smooth_plan.h"
#include "python/loan_terms.h"
#include "python/offers_binding.h"

namespace py = pybind11;

namespace fenqi::python {
namespace {

using namespace fenqi::offers;

PriceTerms read_price_terms(const py::dict& given) {
  const auto number = [&](const char* name) { return given[name].cast<double>(); };
  PriceTerms terms;
  terms.costs = {number("lgd"), number("cost_of_funds"), number("acquisition_fen"),
                 number("servicing_fen")};
  terms.margin = number("margin");
  terms.rate_step = number("rate_step");
  terms.cap = number("cap");
  terms.cap_basis = static_cast<CapBasis>(given["cap_basis"].cast<int>());
  terms.selection_sensitivity = number("selection_sensitivity");
  terms.reference_rate = number("reference_rate");
  return terms;
}

constexpr std::array<const char*, 4> kVerdicts{"offered", "capped", "above_cap", "no_break_even"};
constexpr py::ssize_t kPriceColumns = 11;

// One row of numbers for each loan, and its verdict.
py::tuple prices(const py::dict& given, const py::dict& price_terms,
                 const Array<std::int64_t>& varying, const Array<double>& pd12) {
  const Terms terms = read_terms(given);
  const PriceTerms pricing = read_price_terms(price_terms);
  const py::ssize_t count = pd12.size();
  if (varying.shape(0) != count) throw py::value_error("as many loans as risks are priced");
  py::array_t<double> numbers({count, kPriceColumns});
  std::vector<const char*> verdicts;
  auto cells = numbers.mutable_unchecked<2>();
  {
    const py::gil_scoped_release unlocked;
    std::vector<Row> rows(kMaxPeriods);
    for (py::ssize_t index = 0; index < count; ++index) {
      Price price;
      const Fault fault = price_loan(at(terms, varying, index), terms.charges, pricing,
                                     pd12.data()[index], rows, &price);
      if (!fault.ok()) {
        const py::gil_scoped_acquire locked;
        throw_if_bad(fault, static_cast<std::size_t>(index), static_cast<std::size_t>(count));
      }
      verdicts.push_back(kVerdicts[static_cast<std::size_t>(price.verdict)]);
      const std::array<double, kPriceColumns> row{price.break_even,
                                                  price.cap_rate,
                                                  price.rate,
                                                  price.pd12,
                                                  price.profit.expected_loss_fen,
                                                  price.profit.net_present_value_fen,
                                                  price.profit.capital_years_fen,
                                                  price.profit.raroc,
                                                  price.cost.nominal,
                                                  price.cost.effective,
                                                  price.cost.simple};
      for (py::ssize_t c = 0; c < kPriceColumns; ++c) {
        cells(index, c) = row[static_cast<std::size_t>(c)];
      }
    }
  }
  return py::make_tuple(numbers, verdicts);
}

std::optional<std::int64_t> debts_in_all(
    const std::vector<std::tuple<std::optional<std::int64_t>, std::optional<std::int64_t>>>&
        given) {
  std::vector<Debt> debts;
  for (const auto& [monthly, balance] : given) debts.push_back({monthly, balance});
  return debt_service(debts);
}

std::tuple<std::optional<std::int64_t>, int> limit_of(
    const std::vector<std::tuple<int, std::optional<std::int64_t>>>& given, std::int64_t step) {
  std::vector<Limit> limits;
  for (const auto& [kind, amount] : given) {
    limits.push_back({static_cast<LimitKind>(kind), amount});
  }
  const LoanLimit smallest = smallest_limit(limits, step);
  return {smallest.amount_fen, static_cast<int>(smallest.binding)};
}

std::int64_t loss_limit(const py::dict& given, std::int64_t budget, double pd12, double lgd) {
  const Terms terms = read_terms(given);
  const Loan loan = with_spans(terms);
  throw_if_bad(SmoothPlan::check_smooth(loan), 0, 1);
  return expected_loss_limit(budget, loan, pd12, lgd);
}

}  // namespace

void bind_prices(py::module_& offers) {
  offers.def("prices", &prices, py::arg("terms"), py::arg("price_terms"), py::arg("varying"),
             py::arg("pd12"), "Loans to (numbers, verdicts). Raises StatusError.");
  offers.def("debt_service", &debts_in_all, py::arg("debts"));
  offers.def(
      "instalment_room",
      [](std::optional<std::int64_t> income, std::optional<std::int64_t> debts, std::int64_t ratio,
         std::int64_t residual) {
        return instalment_room({income, debts, ratio, residual});
      },
      py::arg("income"), py::arg("debts"), py::arg("ratio"), py::arg("residual"));
  offers.def(
      "largest_principal",
      [](std::int64_t instalment, std::int64_t annual_rate, int frequency, std::int32_t periods,
         int rounding) {
        const std::int32_t per_year = periods_per_year(static_cast<Frequency>(frequency));
        return largest_principal(instalment, fraction(annual_rate, Int128{kRateUnit} * per_year),
                                 periods, static_cast<Rounding>(rounding));
      },
      py::arg("instalment"), py::arg("annual_rate"), py::arg("frequency"), py::arg("periods"),
      py::arg("rounding"));
  offers.def("smallest_limit", &limit_of, py::arg("limits"), py::arg("step"));
  offers.def("expected_loss_limit", &loss_limit, py::arg("terms"), py::arg("budget"),
             py::arg("pd12"), py::arg("lgd"), "Raises StatusError.");
  offers.def(
      "ladder_limit",
      [](const std::vector<std::int64_t>& amounts, const std::vector<std::int32_t>& needed,
         std::int32_t repayments) { return ladder_limit(amounts, needed, repayments); },
      py::arg("amounts"), py::arg("needed"), py::arg("repayments"));
  offers.def("other_retail_capital", py::vectorize(&other_retail_capital), py::arg("pd"),
             py::arg("lgd"));
  offers.def(
      "take_up",
      py::vectorize([](double intercept, double rate_weight, double amount_weight,
                       double market_rate, double rate, double offered, double asked) {
        return take_up({intercept, rate_weight, amount_weight, market_rate}, rate, offered, asked);
      }),
      py::arg("intercept"), py::arg("rate_weight"), py::arg("amount_weight"),
      py::arg("market_rate"), py::arg("rate"), py::arg("offered"), py::arg("asked"));
}

}  // namespace fenqi::python
