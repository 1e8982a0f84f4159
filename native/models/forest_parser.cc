// Forest::load: from a serialized fenqi.internal.v1.Forest to trees that are safe to descend.
#include <cmath>
#include <cstring>
#include <string>

#include "fenqi/contract.h"
#include "models/forest.h"
#include "wire/decode.h"

namespace fenqi::models {
namespace {

namespace image = contract::internal::forest;
using wire::MessageReader;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "forest: " + what);
}

Status refuse_node(std::size_t node, const std::string& what) {
  return refuse("node " + std::to_string(node) + ": " + what);
}

// Appends the numbers of a repeated float field, packed or not.
bool append_floats(const MessageReader& field, std::vector<float>& out) {
  if (field.type() == wire::WireType::kFixed32) {
    out.push_back(std::bit_cast<float>(field.bits32()));
    return true;
  }
  if (field.type() != wire::WireType::kLength || field.payload().size() % 4 != 0) return false;
  const std::size_t old = out.size();
  out.resize(old + field.payload().size() / 4);
  if (!field.payload().empty()) {
    std::memcpy(out.data() + old, field.payload().data(), field.payload().size());
  }
  return true;
}

// The message's parallel lists.
struct Lists {
  std::vector<std::uint32_t> branch, column, missing_is_true, when_true, when_false, set_of_node;
  std::vector<std::uint32_t> weight_target;
  std::vector<float> value, weight;
};

}  // namespace

class ForestParser {
 public:
  Result<Forest> parse(std::span<const std::uint8_t> bytes) {
    if (!read(bytes)) return refuse("damaged bytes");
    for (const auto check :
         {&ForestParser::check_counts, &ForestParser::check_sets, &ForestParser::take_nodes,
          &ForestParser::check_roots, &ForestParser::check_nodes}) {
      if (Status s = (this->*check)(); !s.ok()) return s;
    }
    auto built =
        ThresholdTrees::build(forest_.trees_, forest_.column_count_, forest_.target_count_ == 1);
    if (!built.ok()) return built.status();
    forest_.threshold_trees_ = std::move(built.value());
    if (forest_.threshold_trees_.payload_is_weight() && forest_.aggregate_ <= Aggregate::kAverage) {
      forest_.mask_trees_ = MaskTrees::build(forest_.trees_);
    }
    return std::move(forest_);
  }

 private:
  bool read(std::span<const std::uint8_t> bytes) {
    MessageReader reader(bytes);
    const auto numbers = [&](std::vector<std::uint32_t>& out) {
      return wire::append_varints(reader, out, wire::saturate32);
    };
    while (reader.next()) {
      bool is_read = true;
      switch (reader.number()) {
        case image::kColumnCount:
          forest_.column_count_ = reader.bits32();
          break;
        case image::kTargetCount:
          forest_.target_count_ = reader.bits32();
          break;
        case image::kRoots:
          is_read = numbers(forest_.trees_.roots);
          break;
        case image::kBranch:
          is_read = numbers(lists_.branch);
          break;
        case image::kColumn:
          is_read = numbers(lists_.column);
          break;
        case image::kValue:
          is_read = append_floats(reader, lists_.value);
          break;
        case image::kMissingIsTrue:
          is_read = numbers(lists_.missing_is_true);
          break;
        case image::kWhenTrue:
          is_read = numbers(lists_.when_true);
          break;
        case image::kWhenFalse:
          is_read = numbers(lists_.when_false);
          break;
        case image::kSetOfNode:
          is_read = numbers(lists_.set_of_node);
          break;
        case image::kMemberSets:
          is_read = read_set(reader.payload());
          break;
        case image::kWeightTarget:
          is_read = numbers(lists_.weight_target);
          break;
        case image::kWeight:
          is_read = append_floats(reader, lists_.weight);
          break;
        case image::kBaseValues:
          is_read = append_floats(reader, forest_.base_values_);
          break;
        case image::kAggregate:
          aggregate_ = reader.bits32();
          break;
        default:
          break;
      }
      if (!is_read) return false;
    }
    return reader.ok();
  }

  bool read_set(std::span<const std::uint8_t> bytes) {
    std::vector<float>& values = forest_.trees_.member_sets.emplace_back();
    MessageReader reader(bytes);
    while (reader.next()) {
      if (reader.number() != contract::internal::member_set::kValues) continue;
      if (!append_floats(reader, values)) return false;
    }
    return reader.ok();
  }

