// Sets of a table's rows, one for each class of an input, made so that the rows that several sets
// share are found without a look at the others.
//
// Rows are taken in blocks of 512. A set is a summary (a bit for each block that has a row) and the
// numbers of its blocks; equal blocks are kept once, so that neighbouring classes, which differ in
// a row or two, share nearly everything. An intersection first meets the summaries, then only the
// blocks that are left.
//
// Immutable once built. Reading takes nothing from the heap.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

namespace fenqi::tables {

inline constexpr std::size_t kWordsPerBlock = 8;
inline constexpr std::size_t kRowsPerBlock = 64 * kWordsPerBlock;
// More inputs than this no table has: an intersection keeps a cursor for each on the stack.
inline constexpr std::size_t kMostInputs = 64;

struct alignas(64) RowBlock {
  std::array<std::uint64_t, kWordsPerBlock> words{};
  bool operator==(const RowBlock&) const = default;
};

// The blocks of all sets of one table. Block 0 has no row, block 1 has all.
class RowBlocks {
 public:
  RowBlocks();
  // The number of a block that equals `block`.
  std::uint32_t intern(const RowBlock& block);
  // Once all are in: forgets how to find them.
  void finish();

  const RowBlock& operator[](std::uint32_t number) const { return blocks_[number]; }
  std::size_t bytes() const { return blocks_.size() * sizeof(RowBlock); }

  static constexpr std::uint32_t kNoRow = 0;
  static constexpr std::uint32_t kEveryRow = 1;

 private:
  struct Hash {
    std::size_t operator()(const RowBlock& block) const;
  };
  std::vector<RowBlock> blocks_;
  std::unordered_map<RowBlock, std::uint32_t, Hash> known_;
};

// One set. `numbers` holds the number of each block, or, where `is_sparse`, only of those in the
// summary. Without initial values, because each look-up has room for many and fills a few.
struct RowSet {
  const std::uint64_t* summary;
  const std::uint32_t* numbers;
  bool is_sparse;
};

class RowSets {
 public:
  RowSets() = default;

  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  RowSet operator[](std::uint32_t number) const {
    const Entry& entry = entries_[number];
    return {summaries_.data() + static_cast<std::size_t>(number) * summary_words_,
            numbers_.data() + entry.first, entry.is_sparse};
  }
  std::size_t bytes() const {
    return summaries_.size() * sizeof(std::uint64_t) + numbers_.size() * sizeof(std::uint32_t) +
           entries_.size() * sizeof(Entry);
  }

 private:
  friend class RowSetWriter;
  struct Entry {
    std::uint64_t first = 0;
    bool is_sparse = false;
  };
  std::size_t summary_words_ = 0;
  std::vector<std::uint64_t> summaries_;
  std::vector<std::uint32_t> numbers_;
  std::vector<Entry> entries_;
};

// Writes sets that differ little from one to the next:
//
//   RowSetWriter writer(row_count, blocks, sets);
//   writer.flip(3);    // row 3 comes in
//   writer.append();   // {3}
//   writer.flip(3);    // and goes out
//   writer.append();   // {}
class RowSetWriter {
 public:
  RowSetWriter(std::size_t row_count, RowBlocks& blocks, RowSets& sets);
  void flip(std::size_t row);
  void append();

 private:
  RowBlocks& blocks_;
  RowSets& sets_;
  std::vector<RowBlock> rows_;
  std::vector<std::uint32_t> numbers_;
  std::vector<std::uint64_t> summary_;
  std::vector<std::size_t> changed_;
  std::size_t filled_ = 0;  // blocks with a row
};

// Calls `visit(row)` for each row that is in all of `sets`, ascending, until it returns false.
// `sets` has 1 .. kMostInputs elements of the same number of rows, in blocks of `blocks`.
template <typename Visit>
void intersect(std::span<const RowSet> sets, const RowBlocks& blocks, std::size_t row_count,
               Visit visit) {
  const std::size_t block_count = (row_count + kRowsPerBlock - 1) / kRowsPerBlock;
  // Of sparse sets: how many of their blocks lie before the word of the summary at hand.
  std::array<std::uint32_t, kMostInputs> before;
  std::fill_n(before.begin(), sets.size(), 0u);
  for (std::size_t word = 0; word * 64 < block_count; ++word) {
    std::uint64_t candidates = ~std::uint64_t{0};
    for (const RowSet& set : sets) candidates &= set.summary[word];
    for (; candidates != 0; candidates &= candidates - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(candidates));
      const std::size_t at = word * 64 + bit;
      RowBlock common = blocks[RowBlocks::kEveryRow];
      for (std::size_t i = 0; i < sets.size(); ++i) {
        const RowSet& set = sets[i];
        std::size_t place = at;
        if (set.is_sparse) {
          const std::uint64_t lower = set.summary[word] & ((std::uint64_t{1} << bit) - 1);
          place = before[i] + static_cast<std::size_t>(std::popcount(lower));
        }
        const std::uint32_t number = set.numbers[place];
        if (number == RowBlocks::kEveryRow) continue;
        const RowBlock& block = blocks[number];
        for (std::size_t w = 0; w < kWordsPerBlock; ++w) common.words[w] &= block.words[w];
      }
      for (std::size_t w = 0; w < kWordsPerBlock; ++w) {
        for (std::uint64_t rest = common.words[w]; rest != 0; rest &= rest - 1) {
          const auto row = static_cast<std::size_t>(std::countr_zero(rest));
          if (!visit(at * kRowsPerBlock + w * 64 + row)) return;
        }
      }
    }
    for (std::size_t i = 0; i < sets.size(); ++i) {
      if (sets[i].is_sparse) {
        before[i] += static_cast<std::uint32_t>(std::popcount(sets[i].summary[word]));
      }
    }
  }
}

}  // namespace fenqi::tables
