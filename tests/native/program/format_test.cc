// Most cases are from google/cel-spec, tests/simple/testdata/string_ext.textproto, sections format
// and format_errors (Apache-2.0); the others were compared with cel-cpp.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/format.h"

#include <doctest/doctest.h>

#include <limits>
#include <string>

#include "program/strings.h"
#include "values.h"

using namespace fenqi;
using namespace fenqi::program;
using namespace fenqi::program::testing;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

std::string formatted(std::string_view clauses, std::initializer_list<Value> arguments) {
  const Value out = format(clauses, list(arguments), scratch);
  REQUIRE_MESSAGE(out.is_ok(), clauses);
  return plain(out);
}

ErrorCode problem(std::string_view clauses, std::initializer_list<Value> arguments) {
  const Value out = format(clauses, list(arguments), scratch);
  REQUIRE_MESSAGE(out.is_error(), clauses);
  return out.error;
}

}  // namespace

TEST_CASE("clauses are replaced by the arguments in turn, and the rest stays") {
  CHECK(formatted("no substitution", {}) == "no substitution");
  CHECK(formatted("str is %s and some more", {text("filler")}) == "str is filler and some more");
  CHECK(formatted("%% and also %%", {}) == "% and also %");
  CHECK(formatted("%s%%", {text("percent on the right")}) == "percent on the right%");
  CHECK(formatted("%%%s%%", {text("percent around")}) == "%percent around%");
  CHECK(formatted("é%s😀%d", {text("ü"), number(-5)}) == "éü😀-5");
  CHECK(formatted("%s", {text("a"), text("unused")}) == "a");
  CHECK(formatted("", {}).empty());
}

TEST_CASE("integers are written in bases two, eight, ten and sixteen") {
  CHECK(formatted("%d %d", {number(42), unsigned_number(64)}) == "42 64");
  CHECK(formatted("%b %b %b", {number(5), number(-5), unsigned_number(64)}) == "101 -101 1000000");
  CHECK(formatted("%b%b", {Value::of_bool(true), Value::of_bool(false)}) == "10");
  CHECK(formatted("%o %o", {number(11), unsigned_number(65535)}) == "13 177777");
  CHECK(formatted("%x %X %X", {number(30), number(-26), unsigned_number(6000)}) == "1e -1A 1770");
  CHECK(formatted("%b", {number(INT64_MIN)}) == "-1" + std::string(63, '0'));
  CHECK(formatted("%x", {unsigned_number(UINT64_MAX)}) == "ffffffffffffffff");
}

TEST_CASE("text and bytes are written in base sixteen") {
  CHECK(formatted("%x", {text("Hello world!")}) == "48656c6c6f20776f726c6421");
  CHECK(formatted("%X", {text("Hello é")}) == "48656C6C6F20C3A9");
  CHECK(formatted("%x", {Value::of_bytes(std::string_view("\0\xff", 2))}) == "00ff");
}

TEST_CASE("numbers are written with a fixed point") {
  CHECK(formatted("%f", {real(2.71828)}) == "2.718280");
  CHECK(formatted("%f %f", {number(2), unsigned_number(3)}) == "2.000000 3.000000");
  CHECK(formatted("%.3f", {real(1.2345)}) == "1.234");
  CHECK(formatted("%.0f %.0f %.0f", {real(1.5), real(2.5), real(123.0)}) == "2 2 123");
  CHECK(formatted("%.3f", {real(-123.4999)}) == "-123.500");
  CHECK(formatted("%f", {real(-0.0)}) == "-0.000000");
  CHECK(formatted("%.20f", {real(1e22)}) == "10000000000000000000000.00000000000000000000");
  CHECK(formatted("%.1000f", {real(1e308)}).size() == 309 + 1 + 1000);
  CHECK(formatted("%.1000f", {real(-1.7976931348623157e308)}).size() == 1 + 309 + 1 + 1000);
  CHECK(formatted("%d", {real(1.5)}) == "1.500000");
  CHECK(formatted("%f %f", {real(kInfinity), text("-Infinity")}) == "Infinity -Infinity");
  CHECK(formatted("%.2f %d", {real(kNan), real(kNan)}) == "NaN NaN");
}

TEST_CASE("numbers are written with an exponent") {
  CHECK(formatted("%e", {real(2.71828)}) == "2.718280e+00");
  CHECK(formatted("%e %e", {number(2), unsigned_number(3)}) == "2.000000e+00 3.000000e+00");
  CHECK(formatted("%.3e %.0e", {real(1234.5678), real(1234.5678)}) == "1.235e+03 1e+03");
  CHECK(formatted("%e", {real(1e-300)}) == "1.000000e-300");
  CHECK(formatted("%e %e", {real(-kInfinity), text("NaN")}) == "-Infinity NaN");
}

