// From rules and a probability of default to a decision with its reasons.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/value.h"
#include "engine/release.h"

namespace fenqi::engine {

// What the deciding model says of an applicant.
struct ModelOpinion {
  double log_odds = 0.0;  // of default, calibrated
  double probability = 0.0;
  double score = 0.0;
  // Each contribution to the margin against the reference, in log-odds of default; empty where the
  // model explains nothing. Lent.
  std::span<const double> contributions;
};

// A rule that fired.
struct Hit {
  std::uint32_t rule = 0;    // index into Release::rules
  std::uint32_t action = 0;  // fenqi.v1.RuleAction
  std::uint32_t cause = 0;   // fenqi.v1.RuleCause
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
  std::uint32_t decision = 0;  // fenqi.v1.Decision
  std::vector<Hit> hits;
  std::array<std::uint32_t, kMostReasons> reasons{};  // indices into Release's reasons
  std::size_t reason_count = 0;
  std::array<SubScore, 2> sub_scores{};
  std::size_t sub_score_count = 0;
};

// Fills `verdict.hits` and `verdict.decision`: the gravest of what the rules that hold at `stage`
// ask for and what the cut-offs make of `opinion` (null where no model ran).
void decide(const Release& release, std::span<const Value> registers, std::uint32_t stage,
            const ModelOpinion* opinion, Verdict& verdict);

// Fills `verdict.reasons`, only for a decision that is no plain yes: first the reasons of the
// rules that brought it about, in the policy's order; then, where the model's own cut-off says the
// same or worse than approve, the groups of features that raised the risk most against the
// reference (comments 5 and 7 of the same supplement). `by_reason` is scratch, one number for each
// reason of the release.
void explain(const Release& release, const ModelOpinion* opinion, std::span<double> by_reason,
             Verdict& verdict);

// Fills `verdict.sub_scores`: for each dimension the score of an applicant who is at the reference
// in everything else.
void split_score(const ModelSlot& slot, const ModelOpinion& opinion, Verdict& verdict);

}  // namespace fenqi::engine
