// The interventional Shapley values of one leaf.
//
// A leaf is a game among the inputs that its path asks. An applicant who takes some inputs from
// herself and the others from a reference row gets the leaf's value where all of them pass the
// path's questions. With F the inputs on which the applicant fails and N those on which the
// reference row does, the game pays only where F and N have nothing in common: then each input in N
// gets value (|N| - 1)! |F|! / (|N| + |F|)!, and each in F the negative of
// value |N|! (|F| - 1)! / (|N| + |F|)! (Laberge and Pequignot 2022, "Understanding interventional
// TreeSHAP"). The reference set enters only as the number of rows for each N.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fenqi::models {

// Most inputs that a path may ask.
inline constexpr unsigned kMostPlayers = 32;

// Reference rows that fail on exactly the inputs in `failed`, one bit an input.
struct FailCount {
  std::uint32_t failed = 0;
  std::uint32_t rows = 0;
};

// Counts the reference rows by what they fail on, in ascending order. `failed`, one entry a row,
// has bits of `players` inputs; its order is not kept.
std::vector<FailCount> count_fails(std::span<std::uint32_t> failed, unsigned players);

// What an input in N gets, and what one in F loses, where N has `n` inputs and F has `f`; of a leaf
// of value 1. Zero where there is no such input.
class ShapleyWeights {
 public:
  ShapleyWeights();
  double gain(unsigned n, unsigned f) const { return gain_[n * (kMostPlayers + 1) + f]; }
  double loss(unsigned n, unsigned f) const { return gain(f, n); }

 private:
  std::vector<double> gain_;
};

// For every set F of `players` inputs, at index F * players: what each input adds to the mean over
// the reference rows, of a leaf that is worth `value` for each row. 2^players * players numbers.
std::vector<double> leaf_table(std::span<const FailCount> reference, unsigned players, double value,
                               const ShapleyWeights& weights);

// The same numbers from three for each set C of inputs on which an applicant passes: with F the
// others, an input in C gets `gain`[C] - `gain_without`[C without it], and one in F loses
// `loss`[C]. 2^players of each, where leaf_table has players times as many.
struct LeafSets {
  std::vector<double> gain;
  std::vector<double> loss;
  std::vector<double> gain_without;
};
LeafSets leaf_sets(std::span<const FailCount> reference, unsigned players, double value,
                   const ShapleyWeights& weights);

}  // namespace fenqi::models
