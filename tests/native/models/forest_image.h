// Forests for tests: made at random, serialized, and evaluated the plain way.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "fenqi/contract.h"
#include "wire/writer.h"

namespace fenqi::models::testing {

namespace image = contract::internal::forest;
namespace branch = contract::branch;
namespace aggregate = contract::aggregate;

using Bytes = std::vector<std::uint8_t>;

// The message Forest, list by list.
struct ForestImage {
  std::uint32_t column_count = 1;
  std::uint32_t target_count = 1;
  std::vector<std::int64_t> roots, branch, column, missing_is_true, when_true, when_false, set;
  std::vector<float> value;
  std::vector<std::vector<float>> member_sets;
  std::vector<std::int64_t> weight_target;
  std::vector<float> weight;
  std::vector<float> base_values;
  std::uint32_t aggregate = aggregate::kSum;

  Bytes bytes() const {
    wire::MessageWriter writer;
    const auto floats = [&](std::uint32_t number, const std::vector<float>& values) {
      writer.string(number, {reinterpret_cast<const char*>(values.data()), values.size() * 4});
    };
    writer.uint(image::kColumnCount, column_count);
    writer.uint(image::kTargetCount, target_count);
    writer.packed(image::kRoots, roots);
    writer.packed(image::kBranch, branch);
    writer.packed(image::kColumn, column);
    floats(image::kValue, value);
    writer.packed(image::kMissingIsTrue, missing_is_true);
    writer.packed(image::kWhenTrue, when_true);
    writer.packed(image::kWhenFalse, when_false);
    writer.packed(image::kSetOfNode, set);
    for (const std::vector<float>& values : member_sets) {
      const auto mark = writer.begin(image::kMemberSets);
      floats(contract::internal::member_set::kValues, values);
      writer.end(mark);
    }
    writer.packed(image::kWeightTarget, weight_target);
    floats(image::kWeight, weight);
    floats(image::kBaseValues, base_values);
    writer.uint(image::kAggregate, aggregate);
    return Bytes(writer.bytes().begin(), writer.bytes().end());
  }

  std::size_t add_node() {
    for (auto* list : {&branch, &column, &missing_is_true, &when_true, &when_false, &set}) {
      list->push_back(0);
    }
    value.push_back(0.0f);
    return branch.size() - 1;
  }
};

struct Shape {
  std::size_t trees = 10;
  std::size_t depth = 6;
  std::uint32_t columns = 5;
  std::uint32_t targets = 1;
  std::uint32_t weights_of_leaf = 1;
  // Of the branch modes, the first so many: all, or four that ask for an order, or LEQ alone.
  std::uint32_t branches = branch::kMember;
};

// What is compared, and asked: few values, so that rows meet split values; with neighbours, zeros
// of both signs, denormals, infinities and NaN.
inline float any_value(std::mt19937& chosen) {
  constexpr float kSome[] = {0.0f,
                             -0.0f,
                             1.0f,
                             2.0f,
                             3.0f,
                             -1.5f,
                             0.1f,
                             1e-42f,
                             -1e-42f,
                             3e38f,
                             std::numeric_limits<float>::infinity(),
                             -std::numeric_limits<float>::infinity(),
                             std::numeric_limits<float>::quiet_NaN()};
  const float value = kSome[chosen() % std::size(kSome)];
  switch (chosen() % 4) {
    case 0:
      return std::nextafter(value, 1e30f);
    case 1:
      return std::nextafter(value, -1e30f);
    default:
      return value;
  }
}

class RandomForest {
 public:
  RandomForest(const Shape& shape, std::uint32_t seed) : shape_(shape), chosen_(seed) {
    forest_.column_count = shape.columns;
    forest_.target_count = shape.targets;
    for (int i = 0; i < 4; ++i) forest_.member_sets.push_back(any_set());
    for (std::size_t tree = 0; tree < shape.trees; ++tree) {
      forest_.roots.push_back(static_cast<std::int64_t>(forest_.branch.size()));
      add(chosen_() % (shape.depth + 1));
    }
  }

  ForestImage& image() { return forest_; }

  std::vector<float> row() {
    std::vector<float> row(shape_.columns);
    for (float& x : row) x = any_value(chosen_);
    return row;
  }

