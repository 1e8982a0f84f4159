// Interventional Shapley values by their definition, on random forests: every subset of the inputs
// where they are few, every reference row and leaf where they are many.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "models/tree_explanation.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <set>

#include "base/counted_heap.h"
#include "forest_image.h"

using namespace fenqi::models;
using namespace fenqi::models::testing;

namespace {

struct Case {
  ForestImage image;
  std::vector<std::uint32_t> player_of_column;
  std::uint32_t players = 0;
  std::vector<std::vector<float>> reference;
  std::vector<std::vector<float>> rows;
  std::vector<double> weight_of_target = {1.0};

  // In double, unlike Forest::predict.
  double predict(std::span<const float> row) const {
    double sum = 0.0;
    for (const std::int64_t root : image.roots) {
      sum += worth(leaf_of(image, static_cast<std::size_t>(root), row));
    }
    return sum;
  }

  double worth(std::size_t leaf) const {
    double sum = 0.0;
    for (std::int64_t i = 0; i < image.when_false[leaf]; ++i) {
      const auto at = static_cast<std::size_t>(image.when_true[leaf] + i);
      sum += weight_of_target[static_cast<std::size_t>(image.weight_target[at])] * image.weight[at];
    }
    const bool is_mean = image.aggregate == aggregate::kAverage;
    return is_mean ? sum / static_cast<double>(image.roots.size()) : sum;
  }
};

fenqi::Result<TreeExplanation> try_build(const Case& c) {
  auto forest = Forest::load(c.image.bytes());
  REQUIRE_MESSAGE(forest.ok(), forest.status().message);
  std::vector<float> flat;
  for (const auto& row : c.reference) flat.insert(flat.end(), row.begin(), row.end());
  return TreeExplanation::build(
      {forest.value(), c.weight_of_target, c.player_of_column, c.players, flat});
}

TreeExplanation build(const Case& c) {
  auto built = try_build(c);
  REQUIRE_MESSAGE(built.ok(), built.status().message);
  return std::move(built.value());
}

// The applicant's values for the inputs in `taken`, the reference's for the others.
std::vector<float> mixed(const Case& c, const std::vector<float>& x, const std::vector<float>& z,
                         std::uint32_t taken) {
  std::vector<float> row = z;
  for (std::size_t i = 0; i < row.size(); ++i) {
    if ((taken >> c.player_of_column[i]) & 1) row[i] = x[i];
  }
  return row;
}

// Shapley (1953), over all subsets.
std::vector<double> by_subsets(const Case& c, const std::vector<float>& x) {
  const std::uint32_t sets = 1u << c.players;
  std::vector<double> worth(sets);
  for (std::uint32_t taken = 0; taken < sets; ++taken) {
    for (const auto& z : c.reference) {
      worth[taken] += c.predict(mixed(c, x, z, taken)) / c.reference.size();
    }
  }
  std::vector<double> parts(c.players);
  for (std::uint32_t p = 0; p < c.players; ++p) {
    for (std::uint32_t taken = 0; taken < sets; ++taken) {
      if ((taken >> p) & 1) continue;
      const int size = std::popcount(taken);
      const double weight =
          std::tgamma(size + 1) * std::tgamma(c.players - size) / std::tgamma(c.players + 1);
      parts[p] += weight * (worth[taken | (1u << p)] - worth[taken]);
    }
  }
  return parts;
}

// Leaf by leaf and reference row by reference row.
class ByLeaves {
 public:
  ByLeaves(const Case& c, const std::vector<float>& x) : c_(c), x_(x), parts_(c.players) {
    for (const auto& z : c.reference) {
      for (const std::int64_t root : c.image.roots) {
        descend(static_cast<std::size_t>(root), z, {}, {});
      }
    }
    for (double& part : parts_) part /= static_cast<double>(c.reference.size());
  }
  const std::vector<double>& parts() const { return parts_; }

