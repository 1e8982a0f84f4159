#include "offers/cost_rate.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "offers/cash_flow.h"

namespace fenqi::offers {
namespace {

double simple_cost(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
                   bool equal_periods) {
  double balance_years = 0.0;
  double balance = static_cast<double>(schedule.financed_fen);
  Date from = loan.disbursed;
  for (const Row& row : rows) {
    const double years =
        equal_periods ? 1.0 / periods_per_year(loan.frequency) : (row.due - from) / 365.0;
    balance_years += balance * years;
    balance = static_cast<double>(row.balance_fen);
    from = row.due;
  }
  // Charges kept back, or lent in addition, are money that the borrower never had the use of.
  const double used =
      static_cast<double>(schedule.received_fen) / static_cast<double>(schedule.financed_fen);
  const double cost =
      static_cast<double>(schedule.paid_fen) - static_cast<double>(schedule.received_fen);
  return cost / (balance_years * used);
}

}  // namespace

CostRate cost_rate(const Loan& loan, const Schedule& schedule, std::span<const Row> rows) {
  rows = rows.first(static_cast<std::size_t>(schedule.rows));
  const bool equal_periods = has_regular_first_period(loan);
  const double simple = simple_cost(loan, schedule, rows, equal_periods);
  const auto received = static_cast<double>(schedule.received_fen);
  if (equal_periods) {
    std::array<double, kMaxPeriods> payments;
    for (std::size_t k = 0; k < rows.size(); ++k) {
      payments[k] = static_cast<double>(rows[k].payment_fen());
    }
    const std::int32_t per_year = periods_per_year(loan.frequency);
    const std::span<const double> paid = std::span(payments).first(rows.size());
    // Without fees and charges the cost is the contract's rate, but for rounding.
    const double contract = static_cast<double>(loan.annual_rate) / (1e12 * per_year);
    const double rate = schedule.charges_fen == 0 ? periodic_rate(received, paid, contract)
                                                  : periodic_rate(received, paid);
    return {rate * per_year, std::expm1(std::min(kMaxLogGrowth, per_year * std::log1p(rate))),
            simple};
  }
  std::array<Flow, kMaxPeriods + 1> flows;
  flows[0] = {0.0, 0.0, -received};
  for (std::size_t k = 0; k < rows.size(); ++k) {
    flows[k + 1] = {(rows[k].due - loan.disbursed) / 365.0, 0.0,
                    static_cast<double>(rows[k].payment_fen())};
  }
  const InternalRate found = internal_rate(std::span(flows).first(rows.size() + 1));
  // Money paid out before any comes back has one rate; only its size can leave the range.
  const double growth = found.ok() ? found.log_growth : kMaxLogGrowth;
  return {12.0 * std::expm1(growth / 12.0), std::expm1(growth), simple};
}

double disclosed(double rate) {
  return std::floor(rate * 1e4 + 0.5) / 1e4;
}

}  // namespace fenqi::offers