TEST_CASE("%s writes values of every type that has a text") {
  CHECK(formatted("%s", {Value::of_null()}) == "null");
  CHECK(formatted("%s %s", {Value::of_bool(true), Value::of_bool(false)}) == "true false");
  CHECK(formatted("%s %s", {number(999999999999), unsigned_number(UINT64_MAX)}) ==
        "999999999999 18446744073709551615");
  CHECK(formatted("%s", {Value::of_bytes("xyz")}) == "xyz");
  CHECK(formatted("%s", {Value::of_type("google.protobuf.Timestamp")}) ==
        "google.protobuf.Timestamp");
  CHECK(
      formatted("%s %s", {Value::of_timestamp(1257894000, 0), Value::of_timestamp(0, 100000000)}) ==
      "2009-11-10T23:00:00Z 1970-01-01T00:00:00.1Z");
  CHECK(formatted("%s %s", {Value::of_duration(8747, 0), Value::of_duration(1, 500000000)}) ==
        "8747s 1.500s");
}

TEST_CASE("%s writes doubles with six digits") {
  CHECK(formatted("%s %s %s %s", {real(1), real(56.8), real(1234567), real(-0.0)}) ==
        "1 56.8 1.23457e+06 -0");
  CHECK(formatted("%s %s %s", {real(1e-7), real(5e-324), real(1e21)}) ==
        "1e-07 4.94066e-324 1e+21");
}

TEST_CASE("%s writes lists and maps, the keys of a map in the order of their texts") {
  CHECK(formatted("%s", {list({number(1), real(2.5), text("a"), Value::of_bytes("x"),
                               Value::of_null()})}) == "[1, 2.5, a, x, null]");
  CHECK(formatted("%s", {list({real(kNan), real(kInfinity), real(-kInfinity)})}) ==
        "[NaN, Infinity, -Infinity]");
  CHECK(formatted("%s %s", {list({}), map({})}) == "[] {}");
  CHECK(formatted("%s", {map({number(2), text("a"), number(10), text("b"), text("s"), number(3),
                              Value::of_bool(true), list({list({number(1)})})})}) ==
        "{10: b, 2: a, s: 3, true: [[1]]}");
  CHECK(formatted("%s", {map({text("1"), number(1), number(1), number(2), unsigned_number(1),
                              number(3)})}) == "{1: 1, 1: 2, 1: 3}");
}

TEST_CASE("format_errors: malformed clauses") {
  for (const char* const clauses :
       {"%a", "%E", "%F", "%5d", "%-5d", "%", "abc%", "%.3", "%.", "%.f", "%.1001f", "%.-3f",
        "%.+3f", "%. 3f", "%.99999999999f", "%.2%", "%1$s"}) {
    CHECK_MESSAGE(problem(clauses, {number(1)}) == ErrorCode::kBadArgument, clauses);
  }
}

TEST_CASE("format_errors: too few arguments") {
  CHECK(problem("%d %d %d", {number(0), number(1)}) == ErrorCode::kOutOfRange);
  CHECK(problem("%s", {}) == ErrorCode::kOutOfRange);
}

TEST_CASE("format_errors: arguments that a clause cannot write") {
  const Value some[] = {Value::of_null(),         list({number(1)}),         map({}),
                        Value::of_duration(1, 0), Value::of_timestamp(1, 0), Value::of_type("int"),
                        optional(number(1))};
  for (const char* const clauses : {"%d", "%f", "%e", "%b", "%o", "%x", "%X"}) {
    for (const Value& value : some) {
      CHECK_MESSAGE(problem(clauses, {value}) == ErrorCode::kNoOverload, clauses);
    }
  }
  for (const char* const clauses : {"%d", "%f", "%e", "%b", "%o"}) {
    CHECK_MESSAGE(problem(clauses, {text("1")}) == ErrorCode::kNoOverload, clauses);
    CHECK_MESSAGE(problem(clauses, {Value::of_bytes("1")}) == ErrorCode::kNoOverload, clauses);
  }
  for (const char* const clauses : {"%b", "%o", "%x"}) {
    CHECK_MESSAGE(problem(clauses, {real(1)}) == ErrorCode::kNoOverload, clauses);
  }
  CHECK(problem("%o", {Value::of_bool(true)}) == ErrorCode::kNoOverload);
  CHECK(problem("%s", {optional(number(1))}) == ErrorCode::kNoOverload);
  CHECK(problem("%s", {list({optional(number(1))})}) == ErrorCode::kNoOverload);
  CHECK(problem("%s", {Value::of_bytes("\xff")}) == ErrorCode::kUnreadable);
}

TEST_CASE("neither size, nor depth, nor work is without bound") {
  const std::string large(kMaxStringBytes, 'a');
  CHECK(problem("%s%s", {text(large), text("b")}) == ErrorCode::kTooLarge);
  CHECK(problem("%x", {text(large)}) == ErrorCode::kTooLarge);
  Value deep = list({});
  for (int i = 0; i < 100; ++i) deep = list({deep});
  CHECK(problem("%s", {deep}) == ErrorCode::kBudget);
  Budget little(50);
  Scratch bounded{arena, little};
  CHECK(format("%.1000f", list({real(0.1)}), bounded).error == ErrorCode::kBudget);
}
