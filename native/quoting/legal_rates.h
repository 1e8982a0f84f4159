// A plan's yearly rates as the laws of the European Union and of the United States count them.
#pragma once

#include <span>
#include <vector>

#include "offers/annual_rate.h"
#include "offers/schedule.h"

namespace fenqi::quoting {

// As fractions; infinite where no rate in range solves the plan, which then costs more than any law
// has a number for.
struct LegalRates {
  double appendix_j = 0.0;  // annual percentage rate of Regulation Z, Appendix J
  double eu = 0.0;          // annual percentage rate of Directive (EU) 2023/2225, Annex III
};

// Counts rates in memory that it keeps. One thread only.
class LegalRateCounter {
 public:
  LegalRateCounter();

  // The rates of a plan with dates. Linear in the rows but for the unit period, which is quadratic
  // in the number of different intervals; takes nothing from the heap.
  LegalRates count(const offers::Loan& loan, const offers::Schedule& schedule,
                   std::span<const offers::Row> rows);

 private:
  std::vector<offers::DatedFlow> flows_;
  std::vector<offers::Flow> scratch_;
};

}  // namespace fenqi::quoting
