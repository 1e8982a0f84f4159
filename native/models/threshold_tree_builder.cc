// ThresholdTrees::build: from nodes with branch modes, values and missing tracks to steps.
#include <algorithm>
#include <bit>
#include <numeric>
#include <utility>

#include "models/regions.h"
#include "models/threshold_trees.h"

namespace fenqi::models {
namespace {

// 400 MiB, wide.
constexpr std::size_t kMostSteps = 1u << 25;

}  // namespace

class ThresholdTreeBuilder {
 public:
  ThresholdTreeBuilder(const Trees& trees, std::uint32_t column_count, bool has_one_target)
      : trees_(trees) {
    built_.column_count_ = column_count;
    built_.has_low_slots_ = true;
    built_.payload_is_weight_ =
        has_one_target && std::all_of(trees.nodes.begin(), trees.nodes.end(), [](const auto& node) {
          return node.branch != Branch::kLeaf || node.when_false == 1;
        });
  }

  Result<ThresholdTrees> build() {
    for (std::size_t tree = 0; tree < trees_.roots.size(); ++tree) {
      if (!add_tree(trees_.roots[tree])) {
        return error(StatusCode::kFailedPrecondition,
                     "forest: its member sets make it too large for a native model");
      }
    }
    group_blocks();
    drop_unused_slots();
    if (is_narrow_) {
      for (const Step<std::uint32_t>& step : steps_) {
        built_.steps_.push_back({step.key, static_cast<std::uint16_t>(step.slot),
                                 static_cast<std::uint16_t>(step.stride)});
      }
    } else {
      built_.wide_steps_ = std::move(steps_);
    }
    return std::move(built_);
  }

 private:
  // A node whose place in the list of steps is known, and how many steps lead there.
  struct Placed {
    std::uint32_t node;
    std::uint32_t at;
    std::uint32_t least;
    std::uint32_t most;
  };
  // Regions [first, last] of a node's comparison, likewise.
  struct PlacedRegions {
    std::size_t first;
    std::size_t last;
    std::uint32_t at;
    std::uint32_t depth;
  };
  // A step that only leads on, to where an answer goes.
  struct Jump {
    std::uint32_t at;
    bool answer;
  };

  // Breadth first: the steps near the root, which every row takes, share few cache lines.
  bool add_tree(std::uint32_t root) {
    const auto start = static_cast<std::uint32_t>(steps_.size());
    ThresholdTrees::Descent descent{start, UINT32_MAX, 0};
    steps_.emplace_back();
    queue_.assign(1, {root, start, 0, 0});
    for (std::size_t next = 0; next < queue_.size(); ++next) {
      const Placed placed = queue_[next];
      const TreeNode& node = trees_.nodes[placed.node];
      if (node.branch == Branch::kLeaf) {
        const float* weight =
            built_.payload_is_weight_ ? &trees_.weights[node.when_true].value : nullptr;
        steps_[placed.at] = {weight ? std::bit_cast<std::uint32_t>(*weight) : placed.node,
                             zero_slot(), 0};
        descent.least = std::min(descent.least, placed.least);
        descent.most = std::max(descent.most, placed.most);
      } else {
        add_question(node, placed);
      }
      if (steps_.size() > kMostSteps) return false;
    }
    built_.descents_.push_back(descent);
    return true;
  }

  void add_question(const TreeNode& node, const Placed& placed) {
    const Regions regions = regions_of(node, trees_);
    if (regions.boundaries.size() == 1) {
      const std::uint32_t children = ask(node, regions, 0, placed.at);
      const bool first = regions.answer(0);
      queue_.push_back(
          {first ? node.when_true : node.when_false, children, placed.least + 1, placed.most + 1});
      queue_.push_back({first ? node.when_false : node.when_true, children + 1, placed.least + 1,
                        placed.most + 1});
      return;
    }
    add_search(node, regions, placed);
  }

