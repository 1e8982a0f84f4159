#include "models/tree_explanation.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>

namespace fenqi::models {
namespace {

// The lowest bits of the first `count` bytes, as a number.
std::uint32_t pack(const std::uint8_t* bytes, unsigned count) {
  std::uint64_t word = 0;
  if constexpr (std::endian::native == std::endian::little) {
    std::memcpy(&word, bytes, sizeof word);
  } else {
    for (unsigned i = 0; i < sizeof word; ++i) word |= std::uint64_t{bytes[i]} << (8 * i);
  }
  // Byte j moves to bit 56 + j, and nothing else does.
  return static_cast<std::uint32_t>((word * 0x0102040810204080) >> 56) & ((1u << count) - 1);
}

}  // namespace

void TreeExplanation::FreeTable::operator()(float* table) const {
  std::free(table);
}

TreeExplanation::Scratch::Scratch(const TreeExplanation& of)
    : keys(of.keys_.key_count()),
      // pack() reads a whole word from the last piece's first answer on.
      answers(of.questions_.size() + sizeof(std::uint64_t)),
      fails(of.steps_.size() + 1),
      rows(of.pieces_.size()) {}

void TreeExplanation::explain(std::span<const float> row, Scratch& scratch,
                              std::span<double> parts) const noexcept {
  find_rows(row, scratch);
  std::fill(parts.begin(), parts.end(), 0.0);
  add_rows(scratch.rows, parts.data());
  for (const LeafOfSets& leaf : leaves_of_sets_) {
    add_sets(leaf, scratch.fails[leaf.fails], parts.data());
  }
  for (const ListedLeaf& leaf : listed_) {
    add_listed(leaf, scratch.fails[leaf.fails], parts.data());
  }
}

// Straight passes without a branch; the rows' cache misses overlap.
void TreeExplanation::find_rows(std::span<const float> row, Scratch& scratch) const noexcept {
  keys_.fill(row, scratch.keys);
  const std::uint32_t* const keys = scratch.keys.data();
  std::uint8_t* const answers = scratch.answers.data();
  for (std::size_t i = 0; i < questions_.size(); ++i) {
    answers[i] = keys[questions_[i].key] <= questions_[i].bound;
  }
  std::uint32_t* const fails = scratch.fails.data();
  for (std::size_t i = 0; i < steps_.size(); ++i) {
    const Step& step = steps_[i];
    fails[i + 1] = fails[step.from] | (std::uint32_t{answers[step.question]} ^ step.expected)
                                          << step.place;
  }
  const float* const table = table_.get();
  for (const LeafOfSets& leaf : leaves_of_sets_) {
    const std::uint32_t passed = ~fails[leaf.fails] & ((1u << leaf.players) - 1);
    __builtin_prefetch(table + leaf.table + std::size_t{2} * passed);
    __builtin_prefetch(table + leaf.table + (std::size_t{2} << leaf.players) + passed);
  }
  for (std::size_t i = 0; i < pieces_.size(); ++i) {
    const Piece& piece = pieces_[i];
    const std::uint32_t code = fails[piece.fails] << piece.questions |
                               pack(answers + piece.first_question, piece.questions);
    const auto at = piece.table + code * piece.width;
    scratch.rows[i] = at;
    __builtin_prefetch(table + at);
    __builtin_prefetch(table + at + piece.width - 1);
  }
}

void TreeExplanation::add_rows(std::span<const std::uint32_t> rows, double* parts) const noexcept {
  const std::uint32_t* next = rows.data();
  const std::uint16_t* player = piece_players_.data();
  for (const Width& same : widths_) {
    for (std::uint32_t i = 0; i < same.pieces; ++i) {
      const float* const numbers = table_.get() + *next++;
      for (std::uint32_t p = 0; p < same.width; ++p) {
        parts[*player++] += static_cast<double>(numbers[p]);
      }
    }
  }
}

void TreeExplanation::add_sets(const LeafOfSets& leaf, std::uint32_t failed,
                               double* parts) const noexcept {
  const std::uint16_t* const players = leaf_players_.data() + leaf.first_player;
  const float* const both = table_.get() + leaf.table;
  const float* const without = both + (std::size_t{2} << leaf.players);
  const std::uint32_t passed = ~failed & ((1u << leaf.players) - 1);
  const float gain = both[2 * passed];
  // Where nobody of the reference fails on a part of what she passes, there is nothing to gain.
  if (gain != 0.0f) {
    for (std::uint32_t left = passed; left != 0; left &= left - 1) {
      const std::uint32_t one = left & (~left + 1);
      parts[players[std::countr_zero(left)]] +=
          static_cast<double>(gain) - static_cast<double>(without[passed ^ one]);
    }
  }
  const float loss = both[2 * passed + 1];
  if (loss == 0.0f) return;
  for (std::uint32_t left = failed; left != 0; left &= left - 1) {
    parts[players[std::countr_zero(left)]] -= static_cast<double>(loss);
  }
}

void TreeExplanation::add_listed(const ListedLeaf& leaf, std::uint32_t failed,
                                 double* parts) const noexcept {
  const std::uint16_t* const players = leaf_players_.data() + leaf.first_player;
  const auto f = static_cast<unsigned>(std::popcount(failed));
  double loss = 0.0;
  const auto add = [&](std::size_t i) {
    const std::uint32_t one = listed_fails_[i];
    if ((one & failed) != 0) return;
    const unsigned n = listed_inputs_[i];
    const double worth = leaf.value * listed_rows_[i];
    const double gain = worth * weights_.gain(n, f);
    for (std::uint32_t left = one; left != 0; left &= left - 1) {
      parts[players[std::countr_zero(left)]] += gain;
    }
    loss += worth * weights_.loss(n, f);
  };
  const std::uint32_t* const fails = listed_fails_.data();
  for (std::size_t i = leaf.first_fail; i < leaf.first_fail + leaf.fail_count; i += kBlock) {
    // Few rows count; the compiler compares a block of them at once.
    std::uint32_t any = 0;
    for (std::size_t j = i; j < i + kBlock; ++j) any |= (fails[j] & failed) == 0 ? 1 : 0;
    if (any == 0) continue;
    for (std::size_t j = i; j < i + kBlock; ++j) add(j);
  }
  for (std::uint32_t left = failed; left != 0; left &= left - 1) {
    parts[players[std::countr_zero(left)]] -= loss;
  }
}

}  // namespace fenqi::models
