#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/conversions.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <random>
#include <string>

#include "values.h"

using namespace fenqi;
using namespace fenqi::program;
using namespace fenqi::program::testing;

TEST_CASE("texts of numbers that no double holds become infinite or zero, as with strtod") {
  const std::string zeros(400, '0');
  for (const std::string& text :
       {std::string("1e400"), std::string("1e-400"), "0." + zeros + "1", "1" + zeros,
        "1" + zeros + "e-100", "0." + zeros + "1e50", "1" + zeros + zeros + ".5e-20",
        std::string("1e99999999999999999999"), std::string("1e-99999999999999999999"),
        std::string("1e+400"), std::string("0x1p2000"), std::string("0x1p-2000"), "0x1" + zeros,
        "0x0." + zeros + "1", std::string("0x1p99999999999999999999"), std::string("1.8e308"),
        std::string("2e-324"), std::string(".1e400")}) {
    const double expected = std::strtod(text.c_str(), nullptr);
    CHECK_MESSAGE(string_to_double(text).d == expected, text);
    CHECK_MESSAGE(string_to_double("-" + text).d == -expected, text);
    CHECK(std::signbit(string_to_double("-" + text).d));
  }
}

TEST_CASE("a double's text reads back as the same double") {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t bits = random();
    double x = 0;
    std::memcpy(&x, &bits, sizeof x);
    if (!std::isfinite(x)) continue;
    CHECK(string_to_double(double_to_string(x, arena).text()).d == x);
    arena.reset();
  }
}