  // A search tree over the regions. Its ends jump to the two places where the answers go on, so
  // that what follows an answer stands once.
  void add_search(const TreeNode& node, const Regions& regions, const Placed& placed) {
    std::vector<PlacedRegions> search{{0, regions.boundaries.size(), placed.at, 0}};
    std::vector<Jump> jumps;
    std::uint32_t least = UINT32_MAX;
    std::uint32_t most = 0;
    for (std::size_t next = 0; next < search.size(); ++next) {
      const PlacedRegions part = search[next];
      if (part.first == part.last) {
        jumps.push_back({part.at, regions.answer(part.first)});
        least = std::min(least, part.depth + 1);
        most = std::max(most, part.depth + 1);
        continue;
      }
      const std::size_t middle = part.first + (part.last - part.first) / 2;
      const std::uint32_t children = ask(node, regions, middle, part.at);
      search.push_back({part.first, middle, children, part.depth + 1});
      search.push_back({middle + 1, part.last, children + 1, part.depth + 1});
    }
    const std::uint32_t ends = add_pair();
    for (const Jump& jump : jumps) {
      steps_[jump.at] = {0, zero_slot(), stride(jump.at, jump.answer ? ends : ends + 1)};
    }
    queue_.push_back({node.when_true, ends, placed.least + least, placed.most + most});
    queue_.push_back({node.when_false, ends + 1, placed.least + least, placed.most + most});
  }

  // Asks at `at` whether the column is above a boundary. Returns where the pair of answers stands.
  std::uint32_t ask(const TreeNode& node, const Regions& regions, std::size_t boundary,
                    std::uint32_t at) {
    const std::uint32_t children = add_pair();
    const bool missing_is_above = regions.of_missing > boundary;
    steps_[at] = {regions.boundaries[boundary],
                  missing_is_above ? node.column : node.column + built_.column_count_,
                  stride(at, children)};
    return children;
  }

  std::uint32_t add_pair() {
    const auto at = static_cast<std::uint32_t>(steps_.size());
    steps_.resize(steps_.size() + 2);
    return at;
  }

  std::uint32_t stride(std::uint32_t from, std::uint32_t to) {
    is_narrow_ = is_narrow_ && to - from <= UINT16_MAX;
    return to - from;
  }

  std::uint32_t zero_slot() const { return 2 * built_.column_count_; }

  void group_blocks() {
    for (std::size_t first = 0; first < built_.descents_.size(); first += ThresholdTrees::kBlock) {
      const std::size_t count = std::min(ThresholdTrees::kBlock, built_.descents_.size() - first);
      std::vector<std::uint8_t> places(count);
      std::iota(places.begin(), places.end(), std::uint8_t{0});
      std::sort(places.begin(), places.end(), [&](std::uint8_t a, std::uint8_t b) {
        const auto depth = [&](std::uint8_t i) {
          return std::pair(built_.descents_[first + i].most, i);
        };
        return depth(a) < depth(b);
      });
      places.resize(
          (count + ThresholdTrees::kLanes - 1) / ThresholdTrees::kLanes * ThresholdTrees::kLanes,
          places.back());
      for (std::size_t i = 0; i < places.size(); i += ThresholdTrees::kLanes) {
        add_group(first, std::span(places).subspan(i, ThresholdTrees::kLanes));
      }
    }
  }

  void add_group(std::size_t first, std::span<const std::uint8_t> places) {
    ThresholdTrees::Group& group = built_.groups_.emplace_back();
    group.least = UINT32_MAX;
    for (std::size_t lane = 0; lane < places.size(); ++lane) {
      const ThresholdTrees::Descent& descent = built_.descents_[first + places[lane]];
      group.roots[lane] = descent.root;
      group.places[lane] = places[lane];
      group.least = std::min(group.least, descent.least);
      group.most = std::max(group.most, descent.most);
    }
  }

  // Where NaN is never to be the least, a row's keys need one slot a column.
  void drop_unused_slots() {
    const std::uint32_t columns = built_.column_count_;
    for (const Step<std::uint32_t>& step : steps_) {
      if (step.slot >= columns && step.slot != zero_slot()) return;
    }
    for (Step<std::uint32_t>& step : steps_) {
      if (step.slot == zero_slot()) step.slot = columns;
    }
    built_.has_low_slots_ = false;
  }

  const Trees& trees_;
  ThresholdTrees built_;
  bool is_narrow_ = true;
  std::vector<Step<std::uint32_t>> steps_;
  std::vector<Placed> queue_;
};

Result<ThresholdTrees> ThresholdTrees::build(const Trees& trees, std::uint32_t column_count,
                                             bool has_one_target) {
  return ThresholdTreeBuilder(trees, column_count, has_one_target).build();
}

}  // namespace fenqi::models
