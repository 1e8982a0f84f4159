#include "engine/decider.h"

#include <chrono>
#include <cmath>

#include "engine/response.h"
#include "fenqi/contract.h"
#include "quoting/drawdown.h"

namespace fenqi::engine {
namespace {

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
}

std::int64_t wall_clock_seconds() {
  return std::chrono::system_clock::now().time_since_epoch() / std::chrono::seconds(1);
}

// Measures stages that follow one another.
class StageClock {
 public:
  explicit StageClock(Timings& timings) : timings_(timings), start_(now_ns()), last_(start_) {}

  // The time since the last call went into `stage`.
  void spent_in(Stage stage) {
    const std::int64_t now = now_ns();
    timings_[static_cast<std::size_t>(stage)] += now - last_;
    timings_[static_cast<std::size_t>(Stage::kTotal)] = now - start_;
    last_ = now;
  }

 private:
  Timings& timings_;
  std::int64_t start_;
  std::int64_t last_;
};

// Whole numbers are rounded once, not by way of a double.
float to_float(const Value& value) {
  if (value.is_ok() && value.kind == Kind::kInt) return static_cast<float>(value.i);
  if (value.is_ok() && value.kind == Kind::kUint) return static_cast<float>(value.u);
  return static_cast<float>(number_of(value));
}

std::int64_t to_int64(const Value& value) {
  return value.kind == Kind::kBool ? (value.b ? 1 : 0) : value.i;
}

}  // namespace

// What the program's first part says of how to go on: whether anybody is scored, and by whom.
void Decider::assess() {
  Workspace& w = *workspace_;
  const Release& release = *w.release;
  assessment_ = {};
  if (release.skip_register() != kNone) {
    const Value& skip = w.registers[release.skip_register()];
    assessment_.is_scored = !(skip.is_ok() && skip.b);
  }
  if (release.segment_register() == kNone) {
    assessment_.segment = release.segments().empty() ? kNone : 0;
  } else {
    const Value& segment = w.registers[release.segment_register()];
    if (segment.is_ok() && static_cast<std::uint64_t>(segment.i) < release.segments().size()) {
      assessment_.segment = static_cast<std::uint32_t>(segment.i);
    }
  }
  for (const ModelSlot& slot : release.models()) {
    w.registers[slot.probability_register] = w.registers[slot.score_register] = Value();
  }
  if (release.scored_register() != kNone) {
    w.registers[release.scored_register()] = assessment_.is_scored ? Value::of_bool(true) : Value();
  }
}

Status Decider::run_model(std::uint32_t i) {
  Workspace& w = *workspace_;
  const ModelSlot& slot = w.release->models()[i];
  models::ModelRun& run = w.runs[i];
  for (std::size_t t = 0; t < slot.inputs.size(); ++t) {
    const InputBinding& binding = slot.inputs[t];
    switch (slot.model->inputs()[t].type) {
      case models::ElementType::kInt64:
      case models::ElementType::kBool: {
        const std::span<std::int64_t> tensor = run.int64s(t);
        for (std::size_t c = 0; c < tensor.size(); ++c) {
          const Value& value = w.registers[binding.registers[c]];
          // Its outputs stay missing: whoever rests on them is referred.
          if (!value.is_ok() && !binding.missing_int) return {};
          tensor[c] = value.is_ok() ? to_int64(value) : *binding.missing_int;
        }
        break;
      }
      case models::ElementType::kString:
        for (std::size_t c = 0; c < binding.registers.size(); ++c) {
          const Value& value = w.registers[binding.registers[c]];
          run.set_string(t, c, value.is_ok() ? value.text() : std::string_view());
        }
        break;
      case models::ElementType::kDouble: {
        const std::span<double> tensor = run.doubles(t);
        for (std::size_t c = 0; c < tensor.size(); ++c) {
          tensor[c] = number_of(w.registers[binding.registers[c]]);
        }
        break;
      }
      default: {
        const std::span<float> tensor = run.floats(t);
        for (std::size_t c = 0; c < tensor.size(); ++c) {
          tensor[c] = to_float(w.registers[binding.registers[c]]);
        }
        break;
      }
    }
  }
  if (Status s = run.run(); !s.ok()) return s;
  const double margin = slot.margin.of(run);
  if (!std::isfinite(margin)) {
    return error(StatusCode::kInternal,
                 "model " + slot.name + "/" + slot.version + " gave no finite number");
  }
  w.margins[i] = margin;
  const double log_odds = slot.calibration.log_odds(margin);
  w.registers[slot.probability_register] = Value::of_double(models::probability(log_odds));
  w.registers[slot.score_register] = Value::of_double(slot.score_scale.score(log_odds));
  return {};
}

// What the deciding model or scorecard says, where it says anything.
void Decider::take_opinion() {
  Workspace& w = *workspace_;
  const Release& release = *w.release;
  const Segment* const segment = assessment_.segment_of(release);
  if (segment == nullptr || segment->decided_by.empty() || !assessment_.is_scored) return;
  const bool by_card = segment->scorecard != kNone;
  const Scorecard* const card = by_card ? &release.scorecards()[segment->scorecard] : nullptr;
  const ModelSlot* const slot = by_card ? nullptr : &release.models()[segment->model];
  const Value& score = w.registers[by_card ? card->score_register : slot->score_register];
  const Value& probability =
      w.registers[by_card ? card->probability_register : slot->probability_register];
  if (!score.is_ok() || !probability.is_ok()) return;
  const auto& contributions = by_card ? card->contributions : slot->contributions;
  w.opinion = {probability.d, score.d, std::span(w.parts).first(contributions.size()),
               contributions};
  assessment_.opinion = &w.opinion;
}

