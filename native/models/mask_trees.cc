#include "models/mask_trees.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <set>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "models/float_key.h"
#include "models/regions.h"

namespace fenqi::models {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

using Floats = float __attribute__((vector_size(16)));
using Answers = std::int32_t __attribute__((vector_size(16)));  // -1 or 0

// Four answers as bits.
std::size_t bits_of(Answers answers) {
#ifdef __SSE2__
  return static_cast<std::size_t>(_mm_movemask_ps(std::bit_cast<__m128>(answers)));
#else
  return static_cast<std::size_t>((answers[0] & 1) | (answers[1] & 2) | (answers[2] & 4) |
                                  (answers[3] & 8));
#endif
}

}  // namespace

std::optional<MaskTrees> MaskTrees::build(const Trees& trees) {
  MaskTrees built;
  built.tree_count_ = trees.roots.size();
  built.blocks_ = (built.tree_count_ + kBlockBytes - 1) / kBlockBytes;
  for (std::size_t tree = 0; tree < trees.roots.size(); ++tree) {
    if (trees.end_of_tree(tree) - trees.roots[tree] > 2 * kLeaves - 1) return std::nullopt;
  }
  if (!built.add_questions(trees)) return std::nullopt;
  built.weights_.resize(built.tree_count_ * kLeaves);
  for (std::size_t tree = 0; tree < built.tree_count_; ++tree) built.add_tree(trees, tree);
  return built;
}

// Nothing where a node needs several questions, or one that no value can ask.
std::optional<MaskTrees::Question> MaskTrees::question_of(const TreeNode& node,
                                                          const Trees& trees) {
  const Regions regions = regions_of(node, trees);
  const std::uint32_t boundary = std::min(regions.boundaries[0], key_of(kInfinity));
  if (node.branch > Branch::kGt || boundary < key_of(-kInfinity)) return std::nullopt;
  return Question{regions.of_missing == 1, node.column, value_of(boundary)};
}

// The questions of all nodes, each once, and a table of full bytes. False where that becomes too
// large.
bool MaskTrees::add_questions(const Trees& trees) {
  std::array<std::set<Question>, 2> kinds;
  for (const TreeNode& node : trees.nodes) {
    if (node.branch == Branch::kLeaf) continue;
    const auto question = question_of(node, trees);
    if (!question) return false;
    kinds[question->missing_is_above ? 1 : 0].insert(*question);
  }
  for (const std::set<Question>& kind : kinds) {
    plain_quads_ = questions_.size() / kQuad;
    questions_.insert(questions_.end(), kind.begin(), kind.end());
    questions_.resize((questions_.size() + kQuad - 1) / kQuad * kQuad, {false, 0, kNaN});
  }
  const std::size_t quads = questions_.size() / kQuad;
  const std::size_t vectors = quads * kAnswers * blocks_ * kBlockVectors;
  if (quads > kMostQuads || vectors * sizeof(Masks) > kMostTableBytes) return false;
  for (const Question& question : questions_) {
    columns_.push_back(question.column);
    values_.push_back(question.value);
  }
  table_.assign(vectors, ~Masks{});
  return true;
}

// Leaves are numbered as they stand in the list of nodes.
void MaskTrees::add_tree(const Trees& trees, std::size_t tree) {
  const std::uint32_t root = trees.roots[tree];
  const std::uint32_t end = trees.end_of_tree(tree);
  std::array<std::uint8_t, 2 * kLeaves - 1> leaves_below{};
  std::size_t leaf = 0;
  for (std::uint32_t i = root; i < end; ++i) {
    const TreeNode& node = trees.nodes[i];
    if (node.branch != Branch::kLeaf) continue;
    weights_[tree * kLeaves + leaf] = trees.weights[node.when_true].value;
    leaves_below[i - root] = static_cast<std::uint8_t>(1u << leaf++);
  }
  // Children stand after their parents: backwards, a node's leaves are known before the node.
  for (std::uint32_t i = end; i-- > root;) {
    const TreeNode& node = trees.nodes[i];
    if (node.branch == Branch::kLeaf) continue;
    const std::uint8_t if_true = leaves_below[node.when_true - root];
    const std::uint8_t if_false = leaves_below[node.when_false - root];
    leaves_below[i - root] = if_true | if_false;
    clear_leaves(node, trees, tree, if_true, if_false);
  }
}

// Clears, in the rows of the quad that asks the node's question, the leaves on the side where the
// node does not lead.
void MaskTrees::clear_leaves(const TreeNode& node, const Trees& trees, std::size_t tree,
                             std::uint8_t leaves_if_true, std::uint8_t leaves_if_false) {
  const Regions regions = regions_of(node, trees);
  const auto asked = std::find(questions_.begin(), questions_.end(), *question_of(node, trees));
  const auto at = static_cast<std::size_t>(asked - questions_.begin());
  auto* const bytes = reinterpret_cast<std::uint8_t*>(table_.data());
  for (std::size_t answers = 0; answers < kAnswers; ++answers) {
    const bool is_above = (answers >> at % kQuad & 1) != 0;
    const std::uint8_t others = regions.answer(is_above ? 1 : 0) ? leaves_if_false : leaves_if_true;
    const std::size_t row = at / kQuad * kAnswers + answers;
    bytes[row * blocks_ * kBlockBytes + tree] &= static_cast<std::uint8_t>(~others);
  }
}

float MaskTrees::sum(const float* row) const noexcept {
  std::array<const Masks*, kMostQuads> rows;
  const std::size_t quads = columns_.size() / kQuad;
  const std::size_t row_vectors = blocks_ * kBlockVectors;
  const auto choose = [&](std::size_t quad, auto is_above) {
    const std::uint32_t* const c = columns_.data() + quad * kQuad;
    const Floats x = {row[c[0]], row[c[1]], row[c[2]], row[c[3]]};
    Floats value;
    std::memcpy(&value, values_.data() + quad * kQuad, sizeof value);
    rows[quad] = table_.data() + (quad * kAnswers + bits_of(is_above(x, value))) * row_vectors;
  };
  for (std::size_t quad = 0; quad < plain_quads_; ++quad) {
    choose(quad, [](Floats x, Floats value) -> Answers { return x > value; });
  }
  for (std::size_t quad = plain_quads_; quad < quads; ++quad) {
    choose(quad, [](Floats x, Floats value) -> Answers { return ~(x <= value); });
  }
  float score = 0.0f;
  const float* weights = weights_.data();
  for (std::size_t block = 0; block < blocks_; ++block) {
    std::array<Masks, kBlockVectors> left;
    left.fill(~Masks{});
    for (std::size_t quad = 0; quad < quads; ++quad) {
      const Masks* const masks = rows[quad] + block * kBlockVectors;
      for (std::size_t i = 0; i < kBlockVectors; ++i) left[i] &= masks[i];
    }
    std::array<std::uint8_t, kBlockBytes> bytes;
    std::memcpy(bytes.data(), left.data(), kBlockBytes);
    const std::size_t count = std::min(kBlockBytes, tree_count_ - block * kBlockBytes);
    for (std::size_t i = 0; i < count; ++i, weights += kLeaves) {
      // Never 0: a tree keeps the leaf that the row reaches.
      score += weights[static_cast<unsigned>(__builtin_ctz(bytes[i]))];
    }
  }
  return score;
}

}  // namespace fenqi::models
