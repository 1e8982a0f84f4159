// Results were compared with cel-cpp's lists and sets extensions, except where the text says
// otherwise.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/lists.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

#include "program/dynamic.h"
#include "program/sets.h"
#include "values.h"

using namespace fenqi;
using namespace fenqi::program;
using namespace fenqi::program::testing;

namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

// Equal in kinds, too.
bool same(const Value& a, const Value& b) {
  if (a.kind != b.kind) return false;
  if (a.kind != Kind::kList) return equal(a, b, scratch);
  if (a.size != b.size) return false;
  for (std::uint32_t i = 0; i < a.size; ++i) {
    if (!same(a.list[i], b.list[i])) return false;
  }
  return true;
}

const Value kNull = Value::of_null();

// A random value, often equal to another one.
Value random_value(std::mt19937_64& random, int depth) {
  const auto choose = [&](int n) { return std::uniform_int_distribution<int>(0, n - 1)(random); };
  static const char* const kTexts[] = {"", "a", "b", "é", "ab"};
  switch (choose(depth > 0 ? 11 : 9)) {
    case 0:
      return Value::of_bool(choose(2) == 0);
    case 1:
      return number(choose(4) - 1);
    case 2:
      return unsigned_number(static_cast<std::uint64_t>(choose(3)));
    case 3:
      return real(choose(5) == 0 ? kNan : choose(6) * 0.5 - 1);
    case 4:
      return text(kTexts[choose(5)]);
    case 5:
      return Value::of_bytes(kTexts[choose(5)]);
    case 6:
      return kNull;
    case 7:
      return Value::of_timestamp(choose(3), 0);
    case 8:
      return Value::of_duration(choose(3), static_cast<std::uint32_t>(choose(2)));
    case 9:
      return list({random_value(random, depth - 1)});
    default:
      return map({text("k"), random_value(random, depth - 1)});
  }
}

Value random_list(std::mt19937_64& random) {
  const auto size = std::uniform_int_distribution<std::uint32_t>(0, 12)(random);
  auto* const elements = arena.take_array<Value>(size);
  for (std::uint32_t i = 0; i < size; ++i) elements[i] = random_value(random, 2);
  return Value::of_list(elements, size);
}

}  // namespace

TEST_CASE("distinct keeps what comes first") {
  CHECK(
      same(distinct(list({number(1), number(2), real(2), unsigned_number(3), number(3)}), scratch),
           list({number(1), number(2), unsigned_number(3)})));
  CHECK(distinct(list({real(kNan), real(kNan)}), scratch).size == 2);
  CHECK(same(distinct(list({text("a"), text("b"), number(1), text("a")}), scratch),
             list({text("a"), text("b"), number(1)})));
  CHECK(distinct(list({kNull, kNull}), scratch).size == 1);
  CHECK(distinct(list({map({text("a"), number(1)}), map({text("a"), real(1)})}), scratch).size ==
        1);
  CHECK(distinct(list({}), scratch).size == 0);
}

TEST_CASE("distinct and the sets functions agree with comparing everything with everything") {
  std::mt19937_64 random(5);
  for (int round = 0; round < 3000; ++round) {
    const Value a = random_list(random);
    const Value b = random_list(random);
    std::vector<Value> kept;
    for (std::uint32_t i = 0; i < a.size; ++i) {
      const Value before = Value::of_list(kept.data(), static_cast<std::uint32_t>(kept.size()));
      if (!holds(before, a.list[i], scratch)) kept.push_back(a.list[i]);
    }
    const Value once = distinct(a, scratch);
    REQUIRE(once.size == kept.size());
    for (std::uint32_t i = 0; i < once.size; ++i) {
      // The same value, bit for bit; NaN would not be equal.
      CHECK(once.list[i].kind == kept[i].kind);
      CHECK(once.list[i].u == kept[i].u);
      CHECK(once.list[i].size == kept[i].size);
    }
    bool all = true;
    bool back = true;
    bool any = false;
    for (std::uint32_t i = 0; i < b.size; ++i) {
      all = all && holds(a, b.list[i], scratch);
      any = any || holds(a, b.list[i], scratch);
    }
    for (std::uint32_t i = 0; i < a.size; ++i) back = back && holds(b, a.list[i], scratch);
    CHECK(set_contains(a, b, scratch).b == all);
    CHECK(sets_intersect(a, b, scratch).b == any);
    CHECK(sets_equivalent(a, b, scratch).b == (all && back));
    arena.reset();
  }
}

TEST_CASE("flatten opens lists so many levels deep") {
  const Value nested = list({number(1), list({number(2), list({number(3), list({number(4)})})})});
  CHECK(same(flatten(nested, 0, scratch), nested));
  CHECK(same(flatten(nested, 1, scratch),
             list({number(1), number(2), list({number(3), list({number(4)})})})));
  CHECK(same(flatten(nested, 2, scratch),
             list({number(1), number(2), number(3), list({number(4)})})));
  CHECK(same(flatten(nested, INT64_MAX, scratch),
             list({number(1), number(2), number(3), number(4)})));
  CHECK(code(flatten(nested, -1, scratch)) == ErrorCode::kBadArgument);
}

