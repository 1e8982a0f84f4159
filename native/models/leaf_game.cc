#include "models/leaf_game.h"

#include <algorithm>
#include <bit>

namespace fenqi::models {

namespace {

// Up to this many inputs, every set of them has a counter.
constexpr unsigned kMostCounted = 12;

std::vector<FailCount> count_few(std::span<const std::uint32_t> failed, unsigned players) {
  std::vector<std::uint32_t> rows(std::size_t{1} << players);
  for (const std::uint32_t one : failed) ++rows[one];
  std::vector<FailCount> counts;
  for (std::uint32_t set = 0; set < rows.size(); ++set) {
    if (rows[set] != 0) counts.push_back({set, rows[set]});
  }
  return counts;
}

}  // namespace

std::vector<FailCount> count_fails(std::span<std::uint32_t> failed, unsigned players) {
  if (players <= kMostCounted) return count_few(failed, players);
  std::sort(failed.begin(), failed.end());
  std::vector<FailCount> counts;
  for (const std::uint32_t one : failed) {
    if (counts.empty() || counts.back().failed != one) counts.push_back({one, 0});
    ++counts.back().rows;
  }
  return counts;
}

// (n - 1)! f! / (n + f)! = B(n, f + 1), by B(n, f + 1) = B(n, f) f / (n + f).
ShapleyWeights::ShapleyWeights() : gain_((kMostPlayers + 1) * (kMostPlayers + 1)) {
  for (unsigned n = 1; n <= kMostPlayers; ++n) {
    double weight = 1.0 / n;
    gain_[n * (kMostPlayers + 1)] = weight;
    for (unsigned f = 1; f <= kMostPlayers; ++f) {
      weight *= static_cast<double>(f) / (n + f);
      gain_[n * (kMostPlayers + 1) + f] = weight;
    }
  }
}

// Of an input p, the gains come from the rows that fail on it: all of those that fail on a part of
// C less those that fail on a part of C without p, both weighted by |F|.
LeafSets leaf_sets(std::span<const FailCount> reference, unsigned players, double value,
                   const ShapleyWeights& weights) {
  const std::size_t sets = std::size_t{1} << players;
  LeafSets built{std::vector<double>(sets), std::vector<double>(sets), std::vector<double>(sets)};
  for (const FailCount& row : reference) {
    const double worth = value * row.rows;
    const auto n = static_cast<unsigned>(std::popcount(row.failed));
    const std::uint32_t others = static_cast<std::uint32_t>(sets - 1) & ~row.failed;
    // Every set that holds row.failed.
    for (std::uint32_t rest = others;; rest = (rest - 1) & others) {
      const std::uint32_t passed = row.failed | rest;
      const unsigned f = players - static_cast<unsigned>(std::popcount(passed));
      built.gain[passed] += worth * weights.gain(n, f);
      built.loss[passed] += worth * weights.loss(n, f);
      if (f > 0) built.gain_without[passed] += worth * weights.gain(n, f - 1);
      if (rest == 0) break;
    }
  }
  return built;
}

std::vector<double> leaf_table(std::span<const FailCount> reference, unsigned players, double value,
                               const ShapleyWeights& weights) {
  const std::size_t sets = std::size_t{1} << players;
  std::vector<double> table(sets * players);
  std::vector<double> losses(sets);
  for (const FailCount& row : reference) {
    const double worth = value * row.rows;
    const auto n = static_cast<unsigned>(std::popcount(row.failed));
    const std::uint32_t others = static_cast<std::uint32_t>(sets - 1) & ~row.failed;
    // Every set that has nothing in common with row.failed.
    for (std::uint32_t failed = others;; failed = (failed - 1) & others) {
      const auto f = static_cast<unsigned>(std::popcount(failed));
      const double gain = worth * weights.gain(n, f);
      for (std::uint32_t left = row.failed; left != 0; left &= left - 1) {
        table[std::size_t{failed} * players + static_cast<unsigned>(std::countr_zero(left))] +=
            gain;
      }
      losses[failed] += worth * weights.loss(n, f);
      if (failed == 0) break;
    }
  }
  for (std::uint32_t failed = 0; failed < sets; ++failed) {
    for (std::uint32_t left = failed; left != 0; left &= left - 1) {
      table[std::size_t{failed} * players + static_cast<unsigned>(std::countr_zero(left))] -=
          losses[failed];
    }
  }
  return table;
}

}  // namespace fenqi::models