  Status check_counts() {
    if (forest_.column_count_ == 0 || forest_.column_count_ > Forest::kMostColumns) {
      return refuse("a forest has 1 to 4,096 columns");
    }
    if (forest_.target_count_ == 0 || forest_.target_count_ > Forest::kMostTargets) {
      return refuse("a forest has 1 to 1,024 targets");
    }
    const std::size_t nodes = lists_.branch.size();
    if (nodes == 0 || nodes > Forest::kMostNodes) return refuse("a forest has 1 to 2^24 nodes");
    for (const std::size_t size :
         {lists_.column.size(), lists_.value.size(), lists_.missing_is_true.size(),
          lists_.when_true.size(), lists_.when_false.size(),
          lists_.set_of_node.empty() ? nodes : lists_.set_of_node.size()}) {
      if (size != nodes) return refuse("the lists of nodes are of different lengths");
    }
    if (lists_.weight_target.size() != lists_.weight.size()) {
      return refuse("the lists of weights are of different lengths");
    }
    if (!forest_.base_values_.empty() && forest_.base_values_.size() != forest_.target_count_) {
      return refuse("there must be one base value for each target, or none");
    }
    if (aggregate_ < contract::aggregate::kSum || aggregate_ > contract::aggregate::kMax) {
      return refuse("unknown aggregate " + std::to_string(aggregate_));
    }
    forest_.aggregate_ = static_cast<Aggregate>(aggregate_);
    return {};
  }

  Status check_sets() {
    for (const std::vector<float>& set : forest_.trees_.member_sets) {
      for (std::size_t i = 0; i < set.size(); ++i) {
        if (std::isnan(set[i]) || (i > 0 && !(set[i - 1] < set[i]))) {
          return refuse("a member set is not sorted, has a value twice, or has NaN");
        }
      }
    }
    return {};
  }

  // From lists to nodes. Where each inner node leads is checked later.
  Status take_nodes() {
    Trees& trees = forest_.trees_;
    for (std::size_t i = 0; i < lists_.weight.size(); ++i) {
      if (lists_.weight_target[i] >= forest_.target_count_) {
        return refuse("weight " + std::to_string(i) + " is for a target that is not there");
      }
      trees.weights.push_back({lists_.weight_target[i], lists_.weight[i]});
    }
    trees.nodes.resize(lists_.branch.size());
    for (std::size_t i = 0; i < trees.nodes.size(); ++i) {
      if (lists_.branch[i] > contract::branch::kMember) return refuse_node(i, "unknown branch");
      trees.nodes[i] = {static_cast<Branch>(lists_.branch[i]),
                        lists_.missing_is_true[i] != 0,
                        lists_.column[i],
                        lists_.value[i],
                        lists_.when_true[i],
                        lists_.when_false[i],
                        lists_.set_of_node.empty() ? 0 : lists_.set_of_node[i]};
    }
    return {};
  }

  Status check_roots() {
    const std::vector<std::uint32_t>& roots = forest_.trees_.roots;
    if (roots.empty() || roots.front() != 0) return refuse("the first tree must begin at node 0");
    for (std::size_t tree = 1; tree < roots.size(); ++tree) {
      if (roots[tree] <= roots[tree - 1]) return refuse("the roots do not ascend");
    }
    if (roots.back() >= forest_.trees_.nodes.size()) return refuse("a root is not there");
    return {};
  }

  // Every node of a tree but its root has one parent, before it: there are no cycles, and nothing
  // is left over.
  Status check_nodes() {
    const Trees& trees = forest_.trees_;
    std::vector<bool> has_parent(trees.nodes.size());
    for (std::size_t tree = 0; tree < trees.roots.size(); ++tree) {
      const std::uint32_t end = trees.end_of_tree(tree);
      for (std::uint32_t i = trees.roots[tree]; i < end; ++i) {
        if (i != trees.roots[tree] && !has_parent[i]) return refuse_node(i, "nothing leads to it");
        const TreeNode& node = trees.nodes[i];
        if (Status s = node.branch == Branch::kLeaf ? check_leaf(i) : check_question(i); !s.ok()) {
          return s;
        }
        if (node.branch == Branch::kLeaf) continue;
        for (const std::uint32_t child : {node.when_true, node.when_false}) {
          if (child <= i || child >= end)
            return refuse_node(i, "a child is not after it in its tree");
          if (has_parent[child]) return refuse_node(child, "two nodes lead to it");
          has_parent[child] = true;
        }
      }
    }
    return {};
  }

  Status check_leaf(std::uint32_t i) const {
    const TreeNode& leaf = forest_.trees_.nodes[i];
    const std::size_t count = forest_.trees_.weights.size();
    if (leaf.when_true > count || leaf.when_false > count - leaf.when_true) {
      return refuse_node(i, "its weights are not there");
    }
    return {};
  }

  Status check_question(std::uint32_t i) const {
    const TreeNode& node = forest_.trees_.nodes[i];
    if (node.column >= forest_.column_count_) return refuse_node(i, "its column is not there");
    if (node.branch == Branch::kMember && node.set >= forest_.trees_.member_sets.size()) {
      return refuse_node(i, "its set is not there");
    }
    return {};
  }

  Forest forest_;
  Lists lists_;
  std::uint32_t aggregate_ = 0;
};

Result<Forest> Forest::load(std::span<const std::uint8_t> bytes) {
  return ForestParser().parse(bytes);
}

}  // namespace fenqi::models
