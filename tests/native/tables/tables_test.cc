#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "tables/tables.h"

#include <doctest/doctest.h>

#include <string>

#include "base/digest.h"
#include "base/scratch.h"
#include "images.h"

using namespace fenqi;
using namespace fenqi::tables;
using namespace fenqi::tables::testing;

namespace op = contract::op;
namespace hit = contract::hit_policy;
namespace key = contract::key_kind;

namespace {

Tables with_table(const Bytes& image) {
  Tables tables;
  REQUIRE(tables.append_table(image).ok());
  return tables;
}

Value asked(const Tables& tables, std::uint32_t operation, const std::vector<Value>& registers,
            Arena& arena, std::uint32_t a = 0) {
  Budget budget(1000);
  Scratch scratch{arena, budget};
  return tables.run(operation, a, 0, 0, 9, registers, scratch);
}

}  // namespace

TEST_CASE("a row is found and what it says is read") {
  const Tables tables =
      with_table(table(hit::kFirst, key::kInt, {between(0, 10), between(5, 20)}, {70, 80}));
  Arena arena;
  const std::vector<Value> registers = {Value::of_int(12)};
  const Value row = asked(tables, op::kTableRow, registers, arena);
  REQUIRE(row.is_ok());
  CHECK(row.i == 2);
  CHECK(asked(tables, op::kTableOutput, {row}, arena).i == 80);
  CHECK(asked(tables, op::kTableRow, {Value::of_int(30)}, arena).i == 0);
  CHECK(asked(tables, op::kTableOutput, {Value::of_int(0)}, arena).is_missing());
}

TEST_CASE(
    "an input that is an error makes the row that error, one that is missing leaves it open") {
  const Tables tables = with_table(table(hit::kFirst, key::kInt, {between(0, 10)}, {70}));
  Arena arena;
  const Value failed =
      asked(tables, op::kTableRow, {Value::of_error(ErrorCode::kOverflow, 4)}, arena);
  CHECK(failed.error == ErrorCode::kOverflow);
  CHECK(failed.place == 4);
  CHECK(asked(tables, op::kTableOutput, {failed}, arena).place == 4);
  CHECK(asked(tables, op::kTableRow, {Value()}, arena).is_missing());
}

TEST_CASE("two rows under unique are an error at the instruction's place") {
  const Tables tables =
      with_table(table(hit::kUnique, key::kInt, {between(0, 10), between(5, 20)}, {70, 80}));
  Arena arena;
  const Value row = asked(tables, op::kTableRow, {Value::of_int(7)}, arena);
  CHECK(row.error == ErrorCode::kSeveralRows);
  CHECK(row.place == 9);
}

TEST_CASE("all rows are put together") {
  const Bytes image =
      table(hit::kAll, key::kInt, {between(0, 10), between(5, 20)}, {70, INT64_MAX});
  const Tables tables = with_table(image);
  Arena arena;
  const Value both = asked(tables, op::kTableRows, {Value::of_int(7)}, arena);
  REQUIRE(both.is_ok());
  REQUIRE(both.size == 2);
  CHECK(asked(tables, op::kTableOutputs, {both}, arena).list[1].i == INT64_MAX);
  CHECK(asked(tables, op::kTableMin, {both}, arena).i == 70);
  CHECK(asked(tables, op::kTableMax, {both}, arena).i == INT64_MAX);
  CHECK(asked(tables, op::kTableCount, {both}, arena).i == 2);
  const Value sum = asked(tables, op::kTableSum, {both}, arena);
  CHECK(sum.error == ErrorCode::kOverflow);
  CHECK(sum.place == 9);
}

TEST_CASE("lists of rows spend from the request's budget") {
  const Bytes image = table(hit::kAll, key::kInt, {between(0, 10), between(5, 20)}, {70, 80});
  const Tables tables = with_table(image);
  const std::vector<Value> registers = {Value::of_int(7)};
  Arena arena;
  Budget budget(3);
  Scratch scratch{arena, budget};
  const Value both = tables.run(op::kTableRows, 0, 0, 0, 9, registers, scratch);
  REQUIRE(both.is_ok());
  const std::vector<Value> rows = {both};
  const Value spent = tables.run(op::kTableOutputs, 0, 0, 0, 9, rows, scratch);
  CHECK(spent.error == ErrorCode::kBudget);
  CHECK(spent.place == 9);
}