 private:
  std::vector<float> any_set() {
    std::vector<float> set(chosen_() % 9);
    for (float& value : set) value = any_value(chosen_);
    std::erase_if(set, [](float x) { return std::isnan(x); });
    std::sort(set.begin(), set.end());
    set.erase(std::unique(set.begin(), set.end()), set.end());
    return set;
  }

  std::int64_t add(std::size_t depth) {
    const std::size_t node = forest_.add_node();
    if (depth == 0) {
      forest_.when_true[node] = static_cast<std::int64_t>(forest_.weight.size());
      const std::uint32_t weights =
          shape_.weights_of_leaf == 1 ? 1 : chosen_() % (shape_.weights_of_leaf + 1);
      forest_.when_false[node] = weights;
      for (std::uint32_t i = 0; i < weights; ++i) {
        forest_.weight_target.push_back(chosen_() % shape_.targets);
        forest_.weight.push_back(std::normal_distribution<float>()(chosen_));
      }
      return static_cast<std::int64_t>(node);
    }
    forest_.branch[node] = 1 + chosen_() % shape_.branches;
    forest_.column[node] = chosen_() % shape_.columns;
    forest_.value[node] = any_value(chosen_);
    forest_.missing_is_true[node] = chosen_() % 2;
    if (forest_.branch[node] == branch::kMember) {
      forest_.set[node] = static_cast<std::int64_t>(chosen_() % forest_.member_sets.size());
    }
    // One side goes on to the full depth, the other ends anywhere.
    const bool is_true_deep = chosen_() % 2 == 0;
    const std::size_t other = chosen_() % depth;
    const std::int64_t when_true = add(is_true_deep ? depth - 1 : other);
    forest_.when_true[node] = when_true;
    const std::int64_t when_false = add(is_true_deep ? other : depth - 1);
    forest_.when_false[node] = when_false;
    return static_cast<std::int64_t>(node);
  }

  Shape shape_;
  std::mt19937 chosen_;
  ForestImage forest_;
};

// The answer of a node, by the operator's specification.
inline bool answer(const ForestImage& forest, std::size_t node, float x) {
  if (std::isnan(x)) return forest.missing_is_true[node] != 0;
  const float v = forest.value[node];
  switch (static_cast<std::uint32_t>(forest.branch[node])) {
    case branch::kLeq:
      return x <= v;
    case branch::kLt:
      return x < v;
    case branch::kGte:
      return x >= v;
    case branch::kGt:
      return x > v;
    case branch::kEq:
      return x == v;
    case branch::kNeq:
      return x != v;
    default: {
      const auto& set = forest.member_sets[static_cast<std::size_t>(forest.set[node])];
      return std::find(set.begin(), set.end(), x) != set.end();
    }
  }
}

inline std::size_t leaf_of(const ForestImage& forest, std::size_t node,
                           std::span<const float> row) {
  if (forest.branch[node] == 0) return node;
  const float x = row[static_cast<std::size_t>(forest.column[node])];
  const bool is_true = answer(forest, node, x);
  return leaf_of(
      forest, static_cast<std::size_t>(is_true ? forest.when_true[node] : forest.when_false[node]),
      row);
}

// What the forest says of a row: sums in float32, in the order of trees and weights.
inline std::vector<float> evaluate(const ForestImage& forest, std::span<const float> row) {
  std::vector<float> scores(forest.target_count, 0.0f);
  std::vector<bool> has_score(forest.target_count);
  for (const std::int64_t root : forest.roots) {
    const std::size_t leaf = leaf_of(forest, static_cast<std::size_t>(root), row);
    for (std::int64_t i = 0; i < forest.when_false[leaf]; ++i) {
      const auto at = static_cast<std::size_t>(forest.when_true[leaf] + i);
      const auto target = static_cast<std::size_t>(forest.weight_target[at]);
      const float weight = forest.weight[at];
      float& score = scores[target];
      if (forest.aggregate == aggregate::kMin && has_score[target]) {
        score = std::min(score, weight);
      } else if (forest.aggregate == aggregate::kMax && has_score[target]) {
        score = std::max(score, weight);
      } else {
        score += weight;
      }
      has_score[target] = true;
    }
  }
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (forest.aggregate == aggregate::kAverage) {
      scores[i] /= static_cast<float>(forest.roots.size());
    }
    if (!forest.base_values.empty()) scores[i] += forest.base_values[i];
  }
  return scores;
}

}  // namespace fenqi::models::testing
