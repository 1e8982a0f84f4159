// Memory for the strings and lists that one request makes. Taken in order, given back all at once;
// chunks stay for the next request, so that a warm arena takes nothing from the heap. One thread
// only.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

namespace fenqi {

class Arena {
 public:
  // `size` bytes that live until reset(). Never null.
  char* take(std::size_t size) {
    while (chunk_ < chunks_.size()) {
      Chunk& chunk = chunks_[chunk_];
      if (used_ <= chunk.size && size <= chunk.size - used_) {
        char* at = chunk.bytes.get() + used_;
        used_ += size;
        return at;
      }
      ++chunk_;
      used_ = 0;
    }
    add_chunk(size > kChunkBytes ? size : kChunkBytes);
    used_ = size;
    return chunks_.back().bytes.get();
  }

  // Room for `count` elements, aligned, not initialised.
  template <typename Element>
  Element* take_array(std::size_t count) {
    static_assert(std::is_trivially_copyable_v<Element> && alignof(Element) <= kAlignment);
    used_ = (used_ + kAlignment - 1) & ~(kAlignment - 1);
    return reinterpret_cast<Element*>(take(count * sizeof(Element)));
  }

  // Gives everything back. What took several chunks finds one that is as large the next time; more
  // than kKeptBytes are not kept for a request that was an exception.
  void reset() {
    std::size_t total = 0;
    for (const Chunk& chunk : chunks_) total += chunk.size;
    if (chunks_.size() > 1 || total > kKeptBytes) {
      chunks_.clear();
      add_chunk(total < kKeptBytes ? total : kKeptBytes);
    }
    chunk_ = 0;
    used_ = 0;
  }

 private:
  static constexpr std::size_t kChunkBytes = 16 * 1024;
  static constexpr std::size_t kKeptBytes = 4 * 1024 * 1024;
  // Chunks come from new[], which aligns for any fundamental type.
  static constexpr std::size_t kAlignment = 8;
  struct Chunk {
    std::unique_ptr<char[]> bytes;
    std::size_t size;
  };
  void add_chunk(std::size_t bytes) {
    chunks_.push_back({std::make_unique_for_overwrite<char[]>(bytes), bytes});
  }

  std::vector<Chunk> chunks_;
  std::size_t chunk_ = 0;
  std::size_t used_ = 0;
};

}  // namespace fenqi
