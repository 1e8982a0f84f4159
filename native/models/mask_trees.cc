#include "models/mask_trees.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "models/float_key.h"
#include "models/regions.h"

namespace fenqi::models {
namespace {

// Keys in the order of signed integers, which is what SSE2 compares.
std::int32_t signed_key(std::uint32_t key) {
  return static_cast<std::int32_t>(key ^ 0x80000000u);
}

// 16 bytes, which the compiler puts into a register of any machine that has such.
using Words = std::uint64_t __attribute__((vector_size(16)));

template <typename Vector, typename Number>
Vector load(const Number* at) {
  Vector vector;
  std::memcpy(&vector, at, sizeof vector);
  return vector;
}

// How many of four boundaries, which ascend, a key is above.
std::size_t rank(std::int32_t key, const std::int32_t* boundaries) {
#ifdef __SSE2__
  const __m128i above = _mm_cmpgt_epi32(_mm_set1_epi32(key), load<__m128i>(boundaries));
  const auto bits = static_cast<unsigned>(_mm_movemask_ps(_mm_castsi128_ps(above)));
  return static_cast<std::size_t>(std::countr_one(bits));
#else
  std::size_t above = 0;
  for (std::size_t i = 0; i < 4; ++i) above += key > boundaries[i] ? 1 : 0;
  return above;
#endif
}

// A column, and the key that NaN has there.
using SlotKey = std::pair<std::uint32_t, std::int32_t>;

SlotKey slot_of(const TreeNode& node, const Trees& trees) {
  const bool missing_is_above = regions_of(node, trees).of_missing == 1;
  return {node.column, signed_key(missing_is_above ? kHighNan : kLowNan)};
}

}  // namespace

std::optional<MaskTrees> MaskTrees::build(const Trees& trees) {
  MaskTrees built;
  built.tree_count_ = trees.roots.size();
  built.blocks_ = (built.tree_count_ + kBlockBytes - 1) / kBlockBytes;
  for (std::size_t tree = 0; tree < trees.roots.size(); ++tree) {
    if (trees.end_of_tree(tree) - trees.roots[tree] > 2 * kLeaves - 1) return std::nullopt;
  }
  if (!built.add_quads(trees)) return std::nullopt;
  built.weights_.resize(built.tree_count_ * kLeaves);
  for (std::size_t tree = 0; tree < built.tree_count_; ++tree) built.add_tree(trees, tree);
  return built;
}

// The boundaries of all nodes by slots, and a table of full bytes. False where that becomes too
// large, or a node has several boundaries.
bool MaskTrees::add_quads(const Trees& trees) {
  std::map<SlotKey, std::set<std::int32_t>> slots;
  for (const TreeNode& node : trees.nodes) {
    if (node.branch == Branch::kLeaf) continue;
    if (node.branch > Branch::kGt) return false;
    slots[slot_of(node, trees)].insert(signed_key(regions_of(node, trees).boundaries[0]));
  }
  for (const auto& [key, own] : slots) {
    boundaries_.insert(boundaries_.end(), own.begin(), own.end());
    boundaries_.resize((boundaries_.size() + kQuad - 1) / kQuad * kQuad, INT32_MAX);
    slot_of_quad_.resize(boundaries_.size() / kQuad, static_cast<std::uint32_t>(slots_.size()));
    slots_.push_back({key.first, key.second});
  }
  const std::size_t rows = slot_of_quad_.size() * (kQuad + 1);
  if (slots_.size() > kMostSlots || slot_of_quad_.size() > kMostQuads ||
      rows * blocks_ * kBlockBytes > kMostTableBytes) {
    return false;
  }
  table_.assign(rows * blocks_ * kBlockWords, ~std::uint64_t{0});
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

// Clears, in the regions of the quad that has the node's boundary, the leaves on the side where the
// node does not lead.
void MaskTrees::clear_leaves(const TreeNode& node, const Trees& trees, std::size_t tree,
                             std::uint8_t leaves_if_true, std::uint8_t leaves_if_false) {
  const Regions regions = regions_of(node, trees);
  const std::int32_t boundary = signed_key(regions.boundaries[0]);
  const SlotKey key = slot_of(node, trees);
  std::size_t quad = 0;
  for (;; ++quad) {
    const Slot& slot = slots_[slot_of_quad_[quad]];
    const bool is_slot = SlotKey(slot.column, slot.key_of_nan) == key;
    if (is_slot && boundaries_[quad * kQuad + kQuad - 1] >= boundary) break;
  }
  auto* const bytes = reinterpret_cast<std::uint8_t*>(table_.data());
  bool is_above = false;
  for (std::size_t region = 0; region <= kQuad; ++region) {
    const std::size_t row = quad * (kQuad + 1) + region;
    const std::uint8_t others = regions.answer(is_above ? 1 : 0) ? leaves_if_false : leaves_if_true;
    bytes[row * blocks_ * kBlockBytes + tree] &= static_cast<std::uint8_t>(~others);
    is_above = is_above || boundaries_[quad * kQuad + std::min(region, kQuad - 1)] == boundary;
  }
}

float MaskTrees::sum(const float* row) const noexcept {
  std::array<std::int32_t, kMostSlots> keys;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const float x = row[slots_[i].column];
    keys[i] = is_nan(x) ? slots_[i].key_of_nan : signed_key(key_of(x));
  }
  const std::size_t row_words = blocks_ * kBlockWords;
  const std::int32_t* boundaries = boundaries_.data();
  std::array<const std::uint64_t*, kMostQuads> rows;
  const std::size_t quads = slot_of_quad_.size();
  for (std::size_t i = 0; i < quads; ++i) {
    const std::size_t region = rank(keys[slot_of_quad_[i]], boundaries + i * kQuad);
    rows[i] = table_.data() + (i * (kQuad + 1) + region) * row_words;
  }
  float score = 0.0f;
  for (std::size_t first = 0; first < tree_count_; first += kBlockBytes) {
    std::array<Words, 4> left;
    left.fill(~Words{});
    for (std::size_t i = 0; i < quads; ++i) {
      const std::uint64_t* const words = rows[i] + first / kBlockBytes * kBlockWords;
      left[0] &= load<Words>(words);
      left[1] &= load<Words>(words + 2);
      left[2] &= load<Words>(words + 4);
      left[3] &= load<Words>(words + 6);
    }
    std::array<std::uint8_t, kBlockBytes> masks;
    std::memcpy(masks.data(), left.data(), kBlockBytes);
    const float* weights = weights_.data() + first * kLeaves;
    const std::size_t count = std::min(kBlockBytes, tree_count_ - first);
    for (std::size_t i = 0; i < count; ++i) {
      score += weights[i * kLeaves + static_cast<std::size_t>(std::countr_zero(masks[i] | 0x100u))];
    }
  }
  return score;
}

}  // namespace fenqi::models
