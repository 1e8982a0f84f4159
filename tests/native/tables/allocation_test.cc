// Counts what a warm thread takes from the heap when it asks a table and a hashed list.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "base/arena.h"
#include "base/counted_heap.h"
#include "images.h"
#include "tables/decision_table.h"
#include "tables/value_list.h"

TEST_CASE("asking takes nothing from the heap once the arena is warm") {
  using namespace fenqi;
  using namespace fenqi::tables;
  using namespace fenqi::tables::testing;
  const auto table_image = table(contract::hit_policy::kAll, contract::key_kind::kString,
                                 {prefix("a"), text("abc")}, {1, 2});
  const auto asked = DecisionTable::parse(table_image);
  const auto list_image = bytes_of([](wire::MessageWriter& writer) {
    writer.uint(image::value_list::kKind, contract::key_kind::kString);
    writer.string(image::value_list::kDigests, std::string(32, 'x'));
  });
  const auto list = ValueList::parse(list_image);
  REQUIRE(asked.ok());
  REQUIRE(list.ok());
  const Value key = Value::of_string("abc");
  Arena arena;
  std::size_t rows = 0;
  bool listed = false;
  const auto ask = [&] {
    arena.reset();
    rows += asked.value().rows({&key, 1}, arena).size;
    listed = list.value().contains(key) || listed;
  };
  ask();
  const std::uint64_t before = allocations;
  for (int round = 0; round < 100; ++round) ask();
  CHECK(allocations - before == 0);
  CHECK(rows == 202);
  CHECK_FALSE(listed);
}