TEST_CASE("range counts from zero") {
  CHECK(same(range(3, scratch), list({number(0), number(1), number(2)})));
  CHECK(range(0, scratch).size == 0);
  // cel-cpp throws an exception.
  CHECK(code(range(-1, scratch)) == ErrorCode::kBadArgument);
}

TEST_CASE("slice takes a part") {
  const Value four = list({number(1), number(2), number(3), number(4)});
  CHECK(same(slice(four, 1, 3), list({number(2), number(3)})));
  CHECK(same(slice(four, 0, 4), four));
  CHECK(slice(four, 4, 4).size == 0);
  for (const auto& [start, end] : {std::pair{3, 1}, {-1, 2}, {0, 5}, {5, 5}}) {
    CHECK(code(slice(four, start, end)) == ErrorCode::kOutOfRange);
  }
}

TEST_CASE("the first and last element, if any") {
  const Value three = list({number(1), number(2), number(3)});
  CHECK(first(three).list->i == 1);
  CHECK(last(three).list->i == 3);
  CHECK(first(list({})).list == nullptr);
  CHECK(last(list({})).list == nullptr);
  CHECK(same(reverse(three, scratch), list({number(3), number(2), number(1)})));
}

TEST_CASE("sort orders elements of one type") {
  CHECK(same(sort(list({number(3), number(1), number(2)}), scratch),
             list({number(1), number(2), number(3)})));
  CHECK(same(sort(list({text("b"), text("é"), text("a")}), scratch),
             list({text("a"), text("b"), text("é")})));
  CHECK(same(sort(list({Value::of_bool(true), Value::of_bool(false)}), scratch),
             list({Value::of_bool(false), Value::of_bool(true)})));
  CHECK(same(sort(list({Value::of_duration(2, 0), Value::of_duration(-1, 5)}), scratch),
             list({Value::of_duration(-1, 5), Value::of_duration(2, 0)})));
  CHECK(sort(list({}), scratch).size == 0);
  const Value with_nan = sort(list({real(2), real(kNan), real(1)}), scratch);
  CHECK(with_nan.list[0].d == 1);
  CHECK(std::isnan(with_nan.list[2].d));
  for (const Value& bad : {list({number(1), text("a")}), list({number(1), real(2)}), list({kNull}),
                           list({kNull, kNull}), list({list({number(1)})})}) {
    CHECK(code(sort(bad, scratch)) == ErrorCode::kNoOverload);
  }
}

TEST_CASE("sort by keys leaves elements of equal keys in order") {
  const Value sorted = sort_by_keys(list({text("x"), text("y"), text("z"), kNull}),
                                    list({number(2), number(1), number(2), number(1)}), scratch);
  CHECK(same(sorted, list({text("y"), kNull, text("x"), text("z")})));
  CHECK(code(sort_by_keys(list({kNull, kNull}), list({number(1), text("a")}), scratch)) ==
        ErrorCode::kNoOverload);
}

TEST_CASE("sets compare by value across the number types") {
  CHECK(
      set_contains(list({number(1), number(2), number(3)}), list({number(2), real(3)}), scratch).b);
  CHECK(set_contains(list({number(1)}), list({}), scratch).b);
  CHECK(!set_contains(list({}), list({number(1)}), scratch).b);
  CHECK(sets_equivalent(list({number(1), number(1)}), list({unsigned_number(1), real(1)}), scratch)
            .b);
  CHECK(!sets_equivalent(list({number(1)}), list({number(2)}), scratch).b);
  CHECK(sets_intersect(list({number(1)}), list({number(2), number(1)}), scratch).b);
  CHECK(!sets_intersect(list({}), list({}), scratch).b);
  CHECK(set_contains(list({list({number(1)}), list({number(2)})}), list({list({real(2)})}), scratch)
            .b);
  CHECK(!set_contains(list({real(kNan)}), list({real(kNan)}), scratch).b);
}

TEST_CASE("a large list takes no more than its logarithm allows, and the budget bounds the rest") {
  std::vector<Value> many;
  std::vector<Value> nested;
  for (int i = 0; i < 20'000; ++i) {
    many.push_back(number(i * 7919 % 10'007));
    nested.push_back(list({number(i)}));
  }
  const Value scalars = Value::of_list(many.data(), 20'000);
  const Value lists = Value::of_list(nested.data(), 20'000);
  Budget budget(1'000'000);
  Scratch bounded{arena, budget};
  CHECK(distinct(scalars, bounded).size == 10'007);
  budget = Budget(1'000'000);
  CHECK(sort(scalars, bounded).list[1].i == 0);
  budget = Budget(1'500'000);
  CHECK(sets_equivalent(scalars, scalars, bounded).b);
  for (const auto function : {set_contains, sets_equivalent}) {
    budget = Budget(1'000'000);
    CHECK(code(function(lists, reverse(lists, scratch), bounded)) == ErrorCode::kBudget);
  }
  budget = Budget(1'000'000);
  CHECK(code(distinct(lists, bounded)) == ErrorCode::kBudget);
  budget = Budget(1'000'000);
  CHECK(code(range(1'000'000'000'000, bounded)) == ErrorCode::kBudget);
}
