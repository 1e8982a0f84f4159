#include "models/explanation_plan.h"

#include <array>
#include <limits>

namespace fenqi::models {
namespace {

// Of pieces: more would make fewer of them, but tables that the caches hold less of.
constexpr unsigned kMostCodeBits = 10;
constexpr unsigned kMostSetInputs = 16;

// What reading costs, measured in rows of pieces.
constexpr double kCostOfSets = 4.0;
constexpr double kCostOfList = 100.0;

// What comes of cutting with one number of code bits.
struct Cut {
  std::size_t pieces = 0;
  std::size_t table_size = 0;
  // Leaves of deep pieces by the inputs that their paths ask.
  std::array<std::size_t, kMostPlayers + 1> deep{};
};

Cut try_cut(std::span<const ExplainedTree> trees, unsigned code_bits) {
  Cut tried;
  for (const ExplainedTree& tree : trees) {
    for (const TreePiece& piece : cut(tree, code_bits)) {
      if (piece.leaves.empty()) continue;
      if (piece.is_deep) {
        for (const std::uint32_t leaf : piece.leaves) ++tried.deep[tree[leaf].path_players];
      } else {
        ++tried.pieces;
        tried.table_size += piece.table_size();
      }
    }
  }
  return tried;
}

}  // namespace

ExplanationPlan plan_explanation(std::span<const ExplainedTree> trees, std::size_t most_numbers) {
  ExplanationPlan best;
  double least = std::numeric_limits<double>::infinity();
  for (unsigned code_bits = 0; code_bits <= kMostCodeBits; ++code_bits) {
    const Cut tried = try_cut(trees, code_bits);
    ExplanationPlan plan{code_bits, 0, tried.table_size};
    double cost = static_cast<double>(tried.pieces);
    for (const std::size_t leaves : tried.deep) cost += kCostOfList * static_cast<double>(leaves);
    for (unsigned inputs = 0; inputs <= kMostSetInputs; ++inputs) {
      plan.set_inputs = inputs;
      plan.table_size += tried.deep[inputs] * leaf_sets_size(inputs);
      cost += (kCostOfSets - kCostOfList) * static_cast<double>(tried.deep[inputs]);
      if (plan.table_size > most_numbers) break;
      if (cost < least) {
        least = cost;
        best = plan;
      }
    }
  }
  return best;
}

}  // namespace fenqi::models
