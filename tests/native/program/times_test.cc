// Cases named by section are from google/cel-spec, tests/simple/testdata/timestamps.textproto
// (Apache-2.0); what texts are read and written was compared with cel-cpp.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/times.h"

#include <doctest/doctest.h>

#include <chrono>
#include <random>
#include <string>

using namespace fenqi;
using namespace fenqi::program;

namespace {

Arena arena;

Value timestamp(std::string_view text) {
  const Value value = string_to_timestamp(text);
  REQUIRE_MESSAGE(value.is_ok(), text);
  return value;
}

Value duration(std::string_view text) {
  const Value value = string_to_duration(text);
  REQUIRE_MESSAGE(value.is_ok(), text);
  return value;
}

std::string text(const Value& value) {
  REQUIRE(value.is_ok());
  return std::string((value.kind == Kind::kTimestamp ? timestamp_to_string(value, arena)
                                                     : duration_to_string(value, arena))
                         .text());
}

ErrorCode code(const Value& value) {
  REQUIRE(value.is_error());
  return value.error;
}

std::int64_t part(std::string_view when, TimePart which, std::string_view zone = "") {
  const auto loaded = TimeZone::load(zone);
  REQUIRE_MESSAGE(loaded.has_value(), zone);
  return timestamp_part(timestamp(when), which, *loaded).i;
}

constexpr std::string_view kWhen = "2009-02-13T23:31:30Z";

}  // namespace

