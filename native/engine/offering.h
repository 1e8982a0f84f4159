// From a yes to loans: which of them an applicant is offered, and what stands in the way of the one
// that was asked for.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "base/value.h"
#include "engine/opinion.h"
#include "engine/release.h"
#include "engine/verdict.h"
#include "offers/search.h"

namespace fenqi::engine {

// What is offered. Kept by its thread and filled anew for each request.
struct Offering {
  static constexpr std::size_t kMostHelps = 9;  // every fenqi.v1.Help

  std::array<offers::Found, OfferPlan::kMostOffers> found;
  std::size_t count = 0;
  offers::Date disbursed = offers::kNoDate;
  std::uint32_t limit_binding = 0;               // fenqi.v1.LimitKind
  std::array<std::uint32_t, kMostHelps> help{};  // fenqi.v1.Help, ascending
  std::size_t help_count = 0;

  // What was found stays, and counts no more.
  void clear() {
    count = help_count = 0;
    limit_binding = 0;
  }
};

// Where rules and cut-offs say yes at a stage at which loans are offered, looks for the loan that
// was asked for, and otherwise for others; fills `offering`, and makes `verdict` what was found:
//
//   the loan asked for fits    approve; what the request leaves open is filled in with the best
//   others do                  counter-offer: the best, the amount nearest to the one asked for,
//                              the term nearest, the best of another product, then the next best
//   none does                  decline
//   a limit is missing         what the plan's `when_missing` says
//
// At a drawdown nothing else is offered. Where the answer is no without it, the verdict stays.
// Needs a release with an offer plan, and an `offering` that is clear.
void seek_offers(const Release& release, std::span<const Value> registers, std::uint32_t stage,
                 const Assessment& assessment, offers::SearchScratch& scratch, Verdict& verdict,
                 Offering& offering);

}  // namespace fenqi::engine
