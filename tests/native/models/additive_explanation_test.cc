#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "models/additive_explanation.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/counted_heap.h"
#include "fenqi/contract.h"
#include "forest_image.h"
#include "models/explanation.h"
#include "models/reference_rows.h"
#include "wire/writer.h"

namespace {

namespace image = fenqi::contract::internal;
namespace kind = fenqi::contract::step_kind;
namespace type = fenqi::contract::tensor_type;
using fenqi::models::AdditiveExplanation;
using fenqi::models::Bank;
using fenqi::models::ElementType;
using fenqi::models::Explanation;
using fenqi::models::ExplanationRun;
using fenqi::models::Margin;
using fenqi::models::Model;
using fenqi::models::ModelRun;
using fenqi::models::ReferenceRows;
using fenqi::models::testing::Bytes;
using Terms = std::vector<AdditiveExplanation::Term>;

// The margin 5 + 2 (x0 + x1) of two columns: cells 0 (2.0) and 1 (5.0) are constants, 2 and 3 the
// input, 4 and 5 its double, 6 their sum, 7 the margin.
Bytes model_bytes() {
  fenqi::wire::MessageWriter writer;
  const std::array<float, 2> constants = {2.0f, 5.0f};
  writer.uint(image::native_model::kFloatCells, 8);
  writer.uint(image::native_model::kIntCells, 1);
  writer.string(image::native_model::kFloatConstants,
                {reinterpret_cast<const char*>(constants.data()), sizeof constants});
  const auto tensor = [&](std::uint32_t number, const char* name, std::uint64_t cell,
                          std::uint64_t width) {
    const auto mark = writer.begin(number);
    writer.string(image::native_tensor::kName, name);
    writer.uint(image::native_tensor::kType, type::kFloat);
    writer.uint(image::native_tensor::kFirstCell, cell);
    writer.uint(image::native_tensor::kWidth, width);
    writer.end(mark);
  };
  tensor(image::native_model::kInputs, "x", 2, 2);
  tensor(image::native_model::kOutputs, "margin", 7, 1);
  const auto step = [&](std::uint64_t what, std::uint64_t a, std::uint64_t b, std::uint64_t result,
                        std::uint64_t count, std::uint64_t single) {
    const auto mark = writer.begin(image::native_model::kSteps);
    writer.uint(image::model_step::kKind, what);
    writer.uint(image::model_step::kType, type::kFloat);
    writer.uint(image::model_step::kA, a);
    writer.uint(image::model_step::kB, b);
    writer.uint(image::model_step::kResult, result);
    writer.uint(image::model_step::kCount, count);
    writer.uint(image::model_step::kSingle, single);
    writer.end(mark);
  };
  step(kind::kMultiply, 2, 0, 4, 2, 2);
  step(kind::kAdd, 4, 5, 6, 1, 0);
  step(kind::kAdd, 6, 1, 7, 1, 0);
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

std::shared_ptr<const Model> loaded() {
  const Bytes bytes = model_bytes();
  auto model = Model::load({bytes, {}, {{"x", ElementType::kFloat, 2}}, {"margin"}}, nullptr);
  REQUIRE(model.ok());
  return model.value();
}

const std::vector<std::vector<double>> kReference = {{1.0, 3.0}, {2.0, -1.0}};

Bytes reference_column(const std::vector<double>& numbers) {
  fenqi::wire::MessageWriter writer;
  writer.string(image::reference_column::kNumbers,
                {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(double)});
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

fenqi::Result<AdditiveExplanation> built(const std::shared_ptr<const Model>& model, Terms terms,
                                         double constant = 5.0) {
  std::vector<Bytes> columns;
  for (const auto& numbers : kReference) columns.push_back(reference_column(numbers));
  const std::vector<std::span<const std::uint8_t>> spans(columns.begin(), columns.end());
  const auto reference = ReferenceRows::parse(spans, *model);
  REQUIRE(reference.ok());
  return AdditiveExplanation::build(model, reference.value(), constant, std::move(terms));
}

const Terms kTerms = {{Bank::kFloat, 4, 1.0, 0}, {Bank::kFloat, 3, 2.0, 1}};

// The message Explanation with these terms.
Bytes explanation_bytes(const Terms& terms, std::uint64_t term_type = type::kFloat) {
  fenqi::wire::MessageWriter writer;
  for (const auto& numbers : kReference) {
    const auto mark = writer.begin(image::explanation::kReference);
    writer.raw(reference_column(numbers));
    writer.end(mark);
  }
  const auto additive = writer.begin(image::explanation::kAdditive);
  writer.number64(image::additive::kConstant, 5.0);
  for (const auto& term : terms) {
    const auto mark = writer.begin(image::additive::kTerms);
    writer.uint(image::additive_term::kType, term_type);
    writer.uint(image::additive_term::kCell, term.cell);
    writer.number64(image::additive_term::kWeight, term.weight);
    writer.uint(image::additive_term::kColumn, term.column);
    writer.end(mark);
  }
  writer.end(additive);
  return Bytes(writer.bytes().begin(), writer.bytes().end());
}

}  // namespace

TEST_CASE("a column's part is its terms against their mean, and takes nothing from the heap") {
  const auto model = loaded();
  const auto explanation = built(model, kTerms);
  REQUIRE(explanation.ok());
  // Means of 2 x0 and 2 x1: 4 and 1.
  CHECK(explanation.value().base() == 10.0);
  auto run = ModelRun::create(model);
  REQUIRE(run.ok());
  run.value().floats(0)[0] = 4.0f;
  run.value().floats(0)[1] = -2.0f;
  REQUIRE(run.value().run().ok());
  std::array<double, 2> parts = {9.0, 9.0};
  const std::uint64_t before = allocations;
  explanation.value().explain(run.value(), parts);
  CHECK(allocations == before);
  CHECK(parts == std::array<double, 2>{4.0, -5.0});
  CHECK(explanation.value().base() + parts[0] + parts[1] == run.value().output(0, 0));
}

TEST_CASE("terms that the model does not have are refused") {
  const auto model = loaded();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const AdditiveExplanation::Term& wrong : Terms{{Bank::kFloat, 8, 1.0, 0},
                                                      {Bank::kDouble, 0, 1.0, 0},
                                                      {Bank::kInt, 1, 1.0, 0},
                                                      {Bank::kText, 0, 1.0, 0},
                                                      {Bank::kNone, 0, 1.0, 0},
                                                      {Bank::kFloat, 4, nan, 0},
                                                      {Bank::kFloat, 4, 1.0, 2}}) {
    CHECK_FALSE(built(model, {kTerms[0], wrong}).ok());
  }
  CHECK_FALSE(built(model, {}).ok());
  CHECK_FALSE(built(model, kTerms, nan).ok());
}

TEST_CASE(
    "an explanation is loaded where it adds up, and not from bytes that were cut or changed") {
  const auto model = loaded();
  const Bytes bytes = explanation_bytes(kTerms);
  const auto explanation = Explanation::load(bytes, model, Margin{});
  REQUIRE(explanation.ok());
  CHECK(explanation.value()->base_margin() == 10.0);
  CHECK(explanation.value()->part_count() == 2);
  ExplanationRun explaining(explanation.value());
  auto run = ModelRun::create(model);
  REQUIRE(run.ok());
  run.value().floats(0)[0] = 0.0f;
  run.value().floats(0)[1] = 0.5f;
  REQUIRE(run.value().run().ok());
  std::array<double, 2> parts{};
  REQUIRE(explaining.explain(run.value(), run.value().output(0, 0), parts).ok());
  CHECK(parts == std::array<double, 2>{-4.0, 0.0});

  Terms heavier = kTerms;
  heavier[0].weight = 1.5;
  CHECK_FALSE(Explanation::load(explanation_bytes(heavier), model, Margin{}).ok());
  CHECK_FALSE(Explanation::load(explanation_bytes(kTerms, type::kString), model, Margin{}).ok());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const std::span<const std::uint8_t> cut = std::span(bytes).first(length);
    // Cut between two fields it is another message: never the whole one.
    CHECK_FALSE(Explanation::load(cut, model, Margin{}).ok());
  }
}
