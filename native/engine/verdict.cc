#include "engine/verdict.h"

#include <algorithm>

#include "engine/exploration.h"
#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

namespace decision = contract::decision;
namespace action = contract::rule_action;
namespace cause = contract::rule_cause;

// Decisions in order of gravity are their numbers in the contract.
static_assert(decision::kApprove < decision::kCounterOffer &&
              decision::kCounterOffer < decision::kRefer && decision::kRefer < decision::kDecline);

// What a rule does: its action, or what its `on_error` says where condition or cap is not known.
// Action 0: nothing.
Hit ask(const Rule& rule, std::uint32_t number, std::span<const Value> registers) {
  const auto unknown = [&](std::uint32_t register_index) {
    return Hit{number, rule.on_error,
               registers[register_index].is_missing() ? cause::kMissing : cause::kError, 0,
               register_index};
  };
  const Value& condition = registers[rule.condition];
  if (!condition.is_ok()) return unknown(rule.condition);
  if (!condition.b) return {};
  if (rule.action != action::kCap) return {number, rule.action, cause::kTrue, 0, 0};
  const Value& cap = registers[rule.cap_register];
  if (!cap.is_ok()) return unknown(rule.cap_register);
  return {number, action::kCap, cause::kTrue, std::max<std::int64_t>(cap.i, 0), 0};
}

// The gravest decision that a rule asks for.
std::uint32_t fire_rules(const Release& release, std::span<const Value> registers,
                         std::uint32_t stage, bool is_scored, Verdict& verdict) {
  std::uint32_t gravest = decision::kApprove;
  const std::span<const Rule> rules = release.rules();
  for (std::uint32_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    if (stage >= 32 || (rule.stages >> stage & 1u) == 0) continue;
    if (rule.reads_scores && !is_scored) continue;
    const Hit hit = ask(rule, i, registers);
    if (hit.action == 0) continue;
    verdict.hits.push_back(hit);
    gravest = std::max(gravest, decision_of_action(hit.action));
    if (hit.action == action::kCap) {
      verdict.amount_cap_fen = std::min(verdict.amount_cap_fen.value_or(hit.cap_fen), hit.cap_fen);
    }
  }
  return gravest;
}

std::uint32_t decision_of_cutoffs(const Cutoffs& cutoffs, const Opinion& opinion) {
  if (cutoffs.by_score) {
    if (opinion.score >= cutoffs.approve) return decision::kApprove;
    return opinion.score >= cutoffs.refer ? decision::kRefer : decision::kDecline;
  }
  if (opinion.probability <= cutoffs.approve) return decision::kApprove;
  return opinion.probability <= cutoffs.refer ? decision::kRefer : decision::kDecline;
}

// Whether somebody whom the cut-offs do not approve is near enough to be approved at random.
bool is_in_band(const Cutoffs& cutoffs, const Opinion& opinion) {
  if (!cutoffs.exploration) return false;
  return cutoffs.by_score ? opinion.score >= cutoffs.exploration->end
                          : opinion.probability <= cutoffs.exploration->end;
}

std::optional<std::int64_t> requested_amount(const Release& release,
                                             std::span<const Value> registers) {
  if (release.amount_slot() == kNone || !registers[release.amount_slot()].is_ok()) return {};
  return registers[release.amount_slot()].i;
}

// Draws somebody in the band: sets `explored`, and `propensity` to the chance of it.
void explore(const Release& release, std::span<const Value> registers,
             const Exploration& exploration, double probability, Verdict& verdict) {
  const Value& key = registers[release.customer_key_slot()];
  if (!key.is_ok()) return;
  const std::uint32_t approved = approved_buckets(exploration, probability);
  verdict.propensity = static_cast<double>(approved) / kBuckets;
  verdict.explored = bucket_of(exploration.salt, key.text()) < approved;
}

// What cut-offs and exploration make of the opinion.
std::uint32_t judge(const Release& release, std::span<const Value> registers,
                    const Cutoffs& cutoffs, const Opinion& opinion, bool rules_approve,
                    Verdict& verdict) {
  verdict.by_cutoffs = decision_of_cutoffs(cutoffs, opinion);
  if (verdict.by_cutoffs == decision::kApprove) {
    if (release.explores()) verdict.propensity = 1.0;
    const auto requested = requested_amount(release, registers);
    if (cutoffs.refer_above_fen == 0 || (requested && *requested <= cutoffs.refer_above_fen)) {
      return decision::kApprove;
    }
    verdict.built_in = BuiltInRule::kAboveSubLimit;
    return decision::kRefer;
  }
  if (rules_approve && is_in_band(cutoffs, opinion)) {
    explore(release, registers, *cutoffs.exploration, opinion.probability, verdict);
  }
  return verdict.explored ? decision::kApprove : verdict.by_cutoffs;
}

// An approval under a cap.
void apply_cap(std::int64_t cap_fen, std::optional<std::int64_t> requested, Verdict& verdict) {
  if (requested && *requested <= cap_fen) return;
  verdict.is_capped = true;
  verdict.decision = cap_fen == 0 ? decision::kDecline : decision::kCounterOffer;
}

}  // namespace

std::uint32_t decision_of_action(std::uint32_t of) {
  switch (of) {
    case action::kDecline:
      return decision::kDecline;
    case action::kRefer:
      return decision::kRefer;
    default:
      return decision::kApprove;
  }
}

void decide(const Release& release, std::span<const Value> registers, std::uint32_t stage,
            const Assessment& assessment, const char* unacknowledged, Verdict& verdict) {
  verdict.hits.clear();
  verdict.unacknowledged = unacknowledged;
  verdict.built_in.reset();
  verdict.amount_cap_fen.reset();
  verdict.is_capped = false;
  verdict.limit_reason = kNone;
  verdict.explored = false;
  verdict.by_cutoffs = decision::kApprove;
  verdict.propensity.reset();
  std::uint32_t by_rules = fire_rules(release, registers, stage, assessment.is_scored, verdict);
  if (unacknowledged != nullptr) {
    by_rules = std::max(by_rules, decision_of_action(release.drawdown()->action));
  }
  const Segment* const segment = assessment.segment_of(release);
  std::uint32_t by_score = decision::kApprove;
  if (segment == nullptr) {
    if (!release.segments().empty()) verdict.built_in = BuiltInRule::kNoSegment;
  } else if (assessment.opinion == nullptr) {
    if (!segment->decided_by.empty() && assessment.is_scored) {
      verdict.built_in = BuiltInRule::kNoScore;
    }
  } else if (segment->cutoffs) {
    by_score = judge(release, registers, *segment->cutoffs, *assessment.opinion,
                     by_rules == decision::kApprove, verdict);
  }
  if (verdict.built_in) by_score = std::max<std::uint32_t>(by_score, decision::kRefer);
  verdict.decision = std::max(by_rules, by_score);
  if (verdict.explored) {
    const std::int64_t most = segment->cutoffs->exploration->amount_fen;
    verdict.amount_cap_fen = std::min(verdict.amount_cap_fen.value_or(most), most);
  }
  if (verdict.decision == decision::kApprove && verdict.amount_cap_fen) {
    apply_cap(*verdict.amount_cap_fen, requested_amount(release, registers), verdict);
  }
  if (!release.explores()) return;
  const bool may_be_approved = by_rules == decision::kApprove && !verdict.built_in;
  verdict.propensity =
      may_be_approved
          ? verdict.propensity.value_or(verdict.by_cutoffs == decision::kApprove ? 1.0 : 0.0)
          : 0.0;
}

}  // namespace fenqi::engine
