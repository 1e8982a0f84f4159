#include "engine/response.h"

#include <algorithm>
#include <cstdio>

#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

namespace answer = contract::score_response;

void write_text(wire::MessageWriter& writer, std::uint32_t number, std::string_view text) {
  if (!text.empty()) writer.string(number, text);
}

// A failed condition names what failed, in memory of the stack: failures may be frequent.
void write_failed_hit(wire::MessageWriter& writer, const Release& release, const Rule& rule,
                      const Hit& hit, const Value& condition) {
  const program::Place& place = release.program().places()[condition.place];
  char detail[512];
  const int size = std::snprintf(detail, sizeof detail, "%s at %s:%u:%u (%s)",
                                 program::error_text(condition.error), place.file.c_str(),
                                 place.line, place.column, place.owner.c_str());
  const auto used = std::min(static_cast<std::size_t>(size), sizeof detail - 1);
  write_hit(writer, rule, hit.action, hit.cause, {detail, used});
}

// Share of the row's slots that hold something, those of request id and stage left out.
double coverage(const Release& release, std::span<const Value> registers) {
  const std::uint32_t slots = release.row().slot_count();
  std::uint32_t known = 0;
  std::uint32_t counted = 0;
  for (std::uint32_t i = 0; i < slots; ++i) {
    if (i == release.row().request_id_slot() || i == release.row().stage_slot()) continue;
    ++counted;
    known += registers[i].is_missing() ? 0 : 1;
  }
  return counted == 0 ? 1.0 : static_cast<double>(known) / counted;
}

}  // namespace

void write_hit(wire::MessageWriter& writer, const Rule& rule, std::uint32_t action,
               std::uint32_t cause, std::string_view detail) {
  const auto hit = writer.begin(answer::kRuleHits);
  writer.string(contract::rule_hit::kRuleId, rule.id);
  writer.uint(contract::rule_hit::kAction, action);
  writer.uint(contract::rule_hit::kCause, cause);
  write_text(writer, contract::rule_hit::kReasonCode, rule.reason_code);
  write_text(writer, contract::rule_hit::kDetail, detail);
  writer.end(hit);
}

void write_response(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const ModelOpinion* opinion,
                    const Verdict& verdict) {
  const Value& request_id = registers[release.row().request_id_slot()];
  if (request_id.is_ok()) write_text(writer, answer::kRequestId, request_id.text());
  writer.uint(answer::kDecision, verdict.decision);
  if (opinion != nullptr) {
    writer.number64(answer::kScore, opinion->score);
    writer.number64(answer::kProbabilityOfDefault, opinion->probability);
  }
  for (std::size_t i = 0; i < verdict.sub_score_count; ++i) {
    const auto part = writer.begin(answer::kSubScores);
    writer.uint(contract::sub_score::kDimension, verdict.sub_scores[i].dimension);
    writer.number64(contract::sub_score::kScore, verdict.sub_scores[i].score);
    writer.end(part);
  }
  for (const Hit& hit : verdict.hits) {
    const Rule& rule = release.rules()[hit.rule];
    switch (hit.cause) {
      case contract::rule_cause::kTrue:
        writer.raw(rule.hit_when_true);
        break;
      case contract::rule_cause::kMissing:
        writer.raw(rule.hit_when_missing);
        break;
      default:
        write_failed_hit(writer, release, rule, hit, registers[rule.condition]);
        break;
    }
  }
  for (std::size_t i = 0; i < verdict.reason_count; ++i) {
    writer.raw(release.encoded_reason(verdict.reasons[i]));
  }
  writer.raw(release.encoded_release());
  writer.number64(answer::kDataCoverage, coverage(release, registers));
}

}  // namespace fenqi::engine
