// CEL's functions take nothing from the heap once arena and patterns are warm.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "base/counted_heap.h"
#include "program/bytes.h"
#include "program/conversions.h"
#include "program/format.h"
#include "program/lists.h"
#include "program/patterns.h"
#include "program/sets.h"
#include "program/strings.h"
#include "program/times.h"
#include "values.h"

using namespace fenqi;
using namespace fenqi::program;
using namespace fenqi::program::testing;

namespace {

// What runs more than once, all of it ok.
template <typename Function>
void check_without_heap(const char* name, Function function) {
  for (int i = 0; i < 3; ++i) {
    arena.reset();
    REQUIRE(function().is_ok());
  }
  arena.reset();
  const std::uint64_t before = allocations;
  const Value value = function();
  const std::uint64_t after = allocations;
  CHECK_MESSAGE(value.is_ok(), name);
  CHECK_MESSAGE(after == before, name);
}

}  // namespace

TEST_CASE("times are read, computed and written without heap, in any zone") {
  const TimeZones& zones = TimeZones::installed();
  check_without_heap("timestamp",
                     [] { return string_to_timestamp("2009-02-13T23:31:30.123456789+05:30"); });
  check_without_heap("duration", [] { return string_to_duration("-1h30m2.123456789s"); });
  check_without_heap("string", [] {
    return timestamp_to_string(add_duration_to_timestamp(Value::of_timestamp(1234567890, 5),
                                                         Value::of_duration(-77, 999999999)),
                               arena);
  });
  for (const char* const name : {"Asia/Shanghai", "America/New_York", "-08:00"}) {
    check_without_heap(name, [&] {
      return timestamp_part(Value::of_timestamp(1234567890, 0), TimePart::kHours,
                            *zones.find(name));
    });
    check_without_heap(name, [&] {
      return timestamp_part(Value::of_timestamp(250000000000, 0), TimePart::kHours,
                            *zones.find(name));
    });
  }
}

TEST_CASE("a pattern matches without heap once it is warm") {
  PatternCache cache;
  const auto constant = Pattern::compile("^\\d{4}-(\\d{2})-\\d{2}$|分期.*贷");
  for (const char* const text : {"2024-02-29", "手机分期小额贷款", "neither"}) {
    check_without_heap(text, [&] { return matches(text, *constant.value(), endless); });
    check_without_heap(text, [&] {
      ErrorCode why = ErrorCode::kNone;
      return matches(text, *cache.find("[a-z]+$", endless, why), endless);
    });
  }
}

TEST_CASE("texts, bytes, numbers and lists are made without heap") {
  check_without_heap("split", [] { return join(split("a,b,c", ",", -1, scratch), "-", scratch); });
  check_without_heap("quote", [] { return quote("a \"quoted\" text", arena); });
  check_without_heap("base64", [] { return base64_decode("aGVsbG8=", arena); });
  check_without_heap("huge", [] { return string_to_double("1e400"); });
  check_without_heap("double", [] { return double_to_string(0.1 + 0.2, arena); });
  check_without_heap("format", [] {
    return format("%s %.200f %e %x",
                  list({map({text("b"), real(0.5), text("a"), number(1)}), real(1e300),
                        real(-1e-300), text("hex")}),
                  scratch);
  });
  check_without_heap("sort", [] { return sort(range(1000, scratch), scratch); });
  check_without_heap("distinct", [] {
    return set_contains(distinct(list({number(2), real(2), text("a")}), scratch), list({text("a")}),
                        scratch);
  });
}
