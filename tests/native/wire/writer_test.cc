#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "wire/writer.h"

#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "wire/decode.h"
#include "wire/utf8.h"

using namespace fenqi::wire;

TEST_CASE("what is written reads back, whatever the length of a nested message") {
  for (const std::size_t size : {0u, 1u, 125u, 126u, 127u, 128u, 16381u, 16382u, 16384u, 100000u}) {
    MessageWriter writer;
    const auto outer = writer.begin(1);
    const auto inner = writer.begin(2);
    writer.string(3, std::string(size, 'x'));
    writer.end(inner);
    writer.uint(4, 300);
    writer.number64(5, -0.5);
    writer.end(outer);
    writer.sint(6, -1);

    MessageReader top(writer.bytes());
    REQUIRE(top.next());
    MessageReader middle(top.payload());
    REQUIRE(middle.next());
    MessageReader bottom(middle.payload());
    REQUIRE(bottom.next());
    CHECK(bottom.number() == 3);
    CHECK(bottom.text().size() == size);
    CHECK_FALSE(bottom.next());
    REQUIRE(middle.next());
    CHECK(middle.bits() == 300);
    REQUIRE(middle.next());
    CHECK(middle.number64() == -0.5);
    REQUIRE(top.next());
    CHECK(top.bits() == UINT64_MAX);
    CHECK_FALSE(top.next());
    CHECK(top.ok());
  }
}

TEST_CASE("damaged tags, varints, lengths and groups end the reading") {
  const auto damaged = [](std::string_view bytes) {
    MessageReader reader({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    while (reader.next()) {
    }
    return !reader.ok();
  };
  using namespace std::string_view_literals;
  CHECK(damaged("\x00"sv));  // field number 0
  CHECK(damaged("\x08"sv));  // no value
  // Parsers of protobuf drop the bits beyond 64, but read no eleventh byte.
  CHECK_FALSE(damaged("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"sv));
  CHECK(damaged("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"sv));
  CHECK(damaged("\x0a\x05hi"sv));  // cut short
  CHECK(damaged("\x0d\x00\x00"sv));
  CHECK(damaged("\x0b\x08\x01"sv));  // a group without its end
  CHECK(damaged("\x0b\x14"sv));      // the end of another group
  CHECK(damaged("\x0c"sv));          // an end without a start
  CHECK(damaged("\x0e"sv));          // wire type 6
  CHECK_FALSE(damaged("\x0b\x08\x01\x0c"sv));
  CHECK(damaged(std::string(101, '\x0b') + std::string(101, '\x0c')));  // too deep
}

TEST_CASE("UTF-8 is checked as the standard draws its line") {
  for (const char* good :
       {"", "plain ascii text", "é中😀", "\x7f", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"}) {
    CHECK(is_utf8(good));
  }
  for (const char* bad :
       {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf0\x80\x80\x80",
        "\xf4\x90\x80\x80", "\xff", "abc\xe4\xb8", "12345678\xc3"}) {
    CHECK_FALSE(is_utf8(bad));
  }
}
