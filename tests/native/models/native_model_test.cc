#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "models/native_model.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "base/counted_heap.h"
#include "fenqi/contract.h"
#include "forest_image.h"
#include "models/model.h"
#include "wire/writer.h"

namespace {

namespace image = fenqi::contract::internal;
namespace kind = fenqi::contract::step_kind;
namespace type = fenqi::contract::tensor_type;
using fenqi::models::ElementType;
using fenqi::models::Model;
using fenqi::models::ModelRun;
using fenqi::models::NativeModel;
using fenqi::models::NativeRun;
using fenqi::models::testing::Bytes;

using Fields = std::vector<std::pair<std::uint32_t, std::uint64_t>>;

// The message NativeModel. Cells of floats: constants 2 and 3, then the input's two.
struct ModelImage {
  std::uint64_t float_cells = 10;
  std::vector<float> floats = {2.0f, 3.0f};
  std::vector<std::string> texts;
  std::vector<Fields> steps;
  std::vector<Bytes> forests;
  std::vector<std::int64_t> copied;
  Fields input = {{image::native_tensor::kType, type::kFloat},
                  {image::native_tensor::kFirstCell, 2},
                  {image::native_tensor::kWidth, 2}};
  Fields output = {{image::native_tensor::kType, type::kFloat},
                   {image::native_tensor::kFirstCell, 4},
                   {image::native_tensor::kWidth, 2}};

  Bytes bytes() const {
    fenqi::wire::MessageWriter writer;
    writer.uint(image::native_model::kFloatCells, float_cells);
    writer.uint(image::native_model::kIntCells, 10);
    writer.uint(image::native_model::kTextCells, texts.size());
    writer.string(image::native_model::kFloatConstants,
                  {reinterpret_cast<const char*>(floats.data()), floats.size() * 4});
    for (const std::string& text : texts) writer.string(image::native_model::kTextConstants, text);
    write(writer, image::native_model::kInputs, input, "x");
    write(writer, image::native_model::kOutputs, output, "y");
    for (const Fields& step : steps) write(writer, image::native_model::kSteps, step, {});
    for (const Bytes& forest : forests) {
      const auto mark = writer.begin(image::native_model::kForests);
      writer.raw(forest);
      writer.end(mark);
    }
    writer.packed(image::native_model::kCopiedCells, copied);
    return Bytes(writer.bytes().begin(), writer.bytes().end());
  }

  static void write(fenqi::wire::MessageWriter& writer, std::uint32_t number, const Fields& fields,
                    std::string_view name) {
    const auto mark = writer.begin(number);
    if (!name.empty()) writer.string(image::native_tensor::kName, name);
    for (const auto& [field, value] : fields) writer.uint(field, value);
    writer.end(mark);
  }
};

namespace step = image::model_step;

// y = 2 x + 3, into cells 4 and 5 by way of 6 and 7.
ModelImage line() {
  ModelImage model;
  model.steps = {{{step::kKind, kind::kMultiply},
                  {step::kType, type::kFloat},
                  {step::kA, 2},
                  {step::kB, 0},
                  {step::kSingle, 2},
                  {step::kResult, 6},
                  {step::kCount, 2}},
                 {{step::kKind, kind::kAdd},
                  {step::kType, type::kFloat},
                  {step::kA, 6},
                  {step::kB, 1},
                  {step::kSingle, 2},
                  {step::kResult, 4},
                  {step::kCount, 2}}};
  return model;
}

void set(Fields& fields, std::uint32_t field, std::uint64_t value) {
  for (auto& [number, old] : fields) {
    if (number == field) {
      old = value;
      return;
    }
  }
  fields.emplace_back(field, value);
}

bool loads(const ModelImage& model) {
  return NativeModel::load(model.bytes()).ok();
}

}  // namespace

TEST_CASE("steps follow one another over the cells of a row") {
  const auto model = NativeModel::load(line().bytes());
  REQUIRE(model.ok());
  NativeRun run(model.value());
  for (const float x : {1.0f, -0.5f, 100.0f}) {
    run.floats(0)[0] = x;
    run.floats(0)[1] = 2 * x;
    REQUIRE(run.run().ok());
    CHECK(run.output(0, 0) == 2 * x + 3);
    CHECK(run.output(0, 1) == 4 * x + 3);
  }
}

TEST_CASE("a run takes nothing from the heap") {
  ModelImage image_of_both = line();
  image_of_both.forests.push_back([] {
    fenqi::models::testing::ForestImage forest;
    forest.column_count = 2;
    forest.roots = {0};
    forest.add_node();
    forest.when_false[0] = 1;
    forest.weight_target = {0};
    forest.weight = {1.5f};
    return forest.bytes();
  }());
  image_of_both.steps.push_back({{step::kKind, kind::kForest},
                                 {step::kType, type::kFloat},
                                 {step::kA, 2},
                                 {step::kResult, 8},
                                 {step::kCount, 1}});
  const auto model =
      Model::load({image_of_both.bytes(), {}, {{"x", ElementType::kFloat, 2}}, {"y"}}, nullptr);
  REQUIRE(model.ok());
  auto run = ModelRun::create(model.value());
  REQUIRE(run.ok());
  const std::uint64_t before = allocations;
  bool fine = true;
  for (int i = 0; i < 100; ++i) {
    run.value().floats(0)[0] = static_cast<float>(i);
    fine = run.value().run().ok() && run.value().output(0, 0) == 2.0 * i + 3 && fine;
  }
  CHECK(allocations == before);
  CHECK(fine);
}