 private:
  void descend(std::size_t node, const std::vector<float>& z, std::set<std::uint32_t> x_fails,
               std::set<std::uint32_t> z_fails) {
    const ForestImage& f = c_.image;
    if (f.branch[node] == 0) return pay(c_.worth(node), x_fails, z_fails);
    const auto column = static_cast<std::size_t>(f.column[node]);
    const std::uint32_t player = c_.player_of_column[column];
    for (const bool way : {true, false}) {
      auto of_x = x_fails, of_z = z_fails;
      if (answer(f, node, x_[column]) != way) of_x.insert(player);
      if (answer(f, node, z[column]) != way) of_z.insert(player);
      descend(static_cast<std::size_t>(way ? f.when_true[node] : f.when_false[node]), z, of_x,
              of_z);
    }
  }

  void pay(double value, const std::set<std::uint32_t>& x_fails,
           const std::set<std::uint32_t>& z_fails) {
    for (const std::uint32_t p : x_fails) {
      if (z_fails.contains(p)) return;
    }
    const double f = static_cast<double>(x_fails.size()), n = static_cast<double>(z_fails.size());
    const double all = std::lgamma(f + n + 1);
    for (const std::uint32_t p : z_fails) {
      parts_[p] += value * std::exp(std::lgamma(n) + std::lgamma(f + 1) - all);
    }
    for (const std::uint32_t p : x_fails) {
      parts_[p] -= value * std::exp(std::lgamma(n + 1) + std::lgamma(f) - all);
    }
  }

  const Case& c_;
  const std::vector<float>& x_;
  std::vector<double> parts_;
};

Case make_case(std::uint32_t seed, const Shape& shape, std::uint32_t players,
               std::size_t reference) {
  RandomForest random(shape, seed);
  Case c;
  c.image = random.image();
  c.players = players;
  // Several columns may belong to one input.
  for (std::uint32_t i = 0; i < shape.columns; ++i) c.player_of_column.push_back(i % players);
  for (std::size_t i = 0; i < reference; ++i) c.reference.push_back(random.row());
  for (int i = 0; i < 12; ++i) c.rows.push_back(random.row());
  return c;
}

// Question i asks whether column i is at most 0, and has one leaf.
Case make_chain(std::uint32_t columns) {
  Case c = make_case(5, {.trees = 0, .columns = columns}, columns, 40);
  c.image.roots = {0};
  for (std::uint32_t i = 0; i <= columns; ++i) {
    if (i < columns) {
      const std::size_t node = c.image.add_node();
      c.image.branch[node] = branch::kLeq;
      c.image.column[node] = i;
      c.image.value[node] = 2.5f;
      c.image.missing_is_true[node] = i % 3 != 0;
      c.image.when_false[node] = static_cast<std::int64_t>(node + 1);
      c.image.when_true[node] = static_cast<std::int64_t>(node + 2);
    }
    const std::size_t leaf = c.image.add_node();
    c.image.when_true[leaf] = i;
    c.image.when_false[leaf] = 1;
    c.image.weight_target.push_back(0);
    c.image.weight.push_back(0.1f * static_cast<float>(i) - 1.0f);
  }
  return c;
}

void check_close(const std::vector<double>& found, const std::vector<double>& wanted) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    CHECK(std::abs(found[i] - wanted[i]) < 1e-6);
  }
}

std::vector<double> explain(const TreeExplanation& explanation, const std::vector<float>& row) {
  TreeExplanation::Scratch scratch(explanation);
  std::vector<double> parts(explanation.players(), std::nan(""));
  explanation.explain(row, scratch, parts);
  return parts;
}

}  // namespace

TEST_CASE("parts are the Shapley values by definition, for every kind of question") {
  for (std::uint32_t seed = 0; seed < 30; ++seed) {
    const Shape shape{.trees = 4, .depth = 5, .columns = 3 + seed % 5};
    const Case c = make_case(seed, shape, 2 + seed % (shape.columns - 1), 1 + seed % 7);
    const TreeExplanation explanation = build(c);
    for (const auto& row : c.rows) check_close(explain(explanation, row), by_subsets(c, row));
  }
}

TEST_CASE("parts of large trees are those of all leaves and reference rows") {
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    const Case c = make_case(seed, {.trees = 3, .depth = 12, .columns = 24}, 24, 25);
    const TreeExplanation explanation = build(c);
    for (const auto& row : c.rows) check_close(explain(explanation, row), ByLeaves(c, row).parts());
  }
}

