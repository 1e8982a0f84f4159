#include "models/explained_tree.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <string>

namespace fenqi::models {
namespace {

constexpr std::uint32_t kNoParent = UINT32_MAX;

// Reads one tree of a forest.
class TreeReader {
 public:
  TreeReader(const Forest& forest, std::size_t tree, std::span<const double> weight_of_target)
      : forest_(forest), root_(forest.roots()[tree]), weight_of_target_(weight_of_target) {
    const std::span<const std::uint32_t> roots = forest.roots();
    const std::size_t end = tree + 1 < roots.size() ? roots[tree + 1] : forest.nodes().size();
    find_worths(end - root_);
  }

  Result<ExplainedTree> read(std::span<const std::uint32_t> player_of_column, RowKeys& keys) {
    ExplainedTree tree;
    std::vector<Pending> pending{{root_, kNoParent, false}};
    while (!pending.empty()) {
      const Pending next = pending.back();
      pending.pop_back();
      const auto index = static_cast<std::uint32_t>(tree.size());
      tree.push_back(below(tree, next));
      if (next.parent != kNoParent) tree[next.parent].child[next.answer] = index;
      ExplainedNode& node = tree[index];
      if (const Worth& worth = worths_[next.node - root_]; worth.is_same) {
        node.value = worth.value;
        continue;
      }
      const TreeNode& asking = forest_.nodes()[next.node];
      node.is_leaf = false;
      node.question = keys.question(forest_, asking);
      node.player = player_of_column[asking.column];
      const std::vector<std::uint32_t> above = players_above(tree, index);
      node.place =
          static_cast<unsigned>(std::find(above.begin(), above.end(), node.player) - above.begin());
      if (node.place == kMostPlayers) {
        return error(StatusCode::kFailedPrecondition,
                     "a path asks more than " + std::to_string(kMostPlayers) +
                         " inputs, too many to be explained exactly");
      }
      const bool is_opposite = node.question.is_opposite;
      pending.push_back({asking.when_false, index, is_opposite});
      pending.push_back({asking.when_true, index, !is_opposite});
    }
    return tree;
  }

 private:
  // A node of the forest that has no place in the tree yet.
  struct Pending {
    std::uint32_t node;
    std::uint32_t parent;
    bool answer;
  };
  // Of a node: whether all leaves below are worth the same, and what.
  struct Worth {
    bool is_same = true;
    double value = 0.0;
  };

  void find_worths(std::size_t count) {
    worths_.resize(count);
    for (std::size_t i = count; i-- > 0;) {
      const TreeNode& node = forest_.nodes()[root_ + i];
      if (node.branch == Branch::kLeaf) {
        for (const LeafWeight& weight :
             forest_.weights().subspan(node.when_true, node.when_false)) {
          worths_[i].value += weight_of_target_[weight.target] * weight.value;
        }
        continue;
      }
      const Worth& a = worths_[node.when_true - root_];
      const Worth& b = worths_[node.when_false - root_];
      worths_[i] = {a.is_same && b.is_same && a.value == b.value, a.value};
    }
  }

  static ExplainedNode below(const ExplainedTree& tree, const Pending& next) {
    ExplainedNode node;
    node.parent = next.parent;
    node.answer_of_parent = next.answer;
    if (next.parent != kNoParent) {
      const ExplainedNode& parent = tree[next.parent];
      node.path_players = std::max(parent.path_players, parent.place + 1);
    }
    return node;
  }

