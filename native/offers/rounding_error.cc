#include "offers/rounding_error.h"

#include <cmath>
#include <limits>

namespace fenqi::offers {

bool is_near_smooth(const Loan& loan, double most_yearly) {
  if (loan.method != Method::kEqualInstalments || loan.day_count == DayCount::k30_360) return true;
  // Of n periods at i each the instalment is i / (1 - (1 + i)^-n); the longest month is 31 of the
  // year's 365 / 12 days or, by 360ths, more.
  const double i = most_yearly / 12.0;
  const double n = loan.periods - loan.grace_periods;
  return -std::expm1(-n * std::log1p(i)) < 365.0 / 12.0 / 31.0 - 0.01;
}

double rounding_error(const Loan& loan, std::span<const Charge> charges, double most_yearly) {
  const double n = loan.periods;
  double on_what_is_off = 1.0;
  for (const Charge& charge : charges) {
    on_what_is_off += static_cast<double>(charge.rate) / static_cast<double>(kRateUnit);
  }
  return (4.0 * n + 8.0) * (1.0 + n * most_yearly / 12.0) * on_what_is_off +
         (n + 2.0) * static_cast<double>(charges.size());
}

double cost_error(const Loan& loan, const Schedule& schedule, std::span<const Row> rows,
                  const CostRate& cost, double error_fen) {
  constexpr double kNothing = std::numeric_limits<double>::infinity();
  const double per_year = periods_per_year(loan.frequency);
  const double discount = 1.0 / (1.0 + cost.nominal / per_year);
  // The derivative of the payments' present value by the rate of a period.
  double power = discount;
  double slope = 0.0;
  const auto count = static_cast<std::size_t>(schedule.rows);
  for (std::size_t k = 0; k < count; ++k) {
    power *= discount;
    slope += static_cast<double>(k + 1) * static_cast<double>(rows[k].payment_fen()) * power;
  }
  const double error = 1.5 * error_fen / slope;
  if (!(error * static_cast<double>(count) < 0.1)) return kNothing;
  return per_year * error;
}

double effective_error(const Loan& loan, const CostRate& cost, double nominal_error) {
  const double per_year = periods_per_year(loan.frequency);
  return nominal_error *
         std::exp((per_year - 1.0) * std::log1p((cost.nominal + nominal_error) / per_year));
}

}  // namespace fenqi::offers
