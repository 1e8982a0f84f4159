#include "engine/response.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include "engine/instalments.h"
#include "fenqi/contract.h"

namespace fenqi::engine {
namespace {

namespace answer = contract::score_response;
namespace action = contract::rule_action;
namespace cause = contract::rule_cause;

void write_text(wire::MessageWriter& writer, std::uint32_t number, std::string_view text) {
  if (!text.empty()) writer.string(number, text);
}

// A sentence in memory of the stack: what fails may fail often.
class Detail {
 public:
  template <typename... Arguments>
  explicit Detail(const char* format, Arguments... arguments) {
    const int size = std::snprintf(text_, sizeof text_, format, arguments...);
    size_ = std::min(static_cast<std::size_t>(size), sizeof text_ - 1);
    // No half of a character at a cut.
    while (size_ == sizeof text_ - 1 && size_ > 0 && (text_[size_ - 1] & 0x80) != 0) --size_;
  }

  std::string_view text() const { return {text_, size_}; }

 private:
  char text_[512];
  std::size_t size_ = 0;
};

Detail describe(const Release& release, const Value& failed) {
  const program::Place& place = release.program().places()[failed.place];
  return Detail("%s at %s:%u:%u (%s)", program::error_text(failed.error), place.file.c_str(),
                place.line, place.column, place.owner.c_str());
}

void write_rule_hit(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const Hit& hit) {
  const Rule& rule = release.rules()[hit.rule];
  if (hit.cause == cause::kTrue) {
    if (hit.action == action::kCap) {
      write_hit(writer, {rule.id, rule.reason_code, {}}, hit.action, hit.cause, hit.cap_fen);
    } else {
      writer.raw(rule.hit_when_true);
    }
  } else if (hit.cause == cause::kMissing) {
    writer.raw(rule.hit_when_missing);
  } else {
    const Detail detail = describe(release, registers[hit.failed]);
    write_hit(writer, {rule.id, rule.reason_code, detail.text()}, hit.action, hit.cause);
  }
}

// Names the first attribute that has no points.
void write_no_score(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const Segment& segment) {
  const char* const name = segment.decided_by.c_str();
  if (segment.scorecard != kNone) {
    for (const auto& attribute : release.scorecards()[segment.scorecard].attributes) {
      const Value& points = registers[attribute.points_register];
      if (points.is_ok()) continue;
      if (points.is_error()) {
        const Detail detail = describe(release, points);
        write_hit(writer, {"NO_SCORE", {}, detail.text()}, action::kRefer, cause::kError);
        return;
      }
      const Detail detail("scorecard %s: no bin of attribute %s takes its value", name,
                          attribute.name.c_str());
      write_hit(writer, {"NO_SCORE", {}, detail.text()}, action::kRefer, cause::kMissing);
      return;
    }
  }
  const Detail detail("%s gives no score", name);
  write_hit(writer, {"NO_SCORE", {}, detail.text()}, action::kRefer, cause::kMissing);
}

void write_built_in(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const Assessment& assessment,
                    BuiltInRule rule) {
  switch (rule) {
    case BuiltInRule::kNoSegment:
      write_hit(writer,
                {"NO_SEGMENT", {}, "the application falls in none of the segments, or in several"},
                action::kRefer, cause::kMissing);
      break;
    case BuiltInRule::kNoScore:
      write_no_score(writer, release, registers, *assessment.segment_of(release));
      break;
    case BuiltInRule::kAboveSubLimit: {
      const Cutoffs& cutoffs = *assessment.segment_of(release)->cutoffs;
      const Detail detail("an amount above %lld fen, or none named, goes to a person",
                          static_cast<long long>(cutoffs.refer_above_fen));
      write_hit(writer, {"ABOVE_SUB_LIMIT", cutoffs.refer_above_reason_code, detail.text()},
                action::kRefer, cause::kTrue);
      break;
    }
  }
}

// Share of the row's slots that hold something; what is no evidence about the applicant is left
// out.
double coverage(const Release& release, std::span<const Value> registers) {
  const wire::RowTable& row = release.row();
  std::uint32_t known = 0;
  std::uint32_t counted = 0;
  for (std::uint32_t i = 0; i < row.slot_count(); ++i) {
    if (i == row.request_id_slot() || i == row.stage_slot() || i == row.decided_at_slot() ||
        i == row.consents_slot()) {
      continue;
    }
    ++counted;
    known += registers[i].is_missing() ? 0 : 1;
  }
  return counted == 0 ? 1.0 : static_cast<double>(known) / counted;
}

void write_withheld(wire::MessageWriter& writer, const wire::RowTable& row,
                    std::span<const Value> registers) {
  if (row.gated_sources() == 0) return;
  const auto granted = static_cast<std::uint64_t>(registers[row.consents_slot()].i);
  std::uint64_t withheld = row.gated_sources() & ~granted;
  for (; withheld != 0; withheld &= withheld - 1) {
    writer.uint(answer::kWithheldSources, static_cast<std::uint64_t>(std::countr_zero(withheld)));
  }
}

// The offer with its plan, dated from the day of the decision where the calendar has that day.
void write_offer(wire::MessageWriter& writer, const OfferPlan& plan, const offers::Found& found,
                 offers::Date disbursed, std::span<offers::Row> rows) {
  namespace field = contract::offer;
  const auto product = static_cast<std::size_t>(found.product);
  const offers::Product& candidates = plan.candidates[product];
  const offers::Loan loan = priced_loan(candidates, found, disbursed);
  const bool flat = found.method == offers::Method::kFlatFee;
  offers::Schedule schedule;
  // It was computed before, without dates or with them.
  if (!build_schedule(loan, candidates.charges, rows, {}, schedule).ok()) return;
  const auto offer = writer.begin(answer::kOffers);
  writer.string(field::kProduct, plan.products[product].code);
  writer.sint(field::kAmountFen, found.amount_fen);
  writer.sint(field::kTermMonths, found.term_months);
  writer.uint(field::kRepaymentMethod, static_cast<std::uint32_t>(found.method) + 1);
  write_rate(writer, field::kNominalAnnualRate, found.price.cost.nominal);
  write_rate(writer, field::kEffectiveAnnualRate, found.price.cost.effective);
  write_instalments(writer, field::kInstalments,
                    rows.first(static_cast<std::size_t>(schedule.rows)));
  write_rate(writer, flat ? field::kFlatRate : field::kAnnualRate, found.price.rate);
  write_number(writer, field::kReceivedFen, schedule.received_fen);
  write_number(writer, field::kPaidFen, schedule.paid_fen);
  write_number(writer, field::kInterestFen, schedule.interest_fen);
  write_number(writer, field::kChargesFen, schedule.charges_fen);
  if (disbursed != offers::kNoDate) writer.sint(field::kDisbursedDateDays, disbursed);
  writer.end(offer);
}

}  // namespace

void write_hit(wire::MessageWriter& writer, const HitTexts& texts, std::uint32_t act,
               std::uint32_t why, std::optional<std::int64_t> cap_fen) {
  const auto hit = writer.begin(answer::kRuleHits);
  writer.string(contract::rule_hit::kRuleId, texts.rule_id);
  writer.uint(contract::rule_hit::kAction, act);
  writer.uint(contract::rule_hit::kCause, why);
  write_text(writer, contract::rule_hit::kReasonCode, texts.reason_code);
  write_text(writer, contract::rule_hit::kDetail, texts.detail);
  if (cap_fen) writer.sint(contract::rule_hit::kCapFen, *cap_fen);
  writer.end(hit);
}

void write_response(wire::MessageWriter& writer, const Release& release,
                    std::span<const Value> registers, const Assessment& assessment,
                    const Verdict& verdict, const Offering& offering, std::span<offers::Row> rows) {
  const wire::RowTable& row = release.row();
  const Segment* const segment = assessment.segment_of(release);
  const Value& request_id = registers[row.request_id_slot()];
  if (request_id.is_ok()) write_text(writer, answer::kRequestId, request_id.text());
  writer.uint(answer::kDecision, verdict.decision);
  if (assessment.opinion != nullptr) {
    writer.number64(answer::kScore, assessment.opinion->score);
    writer.number64(answer::kProbabilityOfDefault, assessment.opinion->probability);
  }
  for (std::size_t i = 0; i < verdict.sub_score_count; ++i) {
    const auto part = writer.begin(answer::kSubScores);
    writer.uint(contract::sub_score::kDimension, verdict.sub_scores[i].dimension);
    writer.number64(contract::sub_score::kScore, verdict.sub_scores[i].score);
    writer.end(part);
  }
  for (const Hit& hit : verdict.hits) write_rule_hit(writer, release, registers, hit);
  if (verdict.built_in) {
    write_built_in(writer, release, registers, assessment, *verdict.built_in);
  }
  if (verdict.unacknowledged != nullptr) {
    const Drawdown& drawdown = *release.drawdown();
    write_hit(writer, {"NO_ACKNOWLEDGEMENT", drawdown.reason_code, verdict.unacknowledged},
              drawdown.action, cause::kTrue);
  }
  for (std::size_t i = 0; i < verdict.reason_count; ++i) {
    writer.raw(release.reasons()[verdict.reasons[i]].encoded);
  }
  writer.raw(assessment.route_of(release).encoded_release);
  for (std::size_t i = 0; i < offering.count; ++i) {
    write_offer(writer, *release.offer_plan(), offering.found[i], offering.disbursed, rows);
  }
  writer.number64(answer::kDataCoverage, coverage(release, registers));
  if (segment != nullptr) write_text(writer, answer::kSegment, segment->name);
  if (assessment.opinion != nullptr) writer.string(answer::kDecidedBy, segment->decided_by);
  if (verdict.amount_cap_fen) writer.sint(answer::kAmountCapFen, *verdict.amount_cap_fen);
  if (verdict.explored) writer.uint(answer::kExplored, 1);
  if (verdict.propensity) writer.number64(answer::kPropensity, *verdict.propensity);
  write_withheld(writer, row, registers);
  if (row.decided_at_slot() != wire::RowTable::kNone) {
    writer.sint(answer::kDecidedAtSeconds, registers[row.decided_at_slot()].i);
  }
  if (offering.limit_binding != 0) writer.uint(answer::kLimitBinding, offering.limit_binding);
  for (std::size_t i = 0; i < offering.help_count; ++i) {
    writer.uint(answer::kWhatWouldHelp, offering.help[i]);
  }
}

}  // namespace fenqi::engine