  const Forest& forest_;
  std::uint32_t root_;
  std::span<const double> weight_of_target_;
  std::vector<Worth> worths_;  // a tree's nodes are neighbours
};

}  // namespace

Result<ExplainedTree> read_tree(const Forest& forest, std::size_t tree,
                                std::span<const double> weight_of_target,
                                std::span<const std::uint32_t> player_of_column, RowKeys& keys) {
  return TreeReader(forest, tree, weight_of_target).read(player_of_column, keys);
}

std::vector<std::uint32_t> players_above(const ExplainedTree& tree, std::uint32_t node) {
  std::vector<std::uint32_t> players(tree[node].path_players);
  for (std::uint32_t at = tree[node].parent; at != kNoParent; at = tree[at].parent) {
    players[tree[at].place] = tree[at].player;
  }
  return players;
}

std::vector<std::vector<FailCount>> count_leaf_fails(const ExplainedTree& tree,
                                                     std::span<const std::uint32_t> keys,
                                                     std::size_t rows) {
  std::vector<std::vector<FailCount>> counts(tree.size());
  // Of each row, the places on which it fails above a node; freed once its children have theirs.
  std::vector<std::vector<std::uint32_t>> fails(tree.size());
  fails[0].assign(rows, 0);
  for (std::uint32_t i = 0; i < tree.size(); ++i) {
    const ExplainedNode& node = tree[i];
    if (node.is_leaf) {
      counts[i] = count_fails(fails[i], node.path_players);
    } else {
      const auto key = keys.subspan(node.question.key * rows, rows);
      const std::uint32_t bit = std::uint32_t{1} << node.place;
      auto& when_false = fails[node.child[0]];
      auto& when_true = fails[node.child[1]];
      when_false.resize(rows);
      when_true.resize(rows);
      for (std::size_t row = 0; row < rows; ++row) {
        const bool answer = key[row] <= node.question.bound;
        when_false[row] = fails[i][row] | (answer ? bit : 0);
        when_true[row] = fails[i][row] | (answer ? 0 : bit);
      }
    }
    fails[i] = {};
  }
  return counts;
}

namespace {

class Cutter {
 public:
  Cutter(const ExplainedTree& tree, unsigned most_code_bits)
      : tree_(tree), most_code_bits_(most_code_bits), is_root_(tree.size()) {}

  std::vector<TreePiece> cut() {
    if (tree_[0].is_leaf) return {};
    choose_roots();
    std::vector<TreePiece> pieces;
    for (std::uint32_t i = 0; i < tree_.size(); ++i) {
      if (is_root_[i]) pieces.push_back(piece_at(i));
    }
    return pieces;
  }

 private:
  // From the leaves up: a node joins the pieces of its children while the code stays short enough,
  // the smaller piece first.
  void choose_roots() {
    std::vector<unsigned> size(tree_.size());
    for (std::uint32_t i = static_cast<std::uint32_t>(tree_.size()); i-- > 0;) {
      const ExplainedNode& node = tree_[i];
      if (node.is_leaf) continue;
      auto [small, large] = std::pair(node.child[0], node.child[1]);
      if (size[small] > size[large]) std::swap(small, large);
      size[i] = 1;
      for (const std::uint32_t child : {small, large}) {
        if (tree_[child].is_leaf) continue;
        const unsigned together = size[i] + size[child];
        if (together <= kMostQuestions && node.path_players + together <= most_code_bits_) {
          size[i] = together;
        } else {
          is_root_[child] = true;
        }
      }
    }
    is_root_[0] = true;
  }

  TreePiece piece_at(std::uint32_t root) const {
    TreePiece piece;
    piece.players = players_above(tree_, root);
    piece.path_players = tree_[root].path_players;
    piece.is_deep = piece.path_players + 1 > most_code_bits_;
    std::vector<std::uint32_t> pending{root};
    while (!pending.empty()) {
      const std::uint32_t at = pending.back();
      pending.pop_back();
      piece.nodes.push_back(at);
      const ExplainedNode& node = tree_[at];
      if (std::find(piece.players.begin(), piece.players.end(), node.player) ==
          piece.players.end()) {
        piece.players.push_back(node.player);
      }
      for (const std::uint32_t child : node.child) {
        if (!tree_[child].is_leaf) {
          if (!is_root_[child]) pending.push_back(child);
        } else if (tree_[child].value != 0.0) {
          piece.leaves.push_back(child);
        }
      }
    }
    return piece;
  }

  const ExplainedTree& tree_;
  unsigned most_code_bits_;
  std::vector<bool> is_root_;
};

}  // namespace

std::vector<TreePiece> cut(const ExplainedTree& tree, unsigned most_code_bits) {
  return Cutter(tree, most_code_bits).cut();
}

std::vector<std::uint32_t> fails_by_answers(const ExplainedTree& tree, const TreePiece& piece,
                                            std::uint32_t leaf) {
  std::vector<std::uint32_t> fails(std::size_t{1} << piece.nodes.size());
  for (std::uint32_t at = leaf; at != piece.nodes[0]; at = tree[at].parent) {
    const std::uint32_t asked = tree[at].parent;
    const auto question =
        std::find(piece.nodes.begin(), piece.nodes.end(), asked) - piece.nodes.begin();
    for (std::size_t answers = 0; answers < fails.size(); ++answers) {
      const bool answer = (answers >> question) & 1;
      if (answer != tree[at].answer_of_parent) {
        fails[answers] |= std::uint32_t{1} << tree[asked].place;
      }
    }
  }
  return fails;
}

}  // namespace fenqi::models