TEST_CASE("so are those of trees that are too deep for tables") {
  Case c = make_chain(30);
  const TreeExplanation explanation = build(c);
  CHECK(explanation.list_bytes() > 0);
  c.rows.push_back(c.reference[3]);
  c.rows.push_back(std::vector<float>(30, 0.0f));
  for (const auto& row : c.rows) check_close(explain(explanation, row), ByLeaves(c, row).parts());
}

TEST_CASE("base and parts add up to the prediction") {
  for (std::uint32_t seed = 0; seed < 4; ++seed) {
    const Case c = make_case(seed, {.trees = 30, .depth = 8, .columns = 20}, 20, 50);
    const TreeExplanation explanation = build(c);
    double mean = 0.0;
    for (const auto& row : c.reference) mean += c.predict(row) / c.reference.size();
    CHECK(std::abs(explanation.base() - mean) < 1e-9);
    for (const auto& row : c.rows) {
      const std::vector<double> parts = explain(explanation, row);
      const double sum = std::accumulate(parts.begin(), parts.end(), explanation.base());
      CHECK(std::abs(sum - c.predict(row)) < 1e-6);
    }
  }
}

TEST_CASE("of several outputs a weighted sum is explained, a mean of trees like a sum") {
  Case c = make_case(6, {.trees = 5, .columns = 5, .targets = 3, .weights_of_leaf = 4}, 5, 6);
  for (const std::uint32_t of_trees : {aggregate::kSum, aggregate::kAverage}) {
    c.image.aggregate = of_trees;
    for (const auto& weights : {std::vector{0.0, 1.0, 0.0}, {-1.0, 2.0, 0.5}}) {
      c.weight_of_target = weights;
      const TreeExplanation explanation = build(c);
      for (const auto& row : c.rows) check_close(explain(explanation, row), by_subsets(c, row));
    }
  }
}

TEST_CASE("an input that no tree asks gets nothing") {
  Case c = make_case(1, {.trees = 5, .columns = 6}, 6, 9);
  for (std::int64_t& column : c.image.column) column = column == 4 ? 0 : column;
  const TreeExplanation explanation = build(c);
  for (const auto& row : c.rows) CHECK(explain(explanation, row)[4] == 0.0);
}

TEST_CASE("an applicant who is the only reference row differs from it in nothing") {
  const Case c = make_case(2, {.trees = 6, .columns = 8}, 8, 1);
  for (const double part : explain(build(c), c.reference[0])) CHECK(part == 0.0);
}

TEST_CASE("the same row gives the same bits, and takes nothing from the heap") {
  const Case c = make_case(3, {.trees = 20, .depth = 9, .columns = 30}, 30, 30);
  const TreeExplanation explanation = build(c);
  TreeExplanation::Scratch scratch(explanation);
  std::vector<double> once(30), again(30);
  explanation.explain(c.rows[0], scratch, once);
  explanation.explain(c.rows[1], scratch, again);
  const std::uint64_t before = allocations;
  explanation.explain(c.rows[0], scratch, again);
  CHECK(allocations == before);
  CHECK(once == again);
}

TEST_CASE("a forest without questions explains nothing") {
  const Case c = make_case(4, {.trees = 3, .depth = 0, .columns = 2}, 2, 3);
  const TreeExplanation explanation = build(c);
  CHECK(explanation.base() == doctest::Approx(c.predict(c.rows[0])));
  CHECK(explain(explanation, c.rows[0]) == std::vector<double>{0.0, 0.0});
}

TEST_CASE("a path that asks more inputs than a mask has bits is refused") {
  const auto built = try_build(make_chain(33));
  REQUIRE(!built.ok());
  CHECK(built.status().message.find("more than 32 inputs") != std::string::npos);
}

TEST_CASE("trees of which one counts are refused") {
  Case c = make_case(8, {}, 5, 3);
  c.image.aggregate = aggregate::kMax;
  CHECK(!try_build(c).ok());
}
