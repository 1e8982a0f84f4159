// TreeExplanation::build: from a forest and a reference to tables.
#include <algorithm>
#include <bit>
#include <cstdlib>
#include <numeric>
#include <string>
#include <utility>

#include "models/explained_tree.h"
#include "models/explanation_plan.h"
#include "models/tree_explanation.h"

namespace fenqi::models {
namespace {

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, what);
}

}  // namespace

class TreeExplanationBuilder {
 public:
  explicit TreeExplanationBuilder(const TreeExplanation::Request& request)
      : request_(request), built_(request.forest.column_count()) {}

  Result<TreeExplanation> build() {
    const Forest& forest = request_.forest;
    if (request_.players > TreeExplanation::kMostInputs) return refuse("too many inputs");
    if (forest.aggregate() == Aggregate::kMin || forest.aggregate() == Aggregate::kMax) {
      return refuse("trees of which only one counts have no sum to be explained");
    }
    std::vector<double> weights(request_.weight_of_target.begin(), request_.weight_of_target.end());
    if (forest.aggregate() == Aggregate::kAverage) {
      for (double& weight : weights) weight /= static_cast<double>(forest.roots().size());
    }
    for (std::size_t i = 0; i < forest.roots().size(); ++i) {
      auto tree = read_tree(forest, i, weights, request_.player_of_column, built_.keys_);
      if (!tree.ok()) return tree.status();
      trees_.push_back(std::move(tree.value()));
    }
    built_.players_ = request_.players;
    rows_ = request_.reference.size() / request_.forest.column_count();
    reference_keys_ = keys_of_reference();
    if (!take_table()) return refuse("no memory for the tables of an explanation");
    for (const ExplainedTree& tree : trees_) {
      if (Status s = add(tree); !s.ok()) return s;
    }
    order_pieces();
    built_.base_ /= static_cast<double>(rows_);
    return std::move(built_);
  }

 private:
  // One list of keys after the other, one entry a reference row.
  std::vector<std::uint32_t> keys_of_reference() const {
    const std::size_t columns = request_.forest.column_count();
    std::vector<std::uint32_t> of_row(built_.keys_.key_count());
    std::vector<std::uint32_t> keys(of_row.size() * rows_);
    for (std::size_t row = 0; row < rows_; ++row) {
      built_.keys_.fill(request_.reference.subspan(row * columns, columns), of_row);
      for (std::size_t k = 0; k < of_row.size(); ++k) keys[k * rows_ + row] = of_row[k];
    }
    return keys;
  }

