#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "models/forest.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "base/counted_heap.h"
#include "forest_image.h"

using namespace fenqi;
using namespace fenqi::models;
using namespace fenqi::models::testing;

namespace {

Forest load(const ForestImage& image) {
  auto forest = Forest::load(image.bytes());
  REQUIRE_MESSAGE(forest.ok(), forest.status().message);
  return std::move(forest.value());
}

std::vector<float> predict(const Forest& forest, std::span<const float> row) {
  std::vector<float> targets(forest.target_count());
  forest.predict(row, targets);
  return targets;
}

bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

// Whether rows one by one, and all in batches, get the bits that the plain evaluation gives.
void check_rows(RandomForest& random, std::size_t count) {
  const Forest forest = load(random.image());
  std::vector<float> rows, expected;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<float> row = random.row();
    const std::vector<float> scores = evaluate(random.image(), row);
    wrong += same_bits(predict(forest, row), scores) ? 0 : 1;
    rows.insert(rows.end(), row.begin(), row.end());
    expected.insert(expected.end(), scores.begin(), scores.end());
  }
  CHECK(wrong == 0);
  for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{8}, count}) {
    std::vector<float> found(expected.size());
    for (std::size_t i = 0; i < count; i += size) {
      forest.predict_batch(rows.data() + i * forest.column_count(), std::min(size, count - i),
                           found.data() + i * forest.target_count());
    }
    CHECK(same_bits(found, expected));
  }
}

std::string refusal(const ForestImage& image) {
  auto forest = Forest::load(image.bytes());
  return forest.ok() ? "" : forest.status().message;
}

// x <= 1 leads to node 1, else to node 2.
ForestImage stump() {
  ForestImage image;
  image.roots = {0};
  for (int i = 0; i < 3; ++i) image.add_node();
  image.branch[0] = branch::kLeq;
  image.value[0] = 1.0f;
  image.when_true = {1, 0, 1};
  image.when_false = {2, 1, 1};
  image.weight_target = {0, 0};
  image.weight = {-0.5f, 0.25f};
  return image;
}

}  // namespace

TEST_CASE("random forests give the bits of a plain evaluation, for one row and for batches") {
  for (std::uint32_t seed = 0; seed < 60; ++seed) {
    CAPTURE(seed);
    Shape shape;
    shape.trees = 1 + seed % 40;
    shape.depth = seed % 9;
    shape.columns = 1 + seed % 6;
    RandomForest random(shape, seed);
    random.image().aggregate = aggregate::kSum + seed % 4;
    if (seed % 3 == 0) random.image().base_values = {0.3f};
    check_rows(random, 100);
  }
}

TEST_CASE("forests of many trees give the bits of a plain evaluation") {
  for (const std::size_t trees : {255u, 256u, 257u, 600u}) {
    CAPTURE(trees);
    RandomForest random({.trees = trees, .depth = 5, .columns = 40, .branches = branch::kLeq}, 1);
    check_rows(random, 130);
  }
}

TEST_CASE("forests of small trees give the bits of a plain evaluation") {
  for (std::uint32_t seed = 0; seed < 80; ++seed) {
    CAPTURE(seed);
    RandomForest random({.trees = 1 + seed * 2,
                         .depth = seed % 4,
                         .columns = 1 + seed % 20,
                         .branches = branch::kGt},
                        seed);
    random.image().aggregate = aggregate::kSum + seed % 4;
    if (seed % 3 == 0) random.image().base_values = {0.3f};
    check_rows(random, 100);
  }
}

TEST_CASE("forests of several targets give the bits of a plain evaluation") {
  for (std::uint32_t seed = 0; seed < 24; ++seed) {
    CAPTURE(seed);
    RandomForest random({.trees = 1 + seed, .targets = 1 + seed % 3, .weights_of_leaf = 3}, seed);
    random.image().aggregate = aggregate::kSum + seed % 4;
    if (seed % 5 == 0) random.image().base_values.assign(1 + seed % 3, -0.7f);
    check_rows(random, 40);
  }
}

