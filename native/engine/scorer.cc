#include "engine/scorer.h"

#include "engine/engine.h"
#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::engine {
namespace {

// Why there is nothing to answer with. `generation`: of the engine.
Status nothing_published(std::uint64_t generation) {
  return generation == 0
             ? error(StatusCode::kFailedPrecondition, "no release has been published yet")
             : error(StatusCode::kInternal, "the release cannot be run by this thread");
}

// Of the requests that a release answers, one in so many has its columns counted; of the champion's
// it is also scored by the canary.
constexpr std::uint64_t kSampleEvery = 16;

}  // namespace

Scorer::Scorer(Engine& engine, std::function<void()> wake)
    : engine_(engine),
      seat_(engine.take_seat(std::move(wake))),
      decider_(engine.acknowledgement_key()) {}

Scorer::~Scorer() {
  engine_.give_up_seat(*seat_);
}

void Scorer::follow() {
  if (seat_->next.load(std::memory_order_relaxed) == nullptr) [[likely]] {
    return;
  }
  std::unique_ptr<Outfit> replaced(seat_->next.exchange(nullptr, std::memory_order_acq_rel));
  outfit_.swap(replaced);
  if (replaced != nullptr) engine_.reclaimer().take(std::move(replaced));
}

bool Scorer::is_for_canary(std::span<const std::uint8_t> request) const {
  return outfit_->canary != nullptr &&
         outfit_->publication->is_for_canary(customer_key_of(request));
}

Outcome Scorer::score(std::span<const std::uint8_t> request) {
  follow();
  if (outfit_ == nullptr) return {nothing_published(engine_.generation()), {}, {}};
  const bool by_canary = is_for_canary(request);
  Outcome outcome = answer(request, by_canary);
  if (by_canary && outcome.status.code == StatusCode::kInternal) {
    const Timings in_vain = outcome.timings;
    outcome = answer(request, false);
    for (std::size_t i = 0; i < kStageCount; ++i) outcome.timings[i] += in_vain[i];
  }
  if (!outcome.status.ok()) return outcome;
  for (std::size_t i = 0; i < kStageCount; ++i) {
    (*seat_->histograms)[i].record(static_cast<std::uint64_t>(outcome.timings[i]));
  }
  return outcome;
}

// By one release, and counted for it.
Outcome Scorer::answer(std::span<const std::uint8_t> request, bool by_canary) {
  Workspace& workspace = by_canary ? *outfit_->canary : *outfit_->champion;
  Outcome outcome = decider_.decide(workspace, request);
  const Summary summary = outcome.status.ok() ? decider_.summary() : Summary();
  (by_canary ? outfit_->canary_counters : outfit_->champion_counters)
      ->count(*workspace.release, outcome, summary);
  if (outfit_->ring != nullptr) observe(request, outcome.status, by_canary, summary);
  return outcome;
}

// Leaves the request to the observer, as far as somebody is to be compared on it.
void Scorer::observe(std::span<const std::uint8_t> request, const Status& status, bool by_canary,
                     const Summary& summary) {
  // A request that cannot be read compares nobody.
  if (!status.ok() && status.code != StatusCode::kInternal) return;
  const Publication& publication = *outfit_->publication;
  const bool is_sample = answered_[by_canary ? 1 : 0]++ % kSampleEvery == 0;
  Observation observation;
  observation.publication = publication.number;
  observation.summary = summary;
  observation.by_canary = by_canary;
  observation.for_shadows = !by_canary && !publication.shadows.empty();
  observation.for_canary = is_sample && !by_canary && publication.canary != nullptr;
  observation.for_columns = is_sample && publication.has_columns;
  if (!by_canary && !observation.for_shadows && !observation.for_canary &&
      !observation.for_columns) {
    return;
  }
  if (status.ok()) {
    observation.decided_at = decider_.decided_at();
    if (outfit_->ring->push(observation, request)) return;
  }
  publication.miss(observation);
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
  follow();
  Trace trace;
  if (outfit_ == nullptr) {
    trace.status = nothing_published(engine_.generation());
    return trace;
  }
  Workspace& workspace = is_for_canary(request) ? *outfit_->canary : *outfit_->champion;
  Timings timings{};
  trace.status = decider_.evaluate(workspace, request, std::nullopt, timings);
  if (trace.status.ok()) {
    trace.release = workspace.release;
    trace.registers = workspace.registers;
  }
  return trace;
}

}  // namespace fenqi::engine
