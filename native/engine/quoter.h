// Answers the methods of fenqi.v1.Quoting on one thread: bytes in, bytes out.
//
// A Quoter owns the memory that its thread needs. Each quote is of the release that would answer a
// Score of the same customer when it begins, the canary's for those whom it draws: it holds the
// products, the texts of a disclosure and the cap on yearly cost. Warm, a Quoter takes nothing from
// the heap unless a request fails.
//
// It must not keep other calls of its thread waiting: the longest plan takes less than a
// millisecond with its pages, and flows are limited in number.
//
//   Quoter quoter(engine);
//   QuoterOutcome outcome = quoter.quote(request);
//   if (outcome.status.ok()) send(outcome.response);
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/status.h"
#include "engine/release.h"
#include "offers/annual_rate.h"
#include "offers/cost_rate.h"
#include "offers/schedule.h"
#include "offers/search.h"
#include "quoting/legal_rates.h"
#include "quoting/loan_terms.h"
#include "quoting/texts.h"
#include "wire/writer.h"

namespace fenqi::engine {

class Engine;

struct QuoterOutcome {
  Status status;
  // A serialized answer; lent until the quoter's next call.
  std::span<const std::uint8_t> response;
};

class Quoter {
 public:
  // `engine` must outlive the quoter.
  explicit Quoter(const Engine& engine);

  // A serialized QuoteRequest to a QuoteResponse.
  QuoterOutcome quote(std::span<const std::uint8_t> request);
  // A serialized ScheduleRequest to a ScheduleResponse.
  QuoterOutcome schedule(std::span<const std::uint8_t> request);
  // A serialized AnnualRateRequest to an AnnualRateResponse.
  QuoterOutcome annual_rate(std::span<const std::uint8_t> request);

 private:
  struct Request;

  Status read(std::span<const std::uint8_t> bytes, Request& request);
  Status complete(const Release& release, Request& request);
  Status take_product(const Release& release, Request& request);
  Status compute(const quoting::FieldPath& path);
  Status check_quote(const Release& release) const;
  void write_quote(const Request& request, const Release& release);
  void write_schedule(std::uint32_t number);
  Status read_flows(std::span<const std::uint8_t> bytes, offers::Interval& interval);

  const Engine& engine_;
  quoting::LoanTerms terms_;
  offers::Loan loan_;
  offers::Schedule schedule_;
  offers::CostRate cost_{};
  std::unique_ptr<offers::SearchScratch> search_scratch_;  // once a product is asked for
  std::vector<offers::Row> rows_;
  std::vector<std::int64_t> charge_totals_;
  std::vector<offers::DatedFlow> flows_;
  std::vector<offers::Flow> flow_scratch_;
  quoting::LegalRateCounter legal_rate_counter_;
  quoting::TextWriter texts_;
  wire::MessageWriter quote_;
  wire::MessageWriter writer_;
};

}  // namespace fenqi::engine