TEST_CASE("rows of the most columns are predicted, in batches too") {
  RandomForest random({.trees = 20, .columns = Forest::kMostColumns}, 3);
  check_rows(random, 10);
}

// The steps of one level lie further apart than 16 bits can say.
TEST_CASE("a tree of a hundred thousand leaves gives the bits of a plain evaluation") {
  ForestImage image;
  image.column_count = 20;
  image.roots = {0};
  constexpr std::size_t kInner = (1u << 17) - 1;
  for (std::size_t i = 0; i < 2 * kInner + 1; ++i) image.add_node();
  std::mt19937 chosen(5);
  for (std::size_t i = 0; i < kInner; ++i) {
    image.branch[i] = branch::kLt;
    image.column[i] = chosen() % 20;
    image.value[i] = std::normal_distribution<float>()(chosen);
    image.when_true[i] = static_cast<std::int64_t>(2 * i + 1);
    image.when_false[i] = static_cast<std::int64_t>(2 * i + 2);
  }
  for (std::size_t i = kInner; i < 2 * kInner + 1; ++i) {
    image.when_true[i] = static_cast<std::int64_t>(i - kInner);
    image.when_false[i] = 1;
    image.weight_target.push_back(0);
    image.weight.push_back(static_cast<float>(i));
  }
  const Forest forest = load(image);
  std::vector<float> rows(20 * 50);
  for (float& x : rows) x = std::normal_distribution<float>()(chosen);
  std::vector<float> batch(50);
  forest.predict_batch(rows.data(), 50, batch.data());
  for (std::size_t i = 0; i < 50; ++i) {
    const auto row = std::span<const float>(rows).subspan(i * 20, 20);
    CHECK(predict(forest, row) == evaluate(image, row));
    CHECK(batch[i] == evaluate(image, row)[0]);
  }
}

TEST_CASE("an absent base value turns a negative zero positive where onnxruntime's does") {
  ForestImage image = stump();
  image.aggregate = aggregate::kMin;
  image.weight = {-0.0f, -0.0f};
  const float row[] = {0.0f};
  CHECK_FALSE(std::signbit(predict(load(image), row)[0]));
}

TEST_CASE("the parsed trees can be read") {
  const ForestImage image = stump();
  const Forest forest = load(image);
  REQUIRE(forest.nodes().size() == 3);
  CHECK(forest.nodes()[0].branch == Branch::kLeq);
  CHECK(forest.nodes()[0].value == 1.0f);
  const TreeNode& leaf = forest.nodes()[forest.nodes()[0].when_false];
  CHECK(leaf.branch == Branch::kLeaf);
  CHECK(forest.weights()[leaf.when_true].value == 0.25f);
  CHECK(forest.roots().size() == 1);
}

TEST_CASE("predictions take nothing from the heap") {
  for (const std::uint32_t targets : {1u, 3u}) {
    RandomForest random({.trees = 300, .targets = targets}, 4);
    const Forest forest = load(random.image());
    const std::vector<float> row = random.row();
    std::vector<float> rows;
    for (int i = 0; i < 100; ++i) rows.insert(rows.end(), row.begin(), row.end());
    std::vector<float> out(100 * targets);
    const std::uint64_t before = allocations;
    forest.predict(row, {out.data(), targets});
    forest.predict_batch(rows.data(), 100, out.data());
    CHECK(allocations == before);
  }
}

