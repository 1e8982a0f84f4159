#include "engine/reasons.h"

#include <algorithm>
#include <optional>

#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

namespace decision = contract::decision;

bool is_given(const Release& release, const Verdict& verdict, std::uint32_t group) {
  const auto end = verdict.reasons.begin() + static_cast<std::ptrdiff_t>(verdict.reason_count);
  return std::any_of(verdict.reasons.begin(), end,
                     [&](std::uint32_t given) { return release.reasons()[given].group == group; });
}

void add_reason(const Release& release, std::uint32_t reason, Verdict& verdict) {
  if (reason == kNone || verdict.reason_count == kMostReasons) return;
  if (is_given(release, verdict, release.reasons()[reason].group)) return;
  verdict.reasons[verdict.reason_count++] = reason;
}

void add_rule_reasons(const Release& release, Verdict& verdict) {
  for (const Hit& hit : verdict.hits) {
    const bool brought_about =
        verdict.is_capped
            ? hit.action == contract::rule_action::kCap && hit.cap_fen == *verdict.amount_cap_fen
            : decision_of_action(hit.action) == verdict.decision;
    if (brought_about) add_reason(release, release.rules()[hit.rule].reason, verdict);
  }
}

// Whether the score is among what failed.
bool score_failed(const Segment& segment, const Verdict& verdict) {
  if (verdict.is_capped) {
    return verdict.explored && *verdict.amount_cap_fen == segment.cutoffs->exploration->amount_fen;
  }
  return verdict.by_cutoffs == verdict.decision;
}

// Adds up the parts by reason and by group. Of a scorecard only lost points count, of a model also
// what speaks for the applicant under the same reason.
void add_up(const Release& release, const Opinion& opinion, bool only_losses,
            ReasonScratch& scratch) {
  std::fill(scratch.by_reason.begin(), scratch.by_reason.end(), 0.0);
  std::fill(scratch.by_group.begin(), scratch.by_group.end(), 0.0);
  std::fill(scratch.named.begin(), scratch.named.end(), kNone);
  for (std::size_t i = 0; i < opinion.parts.size(); ++i) {
    const std::uint32_t reason = opinion.contributions[i].reason;
    if (reason == kNone || (only_losses && opinion.parts[i] <= 0.0)) continue;
    scratch.by_reason[reason] += opinion.parts[i];
  }
  for (const std::uint32_t reason : release.reasons_by_rank()) {
    const double part = scratch.by_reason[reason];
    const std::uint32_t group = release.reasons()[reason].group;
    scratch.by_group[group] += part;
    std::uint32_t& named = scratch.named[group];
    if (part > 0.0 && (named == kNone || part > scratch.by_reason[named])) named = reason;
  }
}

void add_score_reasons(const Release& release, const Opinion& opinion, bool only_losses,
                       ReasonScratch& scratch, Verdict& verdict) {
  add_up(release, opinion, only_losses, scratch);
  // Four passes over a few dozen numbers: cheaper than a sort, and ties go by rank.
  while (verdict.reason_count < kMostReasons) {
    std::uint32_t worst = kNone;
    double largest = 0.0;
    for (const std::uint32_t reason : release.reasons_by_rank()) {
      const std::uint32_t group = release.reasons()[reason].group;
      if (scratch.named[group] == reason && scratch.by_group[group] > largest) {
        worst = reason;
        largest = scratch.by_group[group];
      }
    }
    if (worst == kNone) return;
    add_reason(release, worst, verdict);
    scratch.named[release.reasons()[worst].group] = kNone;
  }
}

constexpr std::array kDimensions = {contract::dimension::kAbility,
                                    contract::dimension::kWillingness};

// What a dimension's inputs add to the opinion; nothing where no input belongs to it.
std::optional<double> part_of(const Opinion& opinion, std::uint32_t dimension) {
  std::optional<double> sum;
  for (std::size_t i = 0; i < opinion.parts.size(); ++i) {
    if (opinion.contributions[i].dimension == dimension) sum = sum.value_or(0.0) + opinion.parts[i];
  }
  return sum;
}

}  // namespace

bool are_parts_read(const Opinion& opinion, const Verdict& verdict) {
  const bool needs_reasons = verdict.decision != decision::kApprove;
  return std::any_of(opinion.contributions.begin(), opinion.contributions.end(),
                     [&](const Contribution& contribution) {
                       return contribution.dimension != 0 ||
                              (needs_reasons && contribution.reason != kNone);
                     });
}

void explain(const Release& release, const Assessment& assessment, ReasonScratch& scratch,
             Verdict& verdict) {
  verdict.reason_count = 0;
  if (verdict.decision == decision::kApprove) return;
  if (verdict.unacknowledged != nullptr &&
      decision_of_action(release.drawdown()->action) == verdict.decision) {
    add_reason(release, release.drawdown()->reason, verdict);
  }
  if (!verdict.is_capped) add_reason(release, verdict.limit_reason, verdict);
  add_rule_reasons(release, verdict);
  // A cap that has no reason of its own.
  if (verdict.reason_count == 0) add_reason(release, verdict.limit_reason, verdict);
  const Segment* const segment = assessment.segment_of(release);
  if (verdict.built_in == BuiltInRule::kAboveSubLimit && verdict.decision == decision::kRefer) {
    add_reason(release, segment->cutoffs->refer_above_reason, verdict);
  }
  if (segment == nullptr || !segment->cutoffs || assessment.opinion == nullptr) return;
  if (!score_failed(*segment, verdict)) return;
  add_score_reasons(release, *assessment.opinion, segment->scorecard != kNone, scratch, verdict);
}

void split_score(const Release& release, const Assessment& assessment, Verdict& verdict) {
  verdict.sub_score_count = 0;
  if (assessment.opinion == nullptr || assessment.opinion->parts.empty()) return;
  const Opinion& opinion = *assessment.opinion;
  const Segment& segment = *assessment.segment_of(release);
  for (const std::uint32_t dimension : kDimensions) {
    const std::optional<double> part = part_of(opinion, dimension);
    if (!part) continue;
    double score = 0.0;
    if (segment.scorecard != kNone) {
      const Scorecard& card = release.scorecards()[segment.scorecard];
      score = card.base_points - *part;
      for (const auto& attribute : card.attributes) score += attribute.reference_points;
    } else {
      const ModelSlot& slot = release.models()[segment.model];
      score = slot.score_scale.score(
          slot.calibration.log_odds(slot.explanation->base_margin() + *part));
    }
    verdict.sub_scores[verdict.sub_score_count++] = {dimension, score};
  }
}

}  // namespace fenqi::engine