  bool take_table() {
    plan_ = plan_explanation(trees_, TreeExplanation::kMostTableBytes / sizeof(float));
    built_.table_size_ = plan_.table_size;
    constexpr std::size_t kAlignment = 64;
    const std::size_t bytes = (built_.table_bytes() + kAlignment) / kAlignment * kAlignment;
    built_.table_.reset(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
    return built_.table_ != nullptr;
  }

  Status add(const ExplainedTree& tree) {
    const auto fails = count_leaf_fails(tree, reference_keys_, rows_);
    for (std::uint32_t i = 0; i < tree.size(); ++i) {
      if (tree[i].is_leaf && !fails[i].empty() && fails[i][0].failed == 0) {
        built_.base_ += tree[i].value * fails[i][0].rows;
      }
    }
    if (tree[0].is_leaf) return {};
    const std::vector<TreePiece> pieces = cut(tree, plan_.code_bits);
    ask(tree, pieces);
    add_steps(tree, pieces);
    for (const TreePiece& piece : pieces) {
      if (piece.leaves.empty()) continue;
      if (!piece.is_deep) {
        add_table(tree, piece, fails);
        continue;
      }
      for (const std::uint32_t leaf : piece.leaves) {
        if (tree[leaf].path_players <= plan_.set_inputs) {
          add_sets(tree, leaf, fails[leaf]);
        } else if (Status s = add_list(tree, leaf, fails[leaf]); !s.ok()) {
          return s;
        }
      }
    }
    return {};
  }

  // The questions of each piece as neighbours.
  void ask(const ExplainedTree& tree, const std::vector<TreePiece>& pieces) {
    question_of_.assign(tree.size(), 0);
    for (const TreePiece& piece : pieces) {
      for (const std::uint32_t node : piece.nodes) {
        question_of_[node] = static_cast<std::uint32_t>(built_.questions_.size());
        built_.questions_.push_back({tree[node].question.key, tree[node].question.bound});
      }
    }
  }

  // The steps to every node whose fails are needed: the pieces' roots and the deep leaves.
  void add_steps(const ExplainedTree& tree, const std::vector<TreePiece>& pieces) {
    std::vector<std::uint8_t> is_needed(tree.size());
    for (const TreePiece& piece : pieces) {
      if (!piece.leaves.empty() && !piece.is_deep) is_needed[piece.nodes[0]] = 1;
      if (piece.is_deep) {
        for (const std::uint32_t leaf : piece.leaves) is_needed[leaf] = 1;
      }
    }
    for (auto i = static_cast<std::uint32_t>(tree.size()); i-- > 1;) {
      if (is_needed[i]) is_needed[tree[i].parent] = 1;
    }
    fails_of_.assign(tree.size(), 0);
    for (std::uint32_t i = 1; i < tree.size(); ++i) {
      if (!is_needed[i]) continue;
      const std::uint32_t parent = tree[i].parent;
      built_.steps_.push_back({fails_of_[parent], question_of_[parent],
                               static_cast<std::uint8_t>(tree[i].answer_of_parent),
                               static_cast<std::uint8_t>(tree[parent].place)});
      fails_of_[i] = static_cast<std::uint32_t>(built_.steps_.size());
    }
  }

  void add_table(const ExplainedTree& tree, const TreePiece& piece,
                 const std::vector<std::vector<FailCount>>& fails) {
    const std::size_t width = piece.players.size();
    const auto questions = static_cast<unsigned>(piece.nodes.size());
    table_.assign(piece.table_size(), 0.0);
    for (const std::uint32_t leaf : piece.leaves) {
      const std::vector<std::uint32_t> players = players_above(tree, leaf);
      const auto count = static_cast<unsigned>(players.size());
      std::vector<std::size_t> column(count);
      for (unsigned p = 0; p < count; ++p) {
        column[p] = static_cast<std::size_t>(
            std::find(piece.players.begin(), piece.players.end(), players[p]) -
            piece.players.begin());
      }
      const std::vector<double> values = leaf_table(
          fails[leaf], count, tree[leaf].value / static_cast<double>(rows_), built_.weights_);
      const std::vector<std::uint32_t> by_answers = fails_by_answers(tree, piece, leaf);
      for (std::size_t code = 0; code < table_.size() / width; ++code) {
        const std::size_t failed = (code >> questions) | by_answers[code & (by_answers.size() - 1)];
        for (unsigned p = 0; p < count; ++p) {
          table_[code * width + column[p]] += values[failed * count + p];
        }
      }
    }
    const auto first_player = static_cast<std::uint32_t>(piece_players_.size());
    piece_players_.insert(piece_players_.end(), piece.players.begin(), piece.players.end());
    first_player_.push_back(first_player);
    built_.pieces_.push_back({question_of_[piece.nodes[0]], fails_of_[piece.nodes[0]],
                              static_cast<std::uint32_t>(filled_),
                              static_cast<std::uint16_t>(width),
                              static_cast<std::uint16_t>(questions)});
    for (const double number : table_) built_.table_[filled_++] = static_cast<float>(number);
  }

  void add_sets(const ExplainedTree& tree, std::uint32_t leaf,
                const std::vector<FailCount>& fails) {
    const unsigned players = tree[leaf].path_players;
    const LeafSets sets =
        leaf_sets(fails, players, tree[leaf].value / static_cast<double>(rows_), built_.weights_);
    built_.leaves_of_sets_.push_back(
        {fails_of_[leaf], add_players(tree, leaf), static_cast<std::uint32_t>(filled_), players});
    for (std::size_t set = 0; set < sets.gain.size(); ++set) {
      built_.table_[filled_++] = static_cast<float>(sets.gain[set]);
      built_.table_[filled_++] = static_cast<float>(sets.loss[set]);
    }
    for (const double number : sets.gain_without) {
      built_.table_[filled_++] = static_cast<float>(number);
    }
  }

  // Where the players of a deep leaf's path begin.
  std::uint32_t add_players(const ExplainedTree& tree, std::uint32_t leaf) {
    const auto first = static_cast<std::uint32_t>(built_.leaf_players_.size());
    const std::vector<std::uint32_t> players = players_above(tree, leaf);
    built_.leaf_players_.insert(built_.leaf_players_.end(), players.begin(), players.end());
    return first;
  }

  Status add_list(const ExplainedTree& tree, std::uint32_t leaf,
                  const std::vector<FailCount>& fails) {
    constexpr std::size_t kBlock = TreeExplanation::kBlock;
    const std::size_t padded = (fails.size() + kBlock - 1) / kBlock * kBlock;
    built_.listed_.push_back({tree[leaf].value / static_cast<double>(rows_), fails_of_[leaf],
                              add_players(tree, leaf),
                              static_cast<std::uint32_t>(built_.listed_fails_.size()),
                              static_cast<std::uint32_t>(padded)});
    for (const FailCount& one : fails) {
      built_.listed_fails_.push_back(one.failed);
      built_.listed_rows_.push_back(one.rows);
      built_.listed_inputs_.push_back(static_cast<std::uint8_t>(std::popcount(one.failed)));
    }
    // No row of the reference, so that it does not matter what they fail on.
    built_.listed_fails_.resize(built_.listed_fails_.size() + padded - fails.size());
    built_.listed_rows_.resize(built_.listed_fails_.size());
    built_.listed_inputs_.resize(built_.listed_fails_.size());
    if (built_.list_bytes() <= TreeExplanation::kMostListBytes) return {};
    return refuse("the forest is too large to be explained against " + std::to_string(rows_) +
                  " reference rows; give fewer of them, or smaller trees");
  }

  // By width; so that adding runs through loops of one length.
  void order_pieces() {
    std::vector<std::uint32_t> order(built_.pieces_.size());
    std::iota(order.begin(), order.end(), 0u);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      return built_.pieces_[a].width < built_.pieces_[b].width;
    });
    std::vector<TreeExplanation::Piece> pieces;
    for (const std::uint32_t i : order) {
      const TreeExplanation::Piece& piece = built_.pieces_[i];
      if (built_.widths_.empty() || built_.widths_.back().width != piece.width) {
        built_.widths_.push_back({piece.width, 0});
      }
      ++built_.widths_.back().pieces;
      const auto players = piece_players_.begin() + first_player_[i];
      built_.piece_players_.insert(built_.piece_players_.end(), players, players + piece.width);
      pieces.push_back(piece);
    }
    built_.pieces_ = std::move(pieces);
  }

  const TreeExplanation::Request& request_;
  TreeExplanation built_;
  std::vector<ExplainedTree> trees_;
  std::size_t rows_ = 0;
  std::vector<std::uint32_t> reference_keys_;
  ExplanationPlan plan_;
  std::size_t filled_ = 0;
  std::vector<double> table_;  // of one piece
  // Of one tree's nodes.
  std::vector<std::uint32_t> question_of_;
  std::vector<std::uint32_t> fails_of_;
  // Of the pieces, in the order in which they were made.
  std::vector<std::uint32_t> first_player_;
  std::vector<std::uint16_t> piece_players_;
};

Result<TreeExplanation> TreeExplanation::build(const Request& request) {
  return TreeExplanationBuilder(request).build();
}

}  // namespace fenqi::models