TEST_CASE("what is not a forest is refused, and the refusal names the node") {
  REQUIRE(refusal(stump()).empty());
  const auto refused = [](auto change) {
    ForestImage image = stump();
    change(image);
    return refusal(image);
  };
  using Image = ForestImage;
  CHECK(refused([](Image& f) { f.column_count = 0; }).find("columns") != std::string::npos);
  CHECK(refused([](Image& f) { f.column_count = 5000; }).find("columns") != std::string::npos);
  CHECK(refused([](Image& f) { f.target_count = 0; }).find("targets") != std::string::npos);
  CHECK(refused([](Image& f) { f.column[0] = 1; }) == "forest: node 0: its column is not there");
  CHECK(refused([](Image& f) { f.when_true[0] = 0; }) ==
        "forest: node 0: a child is not after it in its tree");
  CHECK(refused([](Image& f) { f.when_true[0] = 3; }) ==
        "forest: node 0: a child is not after it in its tree");
  CHECK(refused([](Image& f) { f.when_true[0] = 2; }) == "forest: node 2: two nodes lead to it");
  CHECK(refused([](Image& f) { f.branch[0] = 0; }) == "forest: node 0: its weights are not there");
  CHECK(refused([](Image& f) {
          f.branch[0] = f.when_true[0] = 0;
          f.when_false[0] = 3;
        }) == "forest: node 0: its weights are not there");
  CHECK(refused([](Image& f) { f.branch[0] = f.when_true[0] = f.when_false[0] = 0; }) ==
        "forest: node 1: nothing leads to it");
  CHECK(refused([](Image& f) { f.branch[0] = 8; }) == "forest: node 0: unknown branch");
  CHECK(refused([](Image& f) { f.branch[0] = branch::kMember; }) ==
        "forest: node 0: its set is not there");
  CHECK(refused([](Image& f) { f.when_false[2] = 2; }) ==
        "forest: node 2: its weights are not there");
  CHECK(refused([](Image& f) { f.roots = {}; }) == "forest: the first tree must begin at node 0");
  CHECK(refused([](Image& f) { f.roots = {0, 0}; }) == "forest: the roots do not ascend");
  CHECK(refused([](Image& f) {
          f.roots = {0, 1};
        }) == "forest: node 0: a child is not after it in its tree");
  CHECK(refused([](Image& f) { f.roots = {0, 3}; }) == "forest: a root is not there");
  CHECK(refused([](Image& f) { f.weight_target[1] = 1; }) ==
        "forest: weight 1 is for a target that is not there");
  CHECK(refused([](Image& f) { f.value.pop_back(); }) ==
        "forest: the lists of nodes are of different lengths");
  CHECK(refused([](Image& f) { f.weight.pop_back(); }) ==
        "forest: the lists of weights are of different lengths");
  CHECK(refused([](Image& f) {
          f.member_sets = {{2.0f, 1.0f}};
        }).find("sorted") != std::string::npos);
  CHECK(refused([](Image& f) {
          f.base_values = {1.0f, 2.0f};
        }).find("base value") != std::string::npos);
  CHECK(refused([](Image& f) { f.aggregate = 5; }) == "forest: unknown aggregate 5");
}

TEST_CASE("member sets that would fill the memory are refused") {
  ForestImage image;
  image.roots = {0};
  auto& set = image.member_sets.emplace_back();
  for (int i = 0; i < 1 << 16; ++i) set.push_back(static_cast<float>(i));
  // A chain of questions of the same large set.
  constexpr std::int64_t kLength = 400;
  for (std::int64_t i = 0; i < kLength; ++i) {
    const std::size_t node = image.add_node();
    image.branch[node] = branch::kMember;
    image.when_true[node] = 2 * i + 1;
    image.when_false[node] = 2 * i + 2;
    image.add_node();
  }
  image.add_node();
  CHECK(refusal(image) == "forest: its member sets make it too large for a native model");
}

TEST_CASE("damaged bytes are refused or make another forest, never harm") {
  RandomForest random({.trees = 5, .depth = 4, .targets = 2, .weights_of_leaf = 2}, 9);
  const Bytes sound = random.image().bytes();
  std::mt19937 chosen(11);
  std::size_t refused = 0;
  for (int i = 0; i < 3000; ++i) {
    Bytes bytes = sound;
    bytes[chosen() % bytes.size()] = static_cast<std::uint8_t>(chosen());
    if (chosen() % 4 == 0) bytes.resize(chosen() % bytes.size());
    auto forest = Forest::load(bytes);
    if (!forest.ok()) {
      ++refused;
      continue;
    }
    const std::vector<float> row(forest.value().column_count(), 0.5f);
    CHECK(predict(forest.value(), row).size() == forest.value().target_count());
  }
  CHECK(refused > 1000);
}
