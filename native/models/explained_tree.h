// One tree as its explanation needs it: questions about inputs instead of columns, and cut into
// pieces that are looked up at once.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "models/forest.h"
#include "models/leaf_game.h"
#include "models/row_keys.h"

namespace fenqi::models {

// Most questions in a piece: their answers, one byte each, are read as one word.
inline constexpr unsigned kMostQuestions = 8;

struct ExplainedNode {
  // Of a leaf, what it adds to the margin.
  double value = 0.0;
  bool is_leaf = true;
  // Of an inner node; children by the answer.
  Question question;
  std::uint32_t player = 0;
  std::array<std::uint32_t, 2> child{};
  // None of the root.
  std::uint32_t parent = 0;
  bool answer_of_parent = false;
  // Inputs that the path above asks, in the order in which they are first asked, and the place of
  // `player` among them: `path_players` where the path has not asked it.
  unsigned path_players = 0;
  unsigned place = 0;
};

// Nodes, every child after its parent. Subtrees that are worth the same everywhere are leaves.
using ExplainedTree = std::vector<ExplainedNode>;

// Tree `tree` of the forest. `player_of_column` names the input that each column belongs to; a leaf
// is worth the sum of its weights, each times its target's in `weight_of_target`. Fails where a
// path asks more than kMostPlayers inputs.
Result<ExplainedTree> read_tree(const Forest& forest, std::size_t tree,
                                std::span<const double> weight_of_target,
                                std::span<const std::uint32_t> player_of_column, RowKeys& keys);

// Inputs that the path to `node` asks, by place.
std::vector<std::uint32_t> players_above(const ExplainedTree& tree, std::uint32_t node);

// Of each node that is a leaf, the reference rows by the inputs on which they fail; empty of inner
// nodes. `keys` holds one list of `rows` keys after the other, one list a key.
std::vector<std::vector<FailCount>> count_leaf_fails(const ExplainedTree& tree,
                                                     std::span<const std::uint32_t> keys,
                                                     std::size_t rows);

// Neighbouring inner nodes. What their leaves add to an explanation depends on the inputs on which
// an applicant fails above them, and on the answers to their own questions: these bits together are
// the piece's code.
struct TreePiece {
  std::vector<std::uint32_t> nodes;  // the first is its root; at most kMostQuestions
  std::vector<std::uint32_t> leaves;
  // Inputs above the root, by place, then those that only the piece asks.
  std::vector<std::uint32_t> players;
  unsigned path_players = 0;
  // Its code has more bits than a table may: its one node's leaves stand for themselves.
  bool is_deep = false;

  unsigned code_bits() const { return path_players + static_cast<unsigned>(nodes.size()); }
  std::size_t table_size() const {
    return is_deep || leaves.empty() ? 0 : (std::size_t{1} << code_bits()) * players.size();
  }
};

// Cuts the tree into pieces, the one above first. Nodes are put together while the code has at most
// `most_code_bits`; a node whose code alone has more is a deep piece.
std::vector<TreePiece> cut(const ExplainedTree& tree, unsigned most_code_bits);

// For each combination of answers to the piece's questions, the inputs, by place on the leaf's
// path, on which an applicant fails between the piece's root and `leaf`.
std::vector<std::uint32_t> fails_by_answers(const ExplainedTree& tree, const TreePiece& piece,
                                            std::uint32_t leaf);

}  // namespace fenqi::models
