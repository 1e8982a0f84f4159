// Counts of durations in buckets whose width grows with the value: 128 buckets to each doubling,
// so that a percentile is off by at most 1/128 (0.8 %). Values are nanoseconds up to about 73
// minutes; larger ones count as the largest.
//
// One thread records; any thread may read meanwhile. record() takes a few nanoseconds and no
// memory.
#pragma once

#include <array>
#include <atomic>
#include <bit>
#include <cstdint>

namespace fenqi {

class Histogram {
 public:
  void record(std::uint64_t nanoseconds) {
    bump(counts_[bucket_of(nanoseconds)], 1);
    bump(total_, nanoseconds);
    if (nanoseconds > max_.load(std::memory_order_relaxed)) {
      max_.store(nanoseconds, std::memory_order_relaxed);
    }
  }

  // Adds what `other` counted. `other` may be recording; this one may not.
  void merge(const Histogram& other) {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      bump(counts_[i], other.counts_[i].load(std::memory_order_relaxed));
    }
    bump(total_, other.total_.load(std::memory_order_relaxed));
    if (other.max() > max()) max_.store(other.max(), std::memory_order_relaxed);
  }

  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (const auto& c : counts_) sum += c.load(std::memory_order_relaxed);
    return sum;
  }

  // Calls visit(upper end of the bucket, count) for each bucket that is not empty, rising.
  template <typename Visit>
  void for_each(Visit visit) const {
    for (std::size_t i = 0; i < kBuckets; ++i) {
      const std::uint64_t count = counts_[i].load(std::memory_order_relaxed);
      if (count > 0) visit(upper_end(i), count);
    }
  }

  // Exact. 0 where nothing was recorded.
  std::uint64_t max() const { return max_.load(std::memory_order_relaxed); }

  double mean() const {
    const std::uint64_t n = count();
    return n == 0 ? 0.0
                  : static_cast<double>(total_.load(std::memory_order_relaxed)) /
                        static_cast<double>(n);
  }

  // The smallest bucket's upper end below which `percent` of the values lie, never above max().
  // 0 where nothing was recorded.
  std::uint64_t percentile(double percent) const {
    const std::uint64_t n = count();
    if (n == 0) return 0;
    const double wanted = percent / 100.0 * static_cast<double>(n);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += counts_[i].load(std::memory_order_relaxed);
      if (seen > 0 && static_cast<double>(seen) >= wanted) {
        const std::uint64_t top = upper_end(i);
        return top < max() ? top : max();
      }
    }
    return max();
  }

 private:
  static constexpr int kSubBits = 7;
  static constexpr std::uint64_t kSub = 1u << kSubBits;
  static constexpr int kLargestBit = 42;
  static constexpr std::size_t kBuckets = (kLargestBit - kSubBits + 2) * kSub;

  // One writer: a load and a store, no read-modify-write.
  static void bump(std::atomic<std::uint64_t>& counter, std::uint64_t by) {
    counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
  }

  // Below kSub each value has its own bucket; above, the leading bit picks the group and the next
  // kSubBits bits the bucket in it.
  static std::size_t bucket_of(std::uint64_t value) {
    if (value < kSub) return static_cast<std::size_t>(value);
    const int leading = std::bit_width(value) - 1;
    if (leading > kLargestBit) return kBuckets - 1;
    const int shift = leading - kSubBits;
    return static_cast<std::size_t>(static_cast<std::uint64_t>(shift + 1) * kSub +
                                    ((value >> shift) - kSub));
  }

  static std::uint64_t upper_end(std::size_t bucket) {
    if (bucket < kSub) return bucket;
    const auto shift = static_cast<int>(bucket / kSub) - 1;
    const std::uint64_t within = bucket % kSub + kSub;
    return ((within + 1) << shift) - 1;
  }

  std::array<std::atomic<std::uint64_t>, kBuckets> counts_{};
  std::atomic<std::uint64_t> total_{0};
  std::atomic<std::uint64_t> max_{0};
};

}  // namespace fenqi