TEST_CASE("a step that reads what nothing wrote, or writes what something did, is refused") {
  REQUIRE(loads(line()));
  ModelImage unwritten = line();
  set(unwritten.steps[1], step::kA, 8);
  CHECK_FALSE(loads(unwritten));
  ModelImage twice = line();
  set(twice.steps[1], step::kResult, 6);
  CHECK_FALSE(loads(twice));
  ModelImage over_constant = line();
  set(over_constant.steps[1], step::kResult, 0);
  CHECK_FALSE(loads(over_constant));
  ModelImage later = line();
  std::swap(later.steps[0], later.steps[1]);
  CHECK_FALSE(loads(later));
  ModelImage never = line();
  never.steps.pop_back();
  CHECK_FALSE(loads(never));
}

TEST_CASE("cells, kinds, types and tables that there are not are refused") {
  const auto changed = [](std::uint32_t field, std::uint64_t value) {
    ModelImage model = line();
    set(model.steps[1], field, value);
    return loads(model);
  };
  CHECK_FALSE(changed(step::kA, 9));
  CHECK_FALSE(changed(step::kA, UINT32_MAX));
  CHECK_FALSE(changed(step::kResult, 9));
  CHECK_FALSE(changed(step::kCount, 0));
  CHECK_FALSE(changed(step::kCount, UINT32_MAX));
  CHECK_FALSE(changed(step::kKind, 9999));
  CHECK_FALSE(changed(step::kType, type::kString));
  CHECK_FALSE(changed(step::kType, 77));
  CHECK_FALSE(changed(step::kKind, kind::kForest));
  CHECK_FALSE(changed(step::kKind, kind::kCopy));
  CHECK_FALSE(changed(step::kKind, kind::kGroupSum));  // of size 0
  ModelImage many = line();
  many.float_cells = UINT32_MAX;
  CHECK_FALSE(loads(many));
  ModelImage few = line();
  few.float_cells = 1;
  CHECK_FALSE(loads(few));
}

TEST_CASE("a model is refused where it is fed other tensors, or asked for other outputs") {
  const Bytes bytes = line().bytes();
  const auto load = [&](fenqi::models::Tensor fed, const std::string& output) {
    return Model::load({bytes, {}, {std::move(fed)}, {output}}, nullptr);
  };
  CHECK(load({"x", ElementType::kFloat, 2}, "y").ok());
  CHECK(load({"x", ElementType::kFloat, 3}, "y").status().message.find("width 2") !=
        std::string::npos);
  CHECK_FALSE(load({"x", ElementType::kDouble, 2}, "y").ok());
  CHECK_FALSE(load({"z", ElementType::kFloat, 2}, "y").ok());
  CHECK_FALSE(load({"x", ElementType::kFloat, 2}, "z").ok());
}

TEST_CASE("damaged bytes are refused or harmless") {
  ModelImage whole = line();
  whole.steps.push_back({{step::kKind, kind::kGroupSoftmax},
                         {step::kType, type::kFloat},
                         {step::kA, 4},
                         {step::kResult, 8},
                         {step::kCount, 1},
                         {step::kSize, 2}});
  const Bytes bytes = whole.bytes();
  std::mt19937 random(7);
  int loaded = 0;
  for (int round = 0; round < 20'000; ++round) {
    Bytes damaged = bytes;
    for (int change = 0; change <= round % 3; ++change) {
      damaged[random() % damaged.size()] = static_cast<std::uint8_t>(random());
    }
    const auto model = NativeModel::load(damaged);
    if (!model.ok()) continue;
    ++loaded;
    NativeRun run(model.value());
    static_cast<void>(run.run());
  }
  CHECK(loaded > 0);
}

TEST_CASE("groups are summed in lanes, and softmax adds up to one") {
  ModelImage model;
  model.float_cells = 64;
  set(model.input, image::native_tensor::kWidth, 20);
  set(model.output, image::native_tensor::kFirstCell, 30);
  model.steps = {{{step::kKind, kind::kGroupLaneSum},
                  {step::kType, type::kFloat},
                  {step::kA, 2},
                  {step::kResult, 30},
                  {step::kCount, 2},
                  {step::kSize, 10}}};
  const auto loaded = NativeModel::load(model.bytes());
  REQUIRE(loaded.ok());
  NativeRun run(loaded.value());
  const std::span<float> x = run.floats(0);
  std::mt19937 random(3);
  std::normal_distribution<float> values;
  for (float& value : x) value = values(random);
  REQUIRE(run.run().ok());
  // The first ten: two vectors of four, then two. The next begin two before a multiple of four.
  const float first = ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
  CHECK(run.output(0, 0) == first + x[8] + x[9]);
  const float second = ((x[12] + x[16]) + (x[14] + x[18])) + ((x[13] + x[17]) + (x[15] + x[19]));
  CHECK(run.output(0, 1) == second + x[10] + x[11]);
}
