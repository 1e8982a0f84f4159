// What a borrower is shown before the contract, in numbers and in each language of the texts: the
// table 综合融资成本明示表 of 金规〔2026〕2号 with every charge and who takes it, yearly rates,
// what default costs, key facts, the dated plan (R36, R37, R38).
//
// Every number on a page comes from the plan on that page: costs sum to what is paid beyond what is
// received, and the rates are those of its rows.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "offers/cost_rate.h"
#include "offers/repayment.h"
#include "offers/schedule.h"
#include "quoting/legal_rates.h"
#include "quoting/loan_terms.h"
#include "quoting/texts.h"
#include "wire/writer.h"

namespace fenqi::quoting {

// A loan with its plan. All spans are lent.
struct DisclosedLoan {
  const LoanTerms& terms;
  offers::Loan loan;
  const offers::Schedule& schedule;
  std::span<const offers::Row> rows;  // schedule.rows of them
  std::span<const std::int64_t> charge_totals;
  offers::CostRate cost;
  // Only looked at where the form shows them.
  LegalRates legal_rates;
  offers::ServicingTerms servicing;
  std::string_view currency;
  std::string_view lender;  // may be empty
  std::int32_t minimum_reading_seconds = 0;
};

// Writes the fields of a fenqi.v1.Disclosure. `scratch` is cleared on the way. Linear in the rows;
// takes nothing from the heap once writer and scratch are warm.
void write_disclosure(const DisclosedLoan& disclosed, const DisclosureTexts& texts,
                      TextWriter& scratch, wire::MessageWriter& writer);

}  // namespace fenqi::quoting
