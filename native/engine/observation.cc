#include "engine/observation.h"

#include <cstring>

namespace fenqi::engine {

ObservationRing::ObservationRing()
    : memory_(std::make_unique_for_overwrite<std::uint8_t[]>(kBytes)) {}

bool ObservationRing::push(const Observation& observation, std::span<const std::uint8_t> request) {
  constexpr std::uint64_t kAlignment = alignof(Header);
  if (request.size() > kBytes / 4) return false;
  Header header;
  header.size = (sizeof header + request.size() + kAlignment - 1) / kAlignment * kAlignment;
  header.request_size = request.size();
  header.observation = observation;
  std::uint64_t position = pushed_.load(std::memory_order_relaxed);
  const std::uint64_t to_end = kBytes - position % kBytes;
  const std::uint64_t filler = to_end < header.size ? to_end : 0;
  const std::uint64_t used = position - popped_.load(std::memory_order_acquire);
  if (kBytes - used < filler + header.size) return false;
  if (filler > 0) {
    const std::uint64_t size = filler | kFiller;
    std::memcpy(at(position), &size, sizeof size);
    position += filler;
  }
  std::memcpy(at(position), &header, sizeof header);
  if (!request.empty()) {
    std::memcpy(at(position) + sizeof header, request.data(), request.size());
  }
  pushed_.store(position + header.size, std::memory_order_release);
  return true;
}

bool ObservationRing::front(Observation& observation, std::span<const std::uint8_t>& request) {
  std::uint64_t position = popped_.load(std::memory_order_relaxed);
  if (position == pushed_.load(std::memory_order_acquire)) return false;
  std::uint64_t size = 0;
  std::memcpy(&size, at(position), sizeof size);
  if ((size & kFiller) != 0) {
    position += size & ~kFiller;
    popped_.store(position, std::memory_order_release);
  }
  Header header;
  std::memcpy(&header, at(position), sizeof header);
  observation = header.observation;
  request = {at(position) + sizeof header, header.request_size};
  return true;
}

void ObservationRing::pop() {
  const std::uint64_t position = popped_.load(std::memory_order_relaxed);
  std::uint64_t size = 0;
  std::memcpy(&size, at(position), sizeof size);
  popped_.store(position + size, std::memory_order_release);
}

}  // namespace fenqi::engine
