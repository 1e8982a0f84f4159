// From rules and the deciding score to a decision.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/value.h"
#include "engine/opinion.h"
#include "engine/release.h"

namespace fenqi::engine {

// A rule that fired.
struct Hit {
  std::uint32_t rule = 0;    // index into Release::rules
  std::uint32_t action = 0;  // fenqi.v1.RuleAction
  std::uint32_t cause = 0;   // fenqi.v1.RuleCause
  std::int64_t cap_fen = 0;  // for the action CAP
  std::uint32_t failed = 0;  // register that is an error, where that is the cause
};

// Rules that every policy has, which refer. At most one fires.
enum class BuiltInRule {
  kNoSegment,      // the applicant falls in none of the segments, or in several
  kNoScore,        // the deciding scorecard gives no score
  kAboveSubLimit,  // more was asked than may be approved without a person
};

struct SubScore {
  std::uint32_t dimension = 0;
  double score = 0.0;
};

// At most four reasons help an applicant (12 CFR 1002, Supplement I, comment 9(b)(2)-1).
inline constexpr std::size_t kMostReasons = 4;

// A decision with what led to it. Kept by its thread and filled anew for each request, so that it
// allocates only while it grows to the release's number of rules.
struct Verdict {
  std::uint32_t decision = 0;    // fenqi.v1.Decision
  std::uint32_t by_cutoffs = 0;  // what the cut-offs alone say; approve where there are none
  std::vector<Hit> hits;
  std::optional<BuiltInRule> built_in;
  // Why a drawdown counts as not acknowledged, in constant memory; null where it needs no
  // acknowledgement or has one.
  const char* unacknowledged = nullptr;
  std::optional<std::int64_t> amount_cap_fen;
  // A cap, not rules or cut-offs, made the decision what it is.
  bool is_capped = false;
  // The reason of the limit that stands between the applicant and the loan asked for; kNone: none.
  std::uint32_t limit_reason = kNone;
  bool explored = false;
  std::optional<double> propensity;
  std::array<std::uint32_t, kMostReasons> reasons{};  // indices into Release's reasons
  std::size_t reason_count = 0;
  std::array<SubScore, 2> sub_scores{};
  std::size_t sub_score_count = 0;
};

// The decision that a rule's action asks for, as fenqi.v1.Decision.
std::uint32_t decision_of_action(std::uint32_t action);

// Fills everything but reasons and sub-scores. The decision is the gravest of what the rules that
// hold at `stage` ask for and what the cut-offs make of the opinion; exploration may overrule the
// cut-offs, never a rule. An approval of more than the smallest cap is a counter-offer; where the
// cap leaves nothing, a decline. `unacknowledged`: see Verdict; it does what the release's
// `drawdown` says.
void decide(const Release& release, std::span<const Value> registers, std::uint32_t stage,
            const Assessment& assessment, const char* unacknowledged, Verdict& verdict);

}  // namespace fenqi::engine
