// Cases named by section are from google/cel-spec, tests/simple/testdata/string_ext.textproto
// (Apache-2.0); the others were compared with cel-cpp.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/strings.h"

#include <doctest/doctest.h>

#include "program/bits.h"
#include "program/bytes.h"
#include "values.h"

using namespace fenqi;
using namespace fenqi::program;
using namespace fenqi::program::testing;

using Texts = std::vector<std::string>;

namespace {

Texts parts(std::string_view whole, std::string_view separator, std::int64_t limit = -1) {
  return texts(split(whole, separator, limit, scratch));
}

}  // namespace

TEST_CASE("split: a text falls apart at every separator, or into so many parts") {
  CHECK(parts("hello world", " ") == Texts{"hello", "world"});
  CHECK(parts("hello world events!", " ", 0).empty());
  CHECK(parts("hello world events!", " ", 1) == Texts{"hello world events!"});
  CHECK(parts("hello world events!", " ", 2) == Texts{"hello", "world events!"});
  CHECK(parts("o©o©o©o", "©", -1) == Texts{"o", "o", "o", "o"});
  CHECK(parts("a,b", ",", 100) == Texts{"a", "b"});
  CHECK(parts("", ",") == Texts{""});
  CHECK(parts(",a,", ",") == Texts{"", "a", ""});
  CHECK(parts("a", "a") == Texts{"", ""});
}

TEST_CASE("split: an empty separator stands between code points") {
  CHECK(parts("aé😀", "") == Texts{"a", "é", "😀"});
  CHECK(parts("aé😀", "", 2) == Texts{"a", "é😀"});
  CHECK(parts("aé😀", "", 3) == Texts{"a", "é", "😀"});
  CHECK(parts("aé😀", "", 4) == Texts{"a", "é", "😀"});
  CHECK(parts("", "") == Texts{""});
}

TEST_CASE("split: what it makes is paid for") {
  Budget little(100);
  Scratch bounded{arena, little};
  CHECK(code(split(std::string(1000, ','), ",", -1, bounded)) == ErrorCode::kBudget);
}

TEST_CASE("join: strings are joined with a separator, and nothing else is") {
  CHECK(plain(join(list({text("a"), text("é"), text("")}), "-", scratch)) == "a-é-");
  CHECK(plain(join(list({}), "-", scratch)).empty());
  CHECK(plain(join(list({text("x")}), "-", scratch)) == "x");
  CHECK(code(join(list({text("a"), number(1)}), "-", scratch)) == ErrorCode::kNoOverload);
  const std::string large(kMaxStringBytes / 2, 'a');
  CHECK(code(join(list({text(large), text(large)}), "-", scratch)) == ErrorCode::kTooLarge);
}

TEST_CASE("replace: with a limit, the first occurrences") {
  CHECK(plain(replace("{0} days {0} hours", "{0}", "2", arena)) == "2 days 2 hours");
  CHECK(plain(replace("{0} days {0} hours", "{0}", "2", arena, 1)) == "2 days {0} hours");
  CHECK(plain(replace("aaa", "a", "b", arena, 0)) == "aaa");
  CHECK(plain(replace("aaa", "a", "b", arena, 9)) == "bbb");
  CHECK(plain(replace("ééé", "", "-", arena, 2)) == "-é-éé");
  CHECK(plain(replace("aaa", "", "-", arena, 4)) == "-a-a-a-");
  CHECK(plain(replace("aaa", "", "-", arena, 5)) == "-a-a-a-");
  CHECK(plain(replace("", "", "-", arena)) == "-");
}

TEST_CASE("quote: what cannot stand in quotes is escaped") {
  CHECK(plain(quote("ends with \\", arena)) == R"("ends with \\")");
  CHECK(plain(quote("mid string \" quote", arena)) == R"("mid string \" quote")");
  CHECK(plain(quote("\a\b\f\n\r\t\v", arena)) == R"("\a\b\f\n\r\t\v")");
  CHECK(plain(quote("printable unicode😀 'ÿ'", arena)) == "\"printable unicode😀 'ÿ'\"");
  CHECK(plain(quote("", arena)) == "\"\"");
  CHECK(plain(quote(std::string_view("\0\x7f", 2), arena)) == std::string("\"\0\x7f\"", 4));
}

TEST_CASE("bytes are joined and become text where they are UTF-8") {
  const Value joined = concat_bytes("a\xff", "b", arena);
  CHECK(joined.kind == Kind::kBytes);
  CHECK(plain(joined) ==
        "a\xff"
        "b");
  CHECK(plain(bytes_to_string("\xc3\xa9")) == "é");
  CHECK(code(bytes_to_string(std::string_view("\0\xff", 2))) == ErrorCode::kUnreadable);
  CHECK(code(bytes_to_string("\xed\xa0\x80")) == ErrorCode::kUnreadable);
}

TEST_CASE("base64 is written with padding (RFC 4648, section 10)") {
  const std::pair<const char*, const char*> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, encoded] : vectors) {
    CHECK(plain(base64_encode(bytes, arena)) == encoded);
    CHECK(plain(base64_decode(encoded, arena)) == bytes);
  }
  CHECK(plain(base64_encode("\xff\xef\xfe", arena)) == "/+/+");
}

TEST_CASE("base64 is read with or without padding") {
  CHECK(plain(base64_decode("aGVsbG8", arena)) == "hello");
  CHECK(plain(base64_decode(" aGVs\nbG8 =", arena)) == "hello");
  CHECK(plain(base64_decode("aH", arena)) == "h");
  CHECK(plain(base64_decode("aG.=", arena)) == "h");
  for (const char* const bad :
       {"a", "aGVsbG8==", "aG=", "=", "====", "_-_-", "aGVs====", "aG=a", "a===", "aGV=bG8="}) {
    CHECK_MESSAGE(code(base64_decode(bad, arena)) == ErrorCode::kUnreadable, bad);
  }
}

TEST_CASE("bits are shifted without regard to the sign") {
  CHECK(shift_left(std::int64_t{1}, 63).i == INT64_MIN);
  CHECK(shift_left(std::int64_t{-1}, 1).i == -2);
  CHECK(shift_left(std::int64_t{1}, 64).i == 0);
  CHECK(shift_right(std::int64_t{-1024}, 3).i == 2305843009213693824);
  CHECK(shift_right(std::int64_t{-1}, 63).i == 1);
  CHECK(shift_right(std::int64_t{-1}, 64).i == 0);
  CHECK(shift_right(std::uint64_t{1024}, 3).u == 128);
  CHECK(shift_left(std::uint64_t{1}, 64).u == 0);
  CHECK(code(shift_left(std::int64_t{1}, -1)) == ErrorCode::kBadArgument);
  CHECK(code(shift_right(std::uint64_t{1}, -1)) == ErrorCode::kBadArgument);
}
