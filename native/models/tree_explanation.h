// What each input of a model adds to a forest's output, exactly: interventional Shapley values
// against a reference set (Lundberg et al. 2020, "From local explanations to global understanding
// with explainable AI for trees").
//
// A tree's part of the values depends on an applicant only through the answers to its questions.
// Loading cuts every tree into small pieces and works out, for each way in which an applicant can
// answer, the sum over the piece's leaves and all reference rows; explaining looks one row of
// numbers up for each piece. So the reference set costs time and memory at load and none later.
// A leaf whose path asks too many inputs for a piece has smaller tables of its own, of which a few
// numbers are read; where the tables would be too large even so, the deepest leaves keep their
// reference rows as lists, each way of answering once, and go through them. A forest that is too
// large for that is refused.
//
//   auto explanation = TreeExplanation::build(request);
//   TreeExplanation::Scratch scratch(explanation.value());   // one for each thread
//   explanation.value().explain(row, scratch, parts);
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "models/forest.h"
#include "models/leaf_game.h"
#include "models/row_keys.h"

namespace fenqi::models {

class TreeExplanation {
 public:
  static constexpr std::uint32_t kMostInputs = 65535;

  // What is to be explained: the sum of weight_of_target[t] x the forest's output t. Lent for the
  // time of build().
  struct Request {
    const Forest& forest;
    std::span<const double> weight_of_target;
    // The input that each column belongs to, below `players`, which is at most kMostInputs.
    std::span<const std::uint32_t> player_of_column;
    std::uint32_t players = 0;
    // Rows of `forest.column_count()` values, one after the other; at least one.
    std::span<const float> reference;
  };

  // Tables take at most this, and lists at most that.
  static constexpr std::size_t kMostTableBytes = std::size_t{64} << 20;
  static constexpr std::size_t kMostListBytes = std::size_t{64} << 20;

  // Takes time linear in reference rows x nodes, and in the tables' size. Fails with
  // FAILED_PRECONDITION where the forest is too large or too deep, or takes the least or the
  // largest leaf instead of a sum.
  static Result<TreeExplanation> build(const Request& request);

  // A thread's memory for explain().
  struct Scratch {
    explicit Scratch(const TreeExplanation& of);
    std::vector<std::uint32_t> keys;
    std::vector<std::uint8_t> answers;
    std::vector<std::uint32_t> fails;
    std::vector<std::uint32_t> rows;
  };

  // Sets parts[i] to what input i adds to what is explained, for each of the players, against the
  // mean of the reference rows. `row` has one value a column. No heap; the same row gives the same
  // bits.
  void explain(std::span<const float> row, Scratch& scratch,
               std::span<double> parts) const noexcept;

  // Mean of what is explained over the reference rows, but for the forest's base values. It and the
  // parts add up to the row's.
  double base() const { return base_; }
  std::uint32_t players() const { return players_; }
  std::size_t table_bytes() const { return table_size_ * sizeof(float); }
  std::size_t list_bytes() const { return listed_fails_.size() * (sizeof(FailCount) + 1); }

 private:
  friend class TreeExplanationBuilder;
  struct FreeTable {
    void operator()(float* table) const;
  };

  explicit TreeExplanation(std::uint32_t columns) : keys_(columns) {}

  // One comparison; see Question.
  struct Asked {
    std::uint32_t key;
    std::uint32_t bound;
  };
  // From the fails above one node to those above a child: fails[i + 1], of step i, is fails[from]
  // with the input at `place` where the answer is not `expected`. fails[0] has none.
  struct Step {
    std::uint32_t from;
    std::uint32_t question;
    std::uint8_t expected;
    std::uint8_t place;
  };
  struct Piece {
    std::uint32_t first_question;
    std::uint32_t fails;  // index
    std::uint32_t table;  // its first number
    std::uint16_t width;  // numbers in a row
    std::uint16_t questions;
  };
  // Pieces with rows of the same width, neighbours in `pieces_`.
  struct Width {
    std::uint32_t width;
    std::uint32_t pieces;
  };
  // Reference rows of a listed leaf that are compared at once.
  static constexpr std::size_t kBlock = 16;
  // A deep leaf with its LeafSets: first gain and loss by turns, then gain_without.
  struct LeafOfSets {
    std::uint32_t fails;  // index
    std::uint32_t first_player;
    std::uint32_t table;  // its first number
    std::uint32_t players;
  };
  // A leaf that is too deep for them.
  struct ListedLeaf {
    double value;
    std::uint32_t fails;  // index
    std::uint32_t first_player;
    std::uint32_t first_fail;
    std::uint32_t fail_count;
  };

  void find_rows(std::span<const float> row, Scratch& scratch) const noexcept;
  void add_rows(std::span<const std::uint32_t> rows, double* parts) const noexcept;
  void add_sets(const LeafOfSets& leaf, std::uint32_t failed, double* parts) const noexcept;
  void add_listed(const ListedLeaf& leaf, std::uint32_t failed, double* parts) const noexcept;

  RowKeys keys_;
  std::uint32_t players_ = 0;
  double base_ = 0.0;
  std::vector<Asked> questions_;
  std::vector<Step> steps_;
  std::vector<Piece> pieces_;
  std::vector<Width> widths_;
  std::vector<std::uint16_t> piece_players_;  // `width` for each piece
  std::unique_ptr<float[], FreeTable> table_;
  std::size_t table_size_ = 0;
  std::vector<LeafOfSets> leaves_of_sets_;
  std::vector<ListedLeaf> listed_;
  std::vector<std::uint16_t> leaf_players_;  // of the paths to both
  // FailCount's, apart; each leaf's number is a multiple of kBlock.
  std::vector<std::uint32_t> listed_fails_;
  std::vector<std::uint32_t> listed_rows_;
  std::vector<std::uint8_t> listed_inputs_;  // how many bits are set in each of the fails
  ShapleyWeights weights_;
};

}  // namespace fenqi::models