TEST_CASE("operations know what they read, and refuse tables that they do not fit") {
  const Tables first = with_table(table(hit::kFirst, key::kInt, {between(0, 1)}, {7}));
  CHECK(first.kinds_of(op::kTableRow, 0, 0)->makes == Kind::kInt);
  CHECK(first.kinds_of(op::kTableRow, 0, 0)->inputs.size() == 1);
  CHECK(first.kinds_of(op::kTableOutput, 0, 0)->reads_rows);
  CHECK_FALSE(first.kinds_of(op::kTableOutput, 0, 1));
  CHECK_FALSE(first.kinds_of(op::kTableRow, 1, 0));
  CHECK_FALSE(first.kinds_of(op::kTableRows, 0, 0));
  CHECK_FALSE(first.kinds_of(op::kTableSum, 0, 0));
  CHECK_FALSE(first.kinds_of(op::kLookup, 0, 0));
  CHECK_FALSE(first.kinds_of(449, 0, 0));
  const Tables all = with_table(table(hit::kAll, key::kInt, {between(0, 1)}, {7}));
  CHECK(all.kinds_of(op::kTableSum, 0, 0)->makes == Kind::kInt);
  CHECK_FALSE(all.kinds_of(op::kTableOutput, 0, 0));
}

TEST_CASE("a lookup takes the last key that holds, then the row of all others") {
  Tables tables;
  REQUIRE(tables
              .append_lookup(bytes_of([](wire::MessageWriter& writer) {
                writer.string(image::lookup::kName, "l");
                writer.uint(image::lookup::kKind, key::kString);
                for (const Write& content :
                     {Write([](wire::MessageWriter&) {}), prefix("a"), text("ab")}) {
                  message(writer, image::lookup::kKeys, content);
                }
                writer.uint(image::lookup::kOtherRowPlusOne, 1);
                int_column(writer, image::lookup::kColumns, {1, 2, 3});
              }))
              .ok());
  Arena arena;
  const auto found = [&](std::string_view wanted) {
    return asked(tables, op::kLookup, {Value::of_string(wanted)}, arena).i;
  };
  CHECK(found("ab") == 3);
  CHECK(found("abc") == 2);
  CHECK(found("b") == 1);
  CHECK(asked(tables, op::kInLookup, {Value::of_string("b")}, arena).b);
  CHECK(asked(tables, op::kLookup, {Value()}, arena).is_missing());
}

TEST_CASE("SHA-256 is that of FIPS 180-2, whatever part of it is salt") {
  const auto hex = [](const Digest& digest) {
    std::string text;
    for (const std::uint8_t byte : digest) {
      for (const int half : {byte >> 4, byte & 15}) text += "0123456789abcdef"[half];
    }
    return text;
  };
  const char* const abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  CHECK(hex(sha256("", "abc")) == abc);
  CHECK(hex(sha256("ab", "c")) == abc);
  CHECK(hex(sha256("", "")) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST_CASE("a damaged image is refused with a reason") {
  const Bytes whole = table(hit::kFirst, key::kInt, {between(0, 10), between(5, 20)}, {70, 80});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto parsed = DecisionTable::parse(std::span(whole).first(size));
    if (!parsed.ok()) CHECK_FALSE(parsed.status().message.empty());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    Bytes damaged = whole;
    for (int bit = 0; bit < 8; ++bit) {
      damaged[at] = static_cast<std::uint8_t>(whole[at] ^ (1 << bit));
      const auto parsed = DecisionTable::parse(damaged);
      if (!parsed.ok()) continue;
      Arena arena;
      const std::size_t registers =
          parsed.value().inputs().empty()
              ? 0
              : parsed.value().inputs()[0].register_index + std::size_t{1};
      if (registers > 1000) continue;
      const std::vector<Value> values(registers);
      (void)parsed.value().rows(values, arena);
    }
  }
}

TEST_CASE("a row that is not there is refused") {
  const auto refused = [](const Bytes& image) {
    const auto parsed = DecisionTable::parse(image);
    return parsed.ok() ? std::string() : parsed.status().message;
  };
  CHECK(refused(table(hit::kFirst, key::kInt, {between(0, 10)}, {70, 80})) ==
        "release image, table t: an input lacks rows");
  CHECK(refused(table(0, key::kInt, {between(0, 10)}, {70})) ==
        "release image, table t: damaged bytes");
  const Bytes twice = bytes_of([](wire::MessageWriter& writer) {
    writer.string(image::decision_table::kName, "t");
    writer.uint(image::decision_table::kHitPolicy, hit::kFirst);
    writer.uint(image::decision_table::kRowCount, 2);
    writer.uint(image::decision_table::kPreference, 1);
    writer.uint(image::decision_table::kPreference, 1);
    int_column(writer, image::decision_table::kOutputs, {7, 8});
  });
  CHECK(refused(twice) == "release image, table t: the preference does not name every row once");
}
