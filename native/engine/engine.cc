#include "engine/engine.h"

#include <utility>

#include "base/low_priority.h"

namespace fenqi::engine {
namespace {

// Lets a release go to the reclaimer, by whomever it is let go.
struct HeldRelease final : Reclaimable {
  std::shared_ptr<const Release> release;
};

std::shared_ptr<const Release> freed_by(const std::shared_ptr<Reclaimer>& reclaimer,
                                        std::shared_ptr<const Release> release) {
  auto held = std::make_unique<HeldRelease>();
  held->release = std::move(release);
  const Release* const plain = held->release.get();
  return {plain, [reclaimer, owner = held.release()](const Release*) {
            reclaimer->take(std::unique_ptr<Reclaimable>(owner));
          }};
}

}  // namespace

Engine::Engine(std::optional<quoting::AcknowledgementKey> key)
    : acknowledgement_key_(key), observer_(acknowledgement_key()) {}

Engine::~Engine() {
  reclaimer_->stop();
}

Result<std::shared_ptr<const Release>> Engine::load(std::span<const std::uint8_t> image,
                                                    const std::string& onnxruntime_library) {
  reclaimer_->start();
  Result<std::shared_ptr<const Release>> loaded = Status();
  run_at_low_priority([&] {
    reclaimer_->free_all();
    std::shared_ptr<const models::OnnxRuntime> runtime;
    if (!onnxruntime_library.empty()) {
      auto opened = models::OnnxRuntime::load(onnxruntime_library);
      if (!opened.ok()) {
        loaded = opened.status();
        return;
      }
      runtime = std::move(opened.value());
    }
    loaded = Release::load(image, std::move(runtime));
  });
  if (loaded.ok()) loaded = freed_by(reclaimer_, std::move(loaded.value()));
  return loaded;
}

Readiness Engine::prepare(const std::shared_ptr<const Release>& release,
                          std::vector<Bytes> requests, double budget_us) {
  Readiness report;
  run_at_low_priority(
      [&] { report = measure_readiness(release, requests, budget_us, acknowledgement_key()); });
  auto warm_up = std::make_shared<const std::vector<Bytes>>(std::move(requests));
  const std::lock_guard lock(deploying_);
  warm_up_ = std::move(warm_up);
  return report;
}

Status Engine::deploy(Deployment deployment) {
  if (Status s = deployment.check(); !s.ok()) return s;
  reclaimer_->start();
  const std::lock_guard deploying(deploying_);
  std::shared_ptr<const Publication> previous = publication();
  const auto next =
      std::make_shared<const Publication>(generation() + 1, std::move(deployment), previous.get());
  std::vector<std::unique_ptr<Outfit>> outfits;
  Status made;
  run_at_low_priority([&] {
    reclaimer_->free_all();
    for (const auto& seat : seats_) {
      auto outfit = make_outfit(next, *seat);
      if (!outfit.ok()) {
        made = outfit.status();
        return;
      }
      outfits.push_back(std::move(outfit.value()));
    }
  });
  if (!made.ok()) return made;
  {
    const std::lock_guard lock(mutex_);
    publication_ = next;
  }
  generation_.store(next->number, std::memory_order_release);
  for (std::size_t i = 0; i < seats_.size(); ++i) hand_over(*seats_[i], std::move(outfits[i]));
  observer_.follow(next, rings());
  return {};
}

void Engine::publish(std::shared_ptr<const Release> release) {
  const Status published = deploy({std::move(release), std::nullopt, {}});
  static_cast<void>(published);
}

// On the calling thread. The scorer's own scratch is not touched, for that is its thread's.
Result<std::unique_ptr<Outfit>> Engine::make_outfit(
    const std::shared_ptr<const Publication>& publication, Seat& seat) {
  auto outfit = Outfit::create(publication, seat);
  if (!outfit.ok()) return outfit;
  Decider decider(acknowledgement_key());
  for (Workspace* const workspace :
       {outfit.value()->champion.get(), outfit.value()->canary.get()}) {
    if (workspace == nullptr) continue;
    for (const Bytes& request : *warm_up_) {
      // What it answers is of no interest here.
      static_cast<void>(decider.decide(*workspace, request).status.ok());
    }
  }
  return outfit;
}

void Engine::hand_over(Seat& seat, std::unique_ptr<Outfit> outfit) {
  std::unique_ptr<Outfit> skipped(seat.next.exchange(outfit.release(), std::memory_order_acq_rel));
  if (skipped != nullptr) reclaimer_->take(std::move(skipped));
  if (seat.wake) seat.wake();
}

std::vector<std::shared_ptr<ObservationRing>> Engine::rings() const {
  std::vector<std::shared_ptr<ObservationRing>> rings;
  for (const auto& seat : seats_) {
    if (seat->ring != nullptr) rings.push_back(seat->ring);
  }
  return rings;
}

std::shared_ptr<const Publication> Engine::publication() const {
  const std::lock_guard lock(mutex_);
  return publication_;
}

std::shared_ptr<const Release> Engine::release() const {
  const std::lock_guard lock(mutex_);
  return publication_ == nullptr ? nullptr : publication_->deployment.champion;
}

// Under the lock, so that a caller who answers requests never is the last to hold a publication.
std::shared_ptr<const Release> Engine::release_for(std::string_view customer_key) const {
  const std::lock_guard lock(mutex_);
  if (publication_ == nullptr) return nullptr;
  const Deployment& deployment = publication_->deployment;
  return publication_->is_for_canary(customer_key) ? deployment.canary->release
                                                   : deployment.champion;
}

DeploymentReport Engine::traffic() const {
  DeploymentReport report;
  const std::shared_ptr<const Publication> now = publication();
  if (now == nullptr) return report;
  report.number = now->number;
  report.champion = now->champion->report();
  if (now->canary != nullptr) report.canary = now->canary->report();
  for (const auto& shadow : now->shadows) report.shadows.push_back(shadow->report());
  return report;
}

std::unique_ptr<StageHistograms> Engine::latency() const {
  std::vector<std::shared_ptr<StageHistograms>> all;
  {
    const std::lock_guard lock(mutex_);
    all = histograms_;
  }
  auto sum = std::make_unique<StageHistograms>();
  for (const auto& histograms : all) {
    for (std::size_t i = 0; i < kStageCount; ++i) (*sum)[i].merge((*histograms)[i]);
  }
  return sum;
}

std::shared_ptr<Seat> Engine::take_seat(std::function<void()> wake) {
  const std::lock_guard deploying(deploying_);
  const auto seat = std::make_shared<Seat>(++last_seat_, std::move(wake));
  seats_.push_back(seat);
  {
    const std::lock_guard lock(mutex_);
    histograms_.push_back(seat->histograms);
  }
  const std::shared_ptr<const Publication> now = publication();
  if (now == nullptr) return seat;
  // Where this fails, the scorer has nothing to answer with until the next deployment.
  if (auto outfit = make_outfit(now, *seat); outfit.ok()) {
    hand_over(*seat, std::move(outfit.value()));
  }
  observer_.follow(now, rings());
  return seat;
}

void Engine::give_up_seat(const Seat& seat) {
  const std::lock_guard deploying(deploying_);
  std::erase_if(seats_, [&](const auto& other) { return other.get() == &seat; });
  if (const auto now = publication(); now != nullptr) observer_.follow(now, rings());
}

}  // namespace fenqi::engine
