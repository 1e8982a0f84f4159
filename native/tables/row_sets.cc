#include "tables/row_sets.h"

#include <algorithm>

namespace fenqi::tables {

std::size_t RowBlocks::Hash::operator()(const RowBlock& block) const {
  std::uint64_t hash = 0;
  for (const std::uint64_t word : block.words) {
    // Fibonacci hashing: 2^64 divided by the golden ratio spreads neighbouring bits.
    hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
    hash ^= hash >> 32;
  }
  return static_cast<std::size_t>(hash);
}

RowBlocks::RowBlocks() {
  intern(RowBlock{});
  RowBlock every;
  every.words.fill(~std::uint64_t{0});
  intern(every);
}

std::uint32_t RowBlocks::intern(const RowBlock& block) {
  const auto [at, is_new] = known_.try_emplace(block, static_cast<std::uint32_t>(blocks_.size()));
  if (is_new) blocks_.push_back(block);
  return at->second;
}

void RowBlocks::finish() {
  known_ = {};
  blocks_.shrink_to_fit();
}

RowSetWriter::RowSetWriter(std::size_t row_count, RowBlocks& blocks, RowSets& sets)
    : blocks_(blocks), sets_(sets) {
  const std::size_t block_count = (row_count + kRowsPerBlock - 1) / kRowsPerBlock;
  rows_.resize(block_count);
  numbers_.assign(block_count, RowBlocks::kNoRow);
  summary_.assign((block_count + 63) / 64, 0);
  sets.summary_words_ = summary_.size();
}

void RowSetWriter::flip(std::size_t row) {
  const std::size_t block = row / kRowsPerBlock;
  const std::size_t in_block = row % kRowsPerBlock;
  rows_[block].words[in_block / 64] ^= std::uint64_t{1} << (in_block % 64);
  if (changed_.empty() || changed_.back() != block) changed_.push_back(block);
}

void RowSetWriter::append() {
  for (const std::size_t block : changed_) {
    const std::uint32_t number = blocks_.intern(rows_[block]);
    filled_ += number != RowBlocks::kNoRow ? 1 : 0;
    filled_ -= numbers_[block] != RowBlocks::kNoRow ? 1 : 0;
    numbers_[block] = number;
    const std::uint64_t bit = std::uint64_t{1} << (block % 64);
    std::uint64_t& word = summary_[block / 64];
    word = number != RowBlocks::kNoRow ? word | bit : word & ~bit;
  }
  changed_.clear();
  // A set of few blocks keeps only those; to find one among them costs a count of bits, which would
  // be dear where most blocks are there.
  const bool is_sparse = filled_ * 4 <= numbers_.size();
  sets_.entries_.push_back({sets_.numbers_.size(), is_sparse});
  sets_.summaries_.insert(sets_.summaries_.end(), summary_.begin(), summary_.end());
  if (!is_sparse) {
    sets_.numbers_.insert(sets_.numbers_.end(), numbers_.begin(), numbers_.end());
    return;
  }
  for (std::size_t word = 0; word < summary_.size(); ++word) {
    for (std::uint64_t rest = summary_[word]; rest != 0; rest &= rest - 1) {
      const auto bit = static_cast<std::size_t>(std::countr_zero(rest));
      sets_.numbers_.push_back(numbers_[word * 64 + bit]);
    }
  }
}

}  // namespace fenqi::tables
