#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/time_zone.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <thread>

using fenqi::program::TimeZone;
using fenqi::program::TimeZones;

namespace {

// 2009-02-13T23:31:30Z and half a year later.
constexpr std::int64_t kWinter = 1234567890;
constexpr std::int64_t kSummer = kWinter + 180 * 24 * 3600;

std::int64_t hours_east(std::string_view name, std::int64_t seconds) {
  const auto zone = TimeZone::load(name);
  REQUIRE_MESSAGE(zone.has_value(), name);
  return zone->offset_at(seconds) / 3600;
}

}  // namespace

TEST_CASE("a zone keeps summer time in summer only") {
  CHECK(hours_east("Asia/Shanghai", kWinter) == 8);
  CHECK(hours_east("Asia/Shanghai", kSummer) == 8);
  CHECK(hours_east("America/New_York", kWinter) == -5);
  CHECK(hours_east("America/New_York", kSummer) == -4);
  // 9999-07-01, by the rule that goes on for ever.
  CHECK(hours_east("America/New_York", 253386403200) == -4);
}

TEST_CASE("a fixed offset is hours and minutes") {
  CHECK(TimeZone::fixed("+05:30")->offset_at(0) == 19800);
  CHECK(TimeZone::fixed("-08:00")->offset_at(0) == -28800);
  CHECK(TimeZone::fixed("-00:30")->offset_at(0) == -1800);
  CHECK(TimeZone::fixed("5:30")->offset_at(0) == 19800);
  CHECK(TimeZone::fixed("23:59")->offset_at(0) == 86340);
  for (const char* const text : {"", "+", "05", "+05:3", "+05:300", "24:00", "05:60", "+0530",
                                 ":30", "a5:30", "05:30:00", "--5:30"}) {
    CHECK_MESSAGE(!TimeZone::fixed(text), text);
  }
}

TEST_CASE("names that mean a file, this machine or nothing are refused") {
  for (const char* const name :
       {"localtime", "/usr/share/zoneinfo/UTC", "file:UTC", "libc:UTC", "../zoneinfo/UTC",
        "asia/shanghai", "Asia/Nowhere", "Asia", " UTC", "posixrules", "+25:00"}) {
    CHECK_MESSAGE(!TimeZone::load(name), name);
    CHECK_MESSAGE(!TimeZones::installed().find(name), name);
  }
}

TEST_CASE("every installed zone is found by its name, from any thread") {
  CHECK(TimeZones::installed().size() > 300);
  CHECK(TimeZones::installed().size() < 1000);
  const auto look = [] {
    for (const char* const name : {"Asia/Shanghai", "America/Argentina/Ushuaia", "Etc/GMT+1", "UTC",
                                   "", "+08:00", "US/Central", "EST5EDT"}) {
      const auto zone = TimeZones::installed().find(name);
      const auto loaded = TimeZone::load(name);
      CHECK_MESSAGE(zone.has_value(), name);
      CHECK(zone->offset_at(kSummer) == loaded->offset_at(kSummer));
    }
  };
  std::thread other(look);
  look();
  other.join();
}
