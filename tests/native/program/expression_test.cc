// Expressions that Python compiled, with values and the results that cel-cpp agrees with: the same
// here, under sanitizers too, and within every budget.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/expression.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "fenqi/contract.h"
#include "wire/decode.h"
#include "wire/delimited.h"

namespace {

using Bytes = std::vector<std::uint8_t>;

struct Case {
  Bytes image;
  Bytes values;
  Bytes result;
};

std::vector<Case> read_cases() {
  auto parts =
      fenqi::wire::read_delimited_file(std::string(std::getenv("FENQI_IMAGES")) + "/expressions");
  REQUIRE(parts.ok());
  std::vector<Case> cases;
  for (std::size_t i = 0; i + 2 < parts.value().size(); i += 3) {
    cases.push_back({parts.value()[i], parts.value()[i + 1], parts.value()[i + 2]});
  }
  return cases;
}

bool is_error(std::span<const std::uint8_t> result) {
  fenqi::wire::MessageReader reader(result);
  return reader.next() && reader.number() == fenqi::contract::internal::constant::kError;
}

}  // namespace

TEST_CASE("an expression gives the result that it gave when it was compiled") {
  const std::vector<Case> cases = read_cases();
  REQUIRE(cases.size() > 300);
  for (const Case& one : cases) {
    auto expression = fenqi::program::Expression::parse(one.image);
    REQUIRE(expression.ok());
    for (int round = 0; round < 2; ++round) {
      const auto result = expression.value().evaluate(one.values);
      REQUIRE(result.ok());
      CHECK(std::equal(result.value().begin(), result.value().end(), one.result.begin(),
                       one.result.end()));
    }
  }
}

TEST_CASE("with less work to spend it gives the same result, or an error") {
  for (const Case& one : read_cases()) {
    auto expression = fenqi::program::Expression::parse(one.image);
    REQUIRE(expression.ok());
    for (std::uint64_t work = 0; work < 60; ++work) {
      const auto result = expression.value().evaluate(one.values, work);
      REQUIRE(result.ok());
      const bool same = std::equal(result.value().begin(), result.value().end(), one.result.begin(),
                                   one.result.end());
      CHECK((same || is_error(result.value())));
    }
  }
}

TEST_CASE("values that are none are refused") {
  const std::vector<Case> cases = read_cases();
  auto expression = fenqi::program::Expression::parse(cases.front().image);
  REQUIRE(expression.ok());
  CHECK(!expression.value().evaluate({}).ok());
  Bytes cut = cases.front().values;
  cut.pop_back();
  CHECK(!expression.value().evaluate(cut).ok());
}
