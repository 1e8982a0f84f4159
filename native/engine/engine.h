// The published deployment, what its traffic came to, and how long scoring takes.
//
// A deployment is made ready before it is published: on a thread of low priority every scorer gets
// workspaces of its own for it, warmed with golden requests. Publishing is then an exchange of
// pointers, and no request waits for it. What was replaced is freed on another thread of low
// priority as soon as the last scorer has moved on.
//
// Threads: everything here may be called from any thread. Scorers look for something new with one
// atomic load for each request and take no lock.
//
//   Engine engine;
//   auto release = engine.load(image, "libonnxruntime.so");
//   engine.prepare(release.value(), requests, 200.0);
//   engine.deploy({release.value()});
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/deployment.h"
#include "engine/observer.h"
#include "engine/publication.h"
#include "engine/readiness.h"
#include "engine/reclaimer.h"
#include "engine/release.h"
#include "engine/seat.h"
#include "engine/traffic.h"
#include "quoting/acknowledgement.h"

namespace fenqi::engine {

// The traffic of a deployment, by role.
struct DeploymentReport {
  std::uint64_t number = 0;  // 0: nothing was published yet, and the rest is empty
  TrafficReport champion;
  std::optional<TrafficReport> canary;
  std::vector<TrafficReport> shadows;
};

class Engine {
 public:
  // `key` signs acknowledgements of quotes and checks them; none: no quote gets a token, and a
  // release that asks for one refuses each drawdown.
  explicit Engine(std::optional<quoting::AcknowledgementKey> key = std::nullopt);
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  // Scorers must be gone. Releases may live on.
  ~Engine();

  // Null where there is none. Never changes.
  const quoting::AcknowledgementKey* acknowledgement_key() const {
    return acknowledgement_key_ ? &*acknowledgement_key_ : nullptr;
  }

  // Loads a release on a thread of low priority; `onnxruntime_library` may be empty for one whose
  // models need no onnxruntime. Whoever lets go of it last, it is freed by the reclaimer. Fails as
  // Release::load and OnnxRuntime::load do.
  Result<std::shared_ptr<const Release>> load(std::span<const std::uint8_t> image,
                                              const std::string& onnxruntime_library);

  // Tries the release on `requests` on a thread of low priority; see measure_readiness. The
  // requests warm the workspaces of all deployments from now on.
  Readiness prepare(const std::shared_ptr<const Release>& release, std::vector<Bytes> requests,
                    double budget_us);

  // Requests that begin after this returns are answered by `deployment`; requests in flight finish
  // on the one that they began with. A release that keeps its role keeps its traffic's counts.
  // Takes as long as it takes to make and warm every scorer's workspaces. Fails, and changes
  // nothing, where the deployment makes no sense or a workspace cannot be made.
  Status deploy(Deployment deployment);

  // Deploys `release` as the only one, for tests and tools: what deploy() refuses is not published.
  void publish(std::shared_ptr<const Release> release);

  // The champion. Null before the first publication.
  std::shared_ptr<const Release> release() const;
  // Who answers the customer with this key, as a Scorer would: the canary or the champion.
  // Likewise.
  std::shared_ptr<const Release> release_for(std::string_view customer_key) const;

  // The number of the published deployment, one more each time; 0 before the first.
  std::uint64_t generation() const { return generation_.load(std::memory_order_acquire); }

  // What the published deployment's traffic came to.
  DeploymentReport traffic() const;

  // All scorers' histograms added up, those of ended threads included.
  std::unique_ptr<StageHistograms> latency() const;

 private:
  friend class Scorer;
  // For a new scorer, with an outfit for what is published. `wake` as the scorer's constructor has
  // it.
  std::shared_ptr<Seat> take_seat(std::function<void()> wake);
  void give_up_seat(const Seat& seat);
  Reclaimer& reclaimer() { return *reclaimer_; }

  Result<std::unique_ptr<Outfit>> make_outfit(const std::shared_ptr<const Publication>& publication,
                                              Seat& seat);
  void hand_over(Seat& seat, std::unique_ptr<Outfit> outfit);
  std::vector<std::shared_ptr<ObservationRing>> rings() const;
  std::shared_ptr<const Publication> publication() const;

  const std::optional<quoting::AcknowledgementKey> acknowledgement_key_;
  const std::shared_ptr<Reclaimer> reclaimer_ = std::make_shared<Reclaimer>();

  // One deployment at a time, and no scorer comes or goes meanwhile. Taken before mutex_, and by
  // nobody who answers requests.
  std::mutex deploying_;
  std::vector<std::shared_ptr<Seat>> seats_;
  std::uint64_t last_seat_ = kObserver;
  std::shared_ptr<const std::vector<Bytes>> warm_up_ = std::make_shared<std::vector<Bytes>>();

  mutable std::mutex mutex_;
  std::shared_ptr<const Publication> publication_;
  std::vector<std::shared_ptr<StageHistograms>> histograms_;
  std::atomic<std::uint64_t> generation_{0};

  Observer observer_;
};

}  // namespace fenqi::engine
