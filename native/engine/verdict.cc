#include "engine/verdict.h"

#include <algorithm>

#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

// Decisions in order of gravity are their numbers in the contract.
static_assert(contract::decision::kApprove < contract::decision::kCounterOffer &&
              contract::decision::kCounterOffer < contract::decision::kRefer &&
              contract::decision::kRefer < contract::decision::kDecline);

std::uint32_t decision_of_action(std::uint32_t action) {
  switch (action) {
    case contract::rule_action::kDecline:
      return contract::decision::kDecline;
    case contract::rule_action::kRefer:
      return contract::decision::kRefer;
    default:
      return contract::decision::kApprove;
  }
}

std::uint32_t decision_of_cutoffs(const Cutoffs& cutoffs, double probability) {
  if (probability <= cutoffs.approve_at_most) return contract::decision::kApprove;
  if (probability <= cutoffs.refer_at_most) return contract::decision::kRefer;
  return contract::decision::kDecline;
}

void add_reason(Verdict& verdict, std::uint32_t reason) {
  const auto end = verdict.reasons.begin() + static_cast<std::ptrdiff_t>(verdict.reason_count);
  if (reason == kNone || verdict.reason_count == kMostReasons) return;
  if (std::find(verdict.reasons.begin(), end, reason) != end) return;
  verdict.reasons[verdict.reason_count++] = reason;
}

void add_model_reasons(const ModelSlot& slot, const ModelOpinion& opinion,
                       std::span<double> by_reason, Verdict& verdict) {
  std::fill(by_reason.begin(), by_reason.end(), 0.0);
  for (std::size_t i = 0; i < opinion.contributions.size(); ++i) {
    const std::uint32_t reason = slot.contributions[i].reason;
    if (reason != kNone) by_reason[reason] += opinion.contributions[i];
  }
  // Four passes over a few dozen numbers: cheaper than a sort, and ties go to the catalogue's
  // order.
  while (verdict.reason_count < kMostReasons) {
    const auto worst = std::max_element(by_reason.begin(), by_reason.end());
    if (worst == by_reason.end() || *worst <= 0.0) return;
    add_reason(verdict, static_cast<std::uint32_t>(worst - by_reason.begin()));
    *worst = 0.0;
  }
}

}  // namespace

void decide(const Release& release, std::span<const Value> registers, std::uint32_t stage,
            const ModelOpinion* opinion, Verdict& verdict) {
  verdict.hits.clear();
  verdict.decision = contract::decision::kApprove;
  const std::span<const Rule> rules = release.rules();
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    if (stage >= 32 || (rule.stages >> stage & 1u) == 0) continue;
    const Value& condition = registers[rule.condition];
    Hit hit{i, rule.action, contract::rule_cause::kTrue};
    if (condition.is_missing()) {
      hit = {i, rule.on_error, contract::rule_cause::kMissing};
    } else if (condition.is_error()) {
      hit = {i, rule.on_error, contract::rule_cause::kError};
    } else if (!condition.b) {
      continue;
    }
    if (hit.action == 0) continue;
    verdict.hits.push_back(hit);
    verdict.decision = std::max(verdict.decision, decision_of_action(hit.action));
  }
  if (opinion != nullptr && release.cutoffs() != nullptr) {
    verdict.decision =
        std::max(verdict.decision, decision_of_cutoffs(*release.cutoffs(), opinion->probability));
  }
}

void explain(const Release& release, const ModelOpinion* opinion, std::span<double> by_reason,
             Verdict& verdict) {
  verdict.reason_count = 0;
  if (verdict.decision == contract::decision::kApprove) return;
  for (const Hit& hit : verdict.hits) {
    if (decision_of_action(hit.action) == verdict.decision) {
      add_reason(verdict, release.rules()[hit.rule].reason);
    }
  }
  if (opinion == nullptr || release.cutoffs() == nullptr) return;
  if (decision_of_cutoffs(*release.cutoffs(), opinion->probability) ==
      contract::decision::kApprove) {
    return;
  }
  add_model_reasons(release.models().front(), *opinion, by_reason, verdict);
}

void split_score(const ModelSlot& slot, const ModelOpinion& opinion, Verdict& verdict) {
  verdict.sub_score_count = 0;
  if (opinion.contributions.empty()) return;
  for (const std::uint32_t dimension :
       {contract::dimension::kAbility, contract::dimension::kWillingness}) {
    double margin = slot.base_margin;
    for (std::size_t i = 0; i < opinion.contributions.size(); ++i) {
      if (slot.contributions[i].dimension == dimension) margin += opinion.contributions[i];
    }
    const double score = slot.score_scale.score(slot.calibration.log_odds(margin));
    verdict.sub_scores[verdict.sub_score_count++] = {dimension, score};
  }
}

}  // namespace fenqi::engine
