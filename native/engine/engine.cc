#include "engine/engine.h"

namespace fenqi::engine {

void Engine::publish(std::shared_ptr<const Release> release) {
  std::shared_ptr<const Release> previous;  // freed after the lock is given back
  const std::lock_guard lock(mutex_);
  previous = std::exchange(release_, std::move(release));
  generation_.fetch_add(1, std::memory_order_release);
}

std::shared_ptr<const Release> Engine::release() const {
  const std::lock_guard lock(mutex_);
  return release_;
}

std::unique_ptr<StageHistograms> Engine::latency() const {
  auto sum = std::make_unique<StageHistograms>();
  const std::lock_guard lock(mutex_);
  for (const auto& histograms : histograms_) {
    for (std::size_t i = 0; i < kStageCount; ++i) (*sum)[i].merge((*histograms)[i]);
  }
  return sum;
}

std::shared_ptr<StageHistograms> Engine::add_histograms() {
  auto histograms = std::make_shared<StageHistograms>();
  const std::lock_guard lock(mutex_);
  histograms_.push_back(histograms);
  return histograms;
}

}  // namespace fenqi::engine
