#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "tables/partition.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tables/cut.h"

using namespace fenqi;
using namespace fenqi::tables;

namespace {

constexpr std::int64_t kMaxInt = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMinInt = std::numeric_limits<std::int64_t>::min();
constexpr std::uint64_t kMaxUint = std::numeric_limits<std::uint64_t>::max();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

template <typename Number>
std::optional<Number> at_least(const Value& bound) {
  return smallest_from<Number>(bound, false);
}
template <typename Number>
std::optional<Number> above(const Value& bound) {
  return smallest_from<Number>(bound, true);
}

bool holds(const Partition& partition, const ValueSet& set, const Value& value) {
  const std::uint32_t at = partition.class_of(value);
  for (const ClassRange& range : partition.ranges_of(set)) {
    if (range.begin <= at && at < range.end) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("a bound of one type cuts the numbers of another where it stands among them") {
  CHECK(at_least<std::int64_t>(Value::of_double(2.5)) == 3);
  CHECK(above<std::int64_t>(Value::of_double(2.5)) == 3);
  CHECK(at_least<std::int64_t>(Value::of_double(2.0)) == 2);
  CHECK(above<std::int64_t>(Value::of_double(2.0)) == 3);
  CHECK(at_least<std::uint64_t>(Value::of_double(-0.5)) == 0);
  CHECK(at_least<std::uint64_t>(Value::of_int(-7)) == 0);
  CHECK(at_least<double>(Value::of_int(3)) == 3.0);
  CHECK(above<double>(Value::of_int(3)) == std::nextafter(3.0, 4.0));
}

TEST_CASE("at the ends of a type there is nothing beyond") {
  CHECK(at_least<std::int64_t>(Value::of_double(0x1p63)) == std::nullopt);
  CHECK(at_least<std::int64_t>(Value::of_double(-0x1p63)) == kMinInt);
  CHECK(above<std::int64_t>(Value::of_double(-0x1p63)) == kMinInt + 1);
  CHECK(at_least<std::int64_t>(Value::of_double(-kInfinity)) == kMinInt);
  CHECK(above<std::int64_t>(Value::of_int(kMaxInt)) == std::nullopt);
  CHECK(at_least<std::int64_t>(Value::of_uint(kMaxUint)) == std::nullopt);
  CHECK(above<std::uint64_t>(Value::of_uint(kMaxUint)) == std::nullopt);
  CHECK(at_least<std::uint64_t>(Value::of_double(0x1p64)) == std::nullopt);
  CHECK(above<double>(Value::of_double(kInfinity)) == std::nullopt);
  CHECK(above<double>(Value::of_double(1.7976931348623157e308)) == kInfinity);
}

TEST_CASE("integers that no double is lie between two doubles") {
  constexpr std::int64_t kOdd = (std::int64_t{1} << 53) + 1;
  CHECK(at_least<double>(Value::of_int(kOdd)) == 0x1p53 + 2);
  CHECK(above<double>(Value::of_int(kOdd)) == 0x1p53 + 2);
  CHECK(at_least<double>(Value::of_int(kMaxInt)) == 0x1p63);
  CHECK(above<double>(Value::of_int(kMaxInt)) == 0x1p63);
  CHECK(at_least<double>(Value::of_uint(kMaxUint)) == 0x1p64);
  CHECK(above<double>(Value::of_int(kMinInt)) == std::nextafter(-0x1p63, 0.0));
}

TEST_CASE("zero is one number, whatever its sign") {
  ValueSet negative;
  negative.intervals.push_back({std::nullopt, Value::of_double(-0.0), false, true});
  const Partition partition(Kind::kDouble, {&negative, 1});
  CHECK_FALSE(holds(partition, negative, Value::of_double(0.0)));
  CHECK_FALSE(holds(partition, negative, Value::of_double(-0.0)));
  CHECK(holds(partition, negative, Value::of_double(-5e-324)));
}

TEST_CASE("the longest prefix counts, and a string that is named is not under it") {
  std::vector<ValueSet> sets(4);
  sets[0].prefixes = {"a"};
  sets[1].prefixes = {"abc"};
  sets[2].strings = {"abcd"};
  sets[3].strings = {"abcd"};
  sets[3].complement = true;
  const Partition partition(Kind::kString, sets);
  const auto class_of = [&](std::string_view text) {
    return partition.class_of(Value::of_string(text));
  };
  CHECK(class_of("ab") == class_of("a"));
  CHECK(class_of("abcx") == class_of("abc"));
  CHECK(class_of("abc") != class_of("ab"));
  CHECK(class_of("abcd") != class_of("abc"));
  CHECK(class_of("b") == class_of(""));
  for (const std::string_view text : {"", "a", "ab", "abc", "abcd", "abcde", "abd", "b"}) {
    const Value value = Value::of_string(text);
    CHECK(holds(partition, sets[0], value) == text.starts_with("a"));
    CHECK(holds(partition, sets[1], value) == text.starts_with("abc"));
    CHECK(holds(partition, sets[2], value) == (text == "abcd"));
    CHECK(holds(partition, sets[3], value) == (text != "abcd"));
  }
}

TEST_CASE("without sets there is one class, and truth has two") {
  CHECK(Partition(Kind::kString, {}).size() == 1);
  CHECK(Partition(Kind::kInt, {}).class_of(Value::of_int(7)) == 0);
  CHECK(Partition(Kind::kBool, {}).size() == 2);
}
