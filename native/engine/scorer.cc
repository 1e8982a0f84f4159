#include "engine/scorer.h"

#include <cmath>
#include <limits>

#include "engine/engine.h"
#include "engine/response.h"
#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::engine {
namespace {

std::int64_t now_ns() {
  return std::chrono::steady_clock::now().time_since_epoch() / std::chrono::nanoseconds(1);
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

float to_float(const Value& value) {
  if (!value.is_ok()) return std::numeric_limits<float>::quiet_NaN();
  switch (value.kind) {
    case Kind::kBool:
      return value.b ? 1.0f : 0.0f;
    case Kind::kInt:
      return static_cast<float>(value.i);
    case Kind::kUint:
      return static_cast<float>(value.u);
    default:
      return static_cast<float>(value.d);
  }
}

std::int64_t to_int64(const Value& value, std::int64_t missing) {
  if (!value.is_ok()) return missing;
  return value.kind == Kind::kBool ? (value.b ? 1 : 0) : value.i;
}

}  // namespace

// Scratch that belongs to one release: its registers with the constants in place, and a run of
// each model with its tensors bound.
struct Scorer::Workspace {
  std::shared_ptr<const Release> release;
  std::vector<Value> registers;
  std::vector<std::uint32_t> counters;
  std::vector<models::OnnxRun> runs;
  std::vector<ModelOpinion> opinions;
  std::vector<std::vector<double>> contributions;
  std::vector<double> by_reason;

