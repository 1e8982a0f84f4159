#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/binning.h"

#include <doctest/doctest.h>

#include <limits>

#include "fenqi/contract.h"
#include "wire/writer.h"

using fenqi::Kind;
using fenqi::Value;
using fenqi::program::Binning;

namespace {

namespace image = fenqi::contract::internal::binning;

// Missing: 0; special -1: 1; below 10: 2; below 20: 3; the rest: 4.
void write_numeric(fenqi::wire::MessageWriter& writer, double second_limit = 20.0) {
  for (const double limit : {10.0, second_limit}) writer.number64(image::kBelow, limit);
  for (const std::uint64_t bin : {2u, 3u}) writer.uint(image::kBelowBins, bin);
  writer.number64(image::kNumbers, -1.0);
  writer.uint(image::kNumberBins, 1);
  writer.uint(image::kMissingBinPlusOne, 1);
  writer.uint(image::kRestBinPlusOne, 5);
  for (const double points : {0.0, 1.0, 2.0, 3.0, 4.0}) writer.number64(image::kPoints, points);
}

std::int64_t bin(const Binning& binning, const Value& value) {
  const Value found = binning.bin_of(value);
  return found.is_ok() ? found.i : -1;
}

}  // namespace

TEST_CASE("special codes go before numeric bins, limits belong to the bin above") {
  fenqi::wire::MessageWriter writer;
  write_numeric(writer);
  const auto binning = Binning::parse(writer.bytes());
  REQUIRE(binning);
  CHECK(bin(*binning, Value()) == 0);
  CHECK(bin(*binning, Value::of_int(-1)) == 1);
  CHECK(bin(*binning, Value::of_double(-1.0)) == 1);
  CHECK(bin(*binning, Value::of_double(-2.0)) == 2);
  CHECK(bin(*binning, Value::of_double(9.999)) == 2);
  CHECK(bin(*binning, Value::of_int(10)) == 3);
  CHECK(bin(*binning, Value::of_uint(20)) == 4);
  CHECK(bin(*binning, Value::of_bool(true)) == 2);
  CHECK(bin(*binning, Value::of_double(std::numeric_limits<double>::infinity())) == 4);
  CHECK(binning->points_of(Value::of_int(3)).d == 3.0);
}

TEST_CASE("NaN is in no bin, and an error stays one") {
  fenqi::wire::MessageWriter writer;
  write_numeric(writer);
  const auto binning = Binning::parse(writer.bytes());
  REQUIRE(binning);
  CHECK(binning->bin_of(Value::of_double(std::numeric_limits<double>::quiet_NaN())).is_missing());
  const Value failed = Value::of_error(fenqi::ErrorCode::kDivisionByZero, 7);
  CHECK(binning->bin_of(failed).place == 7);
  CHECK(binning->points_of(failed).is_error());
  CHECK(binning->points_of(Value()).is_missing());
}

TEST_CASE("a number that is no bin has no points") {
  fenqi::wire::MessageWriter writer;
  write_numeric(writer);
  const auto binning = Binning::parse(writer.bytes());
  REQUIRE(binning);
  CHECK(binning->points_of(Value::of_int(5)).is_missing());
  CHECK(binning->points_of(Value::of_int(-1)).is_missing());
}

TEST_CASE("texts are found whole; others go to the rest or nowhere") {
  fenqi::wire::MessageWriter writer;
  for (const char* text : {"a", "b"}) writer.string(image::kTexts, text);
  for (const std::uint64_t number : {1u, 0u}) writer.uint(image::kTextBins, number);
  for (const double points : {0.0, 1.0}) writer.number64(image::kPoints, points);
  const auto binning = Binning::parse(writer.bytes());
  REQUIRE(binning);
  CHECK(binning->takes(Kind::kString));
  CHECK_FALSE(binning->takes(Kind::kDouble));
  CHECK(bin(*binning, Value::of_string("a")) == 1);
  CHECK(bin(*binning, Value::of_string("ab")) == -1);
  CHECK(bin(*binning, Value::of_string("")) == -1);
}

TEST_CASE("bins that are not sorted, or do not exist, are refused") {
  fenqi::wire::MessageWriter unsorted;
  write_numeric(unsorted, 10.0);
  CHECK_FALSE(Binning::parse(unsorted.bytes()));
  fenqi::wire::MessageWriter none;
  none.uint(image::kRestBinPlusOne, 1);
  CHECK_FALSE(Binning::parse(none.bytes()));
}