TEST_CASE("timestamps are read as cel-cpp reads them") {
  const std::pair<const char*, const char*> cases[] = {
      {"2009-02-13T23:31:30Z", "2009-02-13T23:31:30Z"},
      {"2009-02-13T23:31:30.1Z", "2009-02-13T23:31:30.100Z"},
      {"2009-02-13T23:31:30.1234567Z", "2009-02-13T23:31:30.123456700Z"},
      {"2009-02-13T23:31:30.0000000019Z", "2009-02-13T23:31:30.000000001Z"},
      {"9999-12-31T23:59:59.999999999Z", "9999-12-31T23:59:59.999999999Z"},
      {"0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {"2009-02-13T23:31:30+05:30", "2009-02-13T18:01:30Z"},
      {"2009-02-13T23:31:30+0530", "2009-02-13T18:01:30Z"},
      {"2009-02-13T23:31:30-05", "2009-02-14T04:31:30Z"},
      {"2009-02-13T23:31:30+05:30:15", "2009-02-13T18:01:15Z"},
      {"2009-02-13t23:31:30z", "2009-02-13T23:31:30Z"},
      {"2009-02-13T23:31:60Z", "2009-02-13T23:32:00Z"},
      {"2009-02-13T23:31:60.5Z", "2009-02-13T23:32:00Z"},
      {"2009-2-3T3:1:0Z", "2009-02-03T03:01:00Z"},
      {" 2009-02-13T23:31:30Z\n", "2009-02-13T23:31:30Z"},
      {"2012-02-29T00:00:00Z", "2012-02-29T00:00:00Z"},
      {"02009-02-13T23:31:30Z", "2009-02-13T23:31:30Z"},
  };
  for (const auto& [in, out] : cases) CHECK(text(timestamp(in)) == out);
}

TEST_CASE("text that is no timestamp is unreadable") {
  for (const char* const in :
       {"", "2009", "2009-02-13", "2009-02-13T23:31:30", "2009-02-13 23:31:30Z",
        "2009-02-13T24:00:00Z", "2009-02-30T00:00:00Z", "2009-13-01T00:00:00Z",
        "2009-02-13T23:31:30,5Z", "2009-02-13T23:31:30.Z", "2009-02-13T23:31:30 Z",
        "2009-02-13T23:31:30+24:00", "2009-02-13T23:31:30+05:60", "2009-02-13T23:31:30+5",
        "2009-02-13T23:31:30+05:3", "+2009-02-13T23:31:30Z", "2009-02-13T23:31:61Z",
        "2009-02-13T23:31:30Zx", "2009-00-13T23:31:30Z"}) {
    CHECK_MESSAGE(code(string_to_timestamp(in)) == ErrorCode::kUnreadable, in);
  }
}

TEST_CASE("timestamp_range: what is outside the years 1 to 9999 is out of range") {
  for (const char* const in :
       {"0000-01-01T00:00:00Z", "10000-01-01T00:00:00Z", "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59-01:00", "9999-12-31T23:59:60Z", "99999999999999999-01-01T00:00:00Z"}) {
    CHECK_MESSAGE(string_to_timestamp(in).is_error(), in);
  }
  CHECK(int_to_timestamp(-62135596800).is_ok());
  CHECK(code(int_to_timestamp(-62135596801)) == ErrorCode::kOutOfRange);
  CHECK(int_to_timestamp(253402300799).is_ok());
  CHECK(code(int_to_timestamp(253402300800)) == ErrorCode::kOutOfRange);

  const Value first = timestamp("0001-01-01T00:00:00Z");
  const Value last = timestamp("9999-12-31T23:59:59.999999999Z");
  CHECK(code(add_duration_to_timestamp(first, duration("-1s"))) == ErrorCode::kOverflow);
  CHECK(code(subtract_duration_from_timestamp(first, duration("1ns"))) == ErrorCode::kOverflow);
  CHECK(code(add_duration_to_timestamp(last, duration("1ns"))) == ErrorCode::kOverflow);
  CHECK(code(subtract_timestamps(first, last)) == ErrorCode::kOverflow);
  CHECK(text(add_duration_to_timestamp(timestamp("0001-01-01T00:00:01.000000001Z"),
                                       duration("-999999999ns"))) ==
        "0001-01-01T00:00:00.000000002Z");
}

TEST_CASE("durations are read as cel-cpp reads them") {
  const std::pair<const char*, const char*> cases[] = {
      {"1h30m2.5s", "5402.500s"},
      {"-1.5h", "-5400s"},
      {"1ms", "0.001s"},
      {"1us", "0.000001s"},
      {"100ns", "0.000000100s"},
      {"0", "0s"},
      {"-0", "0s"},
      {"+1s", "1s"},
      {".5s", "0.500s"},
      {"5.s", "5s"},
      {"1s1h", "3601s"},
      {"1.9999999999s", "1.999999999s"},
      {"-1.9ns", "-0.000000001s"},
      {"-1.000000001s", "-1.000000001s"},
      {"-0.5s", "-0.500s"},
      {"315576000000.999999999s", "315576000000.999999999s"},
      {"-315576000000.999999999s", "-315576000000.999999999s"},
  };
  for (const auto& [in, out] : cases) CHECK(text(duration(in)) == out);
  for (const char* const in : {"", "-", "s", "1", "1d", ".s", "1h 1m", " 1h", "1h-1m", "1e3s"}) {
    CHECK_MESSAGE(code(string_to_duration(in)) == ErrorCode::kUnreadable, in);
  }
  for (const char* const in : {"inf", "-inf", "315576000001s", "-315576000001s"}) {
    CHECK_MESSAGE(code(string_to_duration(in)) == ErrorCode::kOutOfRange, in);
  }
}

TEST_CASE(
    "duration_range: a computed duration that 64 bits of nanoseconds do not hold is an error") {
  CHECK(text(add_durations(duration("9223372036s"), duration("0.854775807s"))) ==
        "9223372036.854775807s");
  CHECK(code(add_durations(duration("9223372036s"), duration("0.854775808s"))) ==
        ErrorCode::kOverflow);
  CHECK(text(subtract_durations(duration("-9223372036s"), duration("0.854775808s"))) ==
        "-9223372036.854775808s");
  CHECK(code(add_durations(duration("-200000000000s"), duration("-200000000000s"))) ==
        ErrorCode::kOverflow);
  CHECK(code(subtract_durations(duration("200000000000s"), duration("-200000000000s"))) ==
        ErrorCode::kOverflow);
  // cel-cpp cuts the operands off and finds a nanosecond below zero.
  CHECK(text(add_durations(duration("300000000000s"), duration("-299999999999s"))) == "1s");
}

TEST_CASE("timestamp_arithmetic and comparisons") {
  CHECK(text(add_durations(duration("600s"), duration("50s"))) == "650s");
  CHECK(text(subtract_duration_from_timestamp(timestamp("2009-02-13T23:10:00Z"),
                                              duration("600s"))) == "2009-02-13T23:00:00Z");
  CHECK(text(subtract_timestamps(timestamp("2009-02-13T23:31:00Z"),
                                 timestamp("2009-02-13T23:29:00Z"))) == "120s");
  CHECK(compare_times(duration("-0.5s"), duration("0s")) < 0);
  CHECK(compare_times(duration("-0.5s"), duration("-0.6s")) > 0);
  CHECK(compare_times(duration("60s"), duration("1m")) == 0);
  CHECK(compare_times(timestamp("1969-12-31T23:59:59.5Z"), timestamp("1970-01-01T00:00:00Z")) < 0);
}

TEST_CASE("timestamp_selectors and timestamp_selectors_tz") {
  CHECK(part(kWhen, TimePart::kFullYear) == 2009);
  CHECK(part(kWhen, TimePart::kMonth) == 1);
  CHECK(part(kWhen, TimePart::kDate) == 13);
  CHECK(part(kWhen, TimePart::kDayOfMonth) == 12);
  CHECK(part(kWhen, TimePart::kDayOfWeek) == 5);
  CHECK(part(kWhen, TimePart::kDayOfYear) == 43);
  CHECK(part(kWhen, TimePart::kHours) == 23);
  CHECK(part(kWhen, TimePart::kMinutes) == 31);
  CHECK(part(kWhen, TimePart::kSeconds) == 30);
  CHECK(part("2009-02-13T23:31:20.123456789Z", TimePart::kMilliseconds) == 123);
  CHECK(part("1969-12-31T23:59:59.5Z", TimePart::kMilliseconds) == 500);

  CHECK(part(kWhen, TimePart::kDayOfMonth, "US/Central") == 12);
  CHECK(part(kWhen, TimePart::kDayOfMonth, "+11:00") == 13);
  CHECK(part(kWhen, TimePart::kDate, "Australia/Sydney") == 14);
  CHECK(part(kWhen, TimePart::kDayOfYear, "US/Central") == 43);
  CHECK(part(kWhen, TimePart::kFullYear, "-09:30") == 2009);
  CHECK(part(kWhen, TimePart::kMonth, "UTC") == 1);
  CHECK(part(kWhen, TimePart::kHours, "02:00") == 1);
  CHECK(part(kWhen, TimePart::kMinutes, "Asia/Kathmandu") == 16);
  CHECK(part(kWhen, TimePart::kSeconds, "-00:00") == 30);
  // The clocks of a zone may show a year in which no timestamp lies.
  CHECK(part("0001-01-01T00:00:00Z", TimePart::kFullYear, "-01:00") == 0);
  CHECK(part("9999-12-31T23:59:59Z", TimePart::kFullYear, "+01:00") == 10000);
}

TEST_CASE("duration_converters: a duration's parts go toward zero") {
  CHECK(duration_part(duration("10000s"), TimePart::kHours).i == 2);
  CHECK(duration_part(duration("3730s"), TimePart::kMinutes).i == 62);
  CHECK(duration_part(duration("3730s"), TimePart::kSeconds).i == 3730);
  CHECK(duration_part(duration("123.321456789s"), TimePart::kMilliseconds).i == 321);
  CHECK(duration_part(duration("-1.5s"), TimePart::kSeconds).i == -1);
  CHECK(duration_part(duration("-1.5s"), TimePart::kMilliseconds).i == -500);
  CHECK(duration_part(duration("-90m"), TimePart::kHours).i == -1);
  CHECK(code(duration_part(duration("1s"), TimePart::kFullYear)) == ErrorCode::kNoOverload);
}

TEST_CASE("what is written is read back") {
  std::mt19937_64 random(7);
  std::uniform_int_distribution<std::int64_t> second(-62135596800, 253402300799);
  std::uniform_int_distribution<std::int64_t> span(-315576000000, 315576000000);
  std::uniform_int_distribution<std::uint32_t> nano(0, 999'999'999);
  for (int i = 0; i < 20'000; ++i) {
    const Value when = Value::of_timestamp(second(random), nano(random));
    CHECK(compare_times(timestamp(text(when)), when) == 0);
    const Value shortest = [&] {
      char out[kMaxTimeText];
      return timestamp({out, write_timestamp(when, Fraction::kShortest, out)});
    }();
    CHECK(compare_times(shortest, when) == 0);
    const Value length = Value::of_duration(span(random), nano(random));
    CHECK(compare_times(duration(text(length)), length) == 0);
    arena.reset();
  }
}