  const ModelOpinion* deciding() const { return opinions.empty() ? nullptr : &opinions.front(); }
};

Scorer::Scorer(Engine& engine) : engine_(engine), histograms_(engine.add_histograms()) {}

Scorer::~Scorer() = default;

// Takes up what was published since the last request.
Status Scorer::follow_release() {
  const std::uint64_t generation = engine_.generation();
  if (generation == generation_) [[likely]] {
    return {};
  }
  auto workspace = std::make_unique<Workspace>();
  workspace->release = engine_.release();
  const Release& release = *workspace->release;
  workspace->registers.resize(release.program().register_count());
  release.program().load_constants(workspace->registers);
  workspace->counters.resize(release.row().counter_count());
  workspace->by_reason.resize(release.reason_count());
  for (const ModelSlot& slot : release.models()) {
    auto run = models::OnnxRun::create(slot.model);
    if (!run.ok()) return run.status();
    workspace->runs.push_back(std::move(run.value()));
    workspace->contributions.emplace_back(slot.contributions.size());
    workspace->opinions.push_back({0.0, 0.0, 0.0, workspace->contributions.back()});
  }
  workspace_ = std::move(workspace);
  generation_ = generation;
  return {};
}

Status Scorer::run_model(std::size_t i) {
  Workspace& w = *workspace_;
  const ModelSlot& slot = w.release->models()[i];
  models::OnnxRun& run = w.runs[i];
  for (std::size_t t = 0; t < slot.inputs.size(); ++t) {
    const InputBinding& binding = slot.inputs[t];
    switch (slot.model->inputs()[t].type) {
      case models::ElementType::kInt64: {
        const std::span<std::int64_t> tensor = run.int64s(t);
        for (std::size_t c = 0; c < tensor.size(); ++c) {
          tensor[c] = to_int64(w.registers[binding.registers[c]], binding.missing_int);
        }
        break;
      }
      case models::ElementType::kString:
        for (std::size_t c = 0; c < binding.registers.size(); ++c) {
          const Value& value = w.registers[binding.registers[c]];
          run.set_string(t, c, value.is_ok() ? value.text() : std::string_view());
        }
        break;
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
  const double raw = run.output(0, run.output_width(0) - 1);
  const double margin = slot.gives_probability ? models::log_odds(raw) : raw;
  if (!std::isfinite(margin)) {
    return error(StatusCode::kInternal,
                 "model " + slot.name + "/" + slot.version + " gave no finite number");
  }
  ModelOpinion& opinion = w.opinions[i];
  opinion.log_odds = slot.calibration.log_odds(margin);
  opinion.probability = models::probability(opinion.log_odds);
  opinion.score = slot.score_scale.score(opinion.log_odds);
  for (std::size_t c = 0; c < w.contributions[i].size(); ++c) {
    w.contributions[i][c] = run.output(1, c);
  }
  if (slot.probability_register != kNone) {
    w.registers[slot.probability_register] = Value::of_double(opinion.probability);
  }
  if (slot.score_register != kNone) {
    w.registers[slot.score_register] = Value::of_double(opinion.score);
  }
  return {};
}

// From bytes to registers and opinions.
Status Scorer::evaluate(std::span<const std::uint8_t> request, Timings& timings) {
  if (engine_.generation() == 0) {
    return error(StatusCode::kFailedPrecondition, "no release has been published yet");
  }
  if (Status s = follow_release(); !s.ok()) return s;
  Workspace& w = *workspace_;
  const Release& release = *w.release;
  arena_.reset();
  StageClock clock(timings);
  const std::span<Value> registers = w.registers;
  if (Status s =
          release.row().read(request, registers.first(release.row().slot_count()), w.counters);
      !s.ok()) {
    return s;
  }
  clock.spent_in(Stage::kRead);
  Budget budget(program::kWorkOfRequest);
  Scratch scratch{arena_, budget};
  release.program().run_before_models(registers, request, scratch, patterns_);
  clock.spent_in(Stage::kProgram);
  for (std::size_t i = 0; i < w.runs.size(); ++i) {
    if (Status s = run_model(i); !s.ok()) return s;
  }
  clock.spent_in(Stage::kModel);
  release.program().run_after_models(registers, request, scratch, patterns_);
  clock.spent_in(Stage::kProgram);
  return {};
}

// From registers and opinions to an answer.
void Scorer::answer(Timings& timings) {
  Workspace& w = *workspace_;
  const Release& release = *w.release;
  const std::int64_t before = timings[static_cast<std::size_t>(Stage::kTotal)];
  StageClock clock(timings);
  const Value& stage = w.registers[release.row().stage_slot()];
  decide(release, w.registers,
         stage.is_ok() ? static_cast<std::uint32_t>(stage.i) : contract::stage::kApplication,
         w.deciding(), verdict_);
  clock.spent_in(Stage::kProgram);
  explain(release, w.deciding(), w.by_reason, verdict_);
  if (w.deciding() != nullptr) {
    split_score(release.models().front(), *w.deciding(), verdict_);
  } else {
    verdict_.sub_score_count = 0;
  }
  clock.spent_in(Stage::kReasons);
  writer_.clear();
  write_response(writer_, release, w.registers, w.deciding(), verdict_);
  clock.spent_in(Stage::kWrite);
  timings[static_cast<std::size_t>(Stage::kTotal)] += before;
}

Outcome Scorer::score(std::span<const std::uint8_t> request) {
  Outcome outcome;
  outcome.status = evaluate(request, outcome.timings);
  if (!outcome.status.ok()) return outcome;
  answer(outcome.timings);
  outcome.response = writer_.bytes();
  for (std::size_t i = 0; i < kStageCount; ++i) {
    (*histograms_)[i].record(static_cast<std::uint64_t>(outcome.timings[i]));
  }
  return outcome;
}

Outcome Scorer::score_batch(std::span<const std::uint8_t> request) {
  namespace batch = contract::score_batch_request;
  Outcome outcome;
  batch_writer_.clear();
  wire::MessageReader reader(request);
  for (std::uint32_t count = 0; reader.next();) {
    if (reader.number() != batch::kRequests) continue;
    if (reader.type() != wire::WireType::kLength) {
      outcome.status = invalid_field("requests[" + std::to_string(count) + "]",
                                     "has another type on the wire than the contract gives it");
      return outcome;
    }
    if (++count > kMostBatched) {
      outcome.status =
          invalid_field("requests", "has more than " + std::to_string(kMostBatched) + " entries");
      return outcome;
    }
    const Outcome one = score(reader.payload());
    write_result(one);
    for (std::size_t i = 0; i < kStageCount; ++i) outcome.timings[i] += one.timings[i];
  }
  if (!reader.ok()) {
    outcome.status =
        error(StatusCode::kInvalidArgument,
              "the request is damaged or cut short at byte " + std::to_string(reader.offset()));
    return outcome;
  }
  outcome.response = batch_writer_.bytes();
  return outcome;
}

void Scorer::write_result(const Outcome& one) {
  const auto result = batch_writer_.begin(contract::score_batch_response::kResults);
  if (one.status.ok()) {
    const auto response = batch_writer_.begin(contract::score_result::kResponse);
    batch_writer_.raw(one.response);
    batch_writer_.end(response);
  } else {
    const auto failure = batch_writer_.begin(contract::score_result::kError);
    batch_writer_.uint(contract::score_error::kCode, static_cast<std::uint64_t>(one.status.code));
    batch_writer_.string(contract::score_error::kMessage, one.status.message);
    if (!one.status.violations.empty()) {
      batch_writer_.string(contract::score_error::kField, one.status.violations.front().field);
    }
    batch_writer_.end(failure);
  }
  batch_writer_.end(result);
}

Scorer::Trace Scorer::trace(std::span<const std::uint8_t> request) {
  Timings timings{};
  Trace trace;
  trace.status = evaluate(request, timings);
  if (trace.status.ok()) {
    trace.release = workspace_->release;
    trace.registers = workspace_->registers;
  }
  return trace;
}

}  // namespace fenqi::engine