// Fills the opinion's parts, where the answer says anything that rests on them.
Status Decider::explain_opinion() {
  if (assessment_.opinion == nullptr || !are_parts_read(*assessment_.opinion, verdict_)) return {};
  Workspace& w = *workspace_;
  const Segment& segment = *assessment_.segment_of(*w.release);
  if (segment.scorecard == kNone) {
    const std::span<double> parts = std::span(w.parts).first(w.opinion.parts.size());
    return w.explanations[segment.model]->explain(w.runs[segment.model], w.margins[segment.model],
                                                  parts);
  }
  const Scorecard& card = w.release->scorecards()[segment.scorecard];
  for (std::size_t i = 0; i < card.attributes.size(); ++i) {
    const Scorecard::Attribute& attribute = card.attributes[i];
    w.parts[i] = attribute.reference_points - w.registers[attribute.points_register].d;
  }
  return {};
}

// From bytes to registers and an opinion.
Status Decider::evaluate(Workspace& workspace, std::span<const std::uint8_t> request,
                         std::optional<std::int64_t> clock_seconds, Timings& timings) {
  workspace_ = &workspace;
  Workspace& w = workspace;
  const Release& release = *w.release;
  arena_.reset();
  StageClock clock(timings);
  const std::span<Value> registers = w.registers;
  if (Status s =
          release.row().read(request, registers.first(release.row().slot_count()), w.counters);
      !s.ok()) {
    return s;
  }
  if (const std::uint32_t slot = release.row().decided_at_slot();
      slot != wire::RowTable::kNone && registers[slot].is_missing()) {
    registers[slot] = Value::of_int(clock_seconds ? *clock_seconds : wall_clock_seconds());
  }
  clock.spent_in(Stage::kRead);
  Budget budget(program::kWorkOfRequest);
  Scratch scratch{arena_, budget};
  release.program().run_before_models(registers, request, scratch, patterns_);
  clock.spent_in(Stage::kProgram);
  assess();
  for (const std::uint32_t i : assessment_.route_of(release).models) {
    if (Status s = run_model(i); !s.ok()) return s;
  }
  clock.spent_in(Stage::kModel);
  release.program().run_after_models(registers, request, scratch, patterns_);
  take_opinion();
  clock.spent_in(Stage::kProgram);
  return {};
}

// What is wrong with the acknowledgement that a drawdown needs; null where nothing is.
const char* Decider::unacknowledged(std::span<const std::uint8_t> request,
                                    std::uint32_t stage) const {
  const Workspace& w = *workspace_;
  const std::optional<Drawdown>& drawdown = w.release->drawdown();
  if (!drawdown || stage != contract::stage::kDrawdown) return nullptr;
  const std::int64_t decided_at = w.registers[w.release->row().decided_at_slot()].i;
  return quoting::acknowledgement_fault(
      request, decided_at, key_, {drawdown->minimum_reading_seconds, drawdown->valid_seconds});
}

// From registers and an opinion to an answer.
Status Decider::answer(std::span<const std::uint8_t> request, Timings& timings) {
  Workspace& w = *workspace_;
  const Release& release = *w.release;
  const std::int64_t before = timings[static_cast<std::size_t>(Stage::kTotal)];
  StageClock clock(timings);
  const Value& asked = w.registers[release.row().stage_slot()];
  const std::uint32_t stage =
      asked.is_ok() ? static_cast<std::uint32_t>(asked.i) : contract::stage::kApplication;
  engine::decide(release, w.registers, stage, assessment_, unacknowledged(request, stage),
                 verdict_);
  clock.spent_in(Stage::kProgram);
  offering_.clear();
  std::span<offers::Row> rows;
  if (release.offer_plan() != nullptr) {
    seek_offers(release, w.registers, stage, assessment_, *w.search, verdict_, offering_);
    rows = w.search->rows;
    clock.spent_in(Stage::kOffers);
  }
  if (Status s = explain_opinion(); !s.ok()) return s;
  explain(release, assessment_, w.reasons, verdict_);
  split_score(release, assessment_, verdict_);
  clock.spent_in(Stage::kReasons);
  writer_.clear();
  write_response(writer_, release, w.registers, assessment_, verdict_, offering_, rows);
  clock.spent_in(Stage::kWrite);
  timings[static_cast<std::size_t>(Stage::kTotal)] += before;
  return {};
}

Outcome Decider::decide(Workspace& workspace, std::span<const std::uint8_t> request,
                        std::optional<std::int64_t> clock_seconds) {
  Outcome outcome;
  outcome.status = evaluate(workspace, request, clock_seconds, outcome.timings);
  if (!outcome.status.ok()) return outcome;
  outcome.status = answer(request, outcome.timings);
  if (!outcome.status.ok()) return outcome;
  outcome.response = writer_.bytes();
  return outcome;
}

Summary Decider::summary() const {
  Summary summary;
  summary.decision = verdict_.decision;
  if (assessment_.opinion == nullptr) return summary;
  summary.model = assessment_.segment_of(*workspace_->release)->model;
  summary.is_scored = true;
  summary.probability = assessment_.opinion->probability;
  summary.score = assessment_.opinion->score;
  return summary;
}

std::int64_t Decider::decided_at() const {
  const std::uint32_t slot = workspace_->release->row().decided_at_slot();
  return slot == wire::RowTable::kNone ? wall_clock_seconds() : workspace_->registers[slot].i;
}

}  // namespace fenqi::engine
