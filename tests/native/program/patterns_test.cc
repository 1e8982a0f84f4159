#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include "program/patterns.h"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

using namespace fenqi;
using namespace fenqi::program;

namespace {

Arena arena;
Budget endless(UINT64_MAX);
Scratch scratch{arena, endless};

std::unique_ptr<const Pattern> compiled(std::string_view text) {
  auto pattern = Pattern::compile(text);
  REQUIRE_MESSAGE(pattern.ok(), text);
  return std::move(pattern.value());
}

Budget plenty() {
  return Budget(1'000'000);
}

bool found(std::string_view text, std::string_view pattern) {
  Budget budget = plenty();
  return matches(text, *compiled(pattern), budget).b;
}

// "(none)" where there is no match.
std::string extracted(std::string_view text, std::string_view pattern) {
  const Value value = regex_extract(text, *compiled(pattern), scratch);
  REQUIRE(value.kind == Kind::kOptional);
  return value.list == nullptr ? "(none)" : std::string(value.list->text());
}

std::vector<std::string> all(std::string_view text, std::string_view pattern) {
  const Value value = regex_extract_all(text, *compiled(pattern), scratch);
  REQUIRE(value.kind == Kind::kList);
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < value.size; ++i) out.emplace_back(value.list[i].text());
  return out;
}

Value replacement(std::string_view text, std::string_view pattern, std::string_view with,
                  std::int64_t count = -1) {
  return regex_replace(text, *compiled(pattern), with, count, scratch);
}

std::string replaced(std::string_view text, std::string_view pattern, std::string_view with,
                     std::int64_t count = -1) {
  const Value value = replacement(text, pattern, with, count);
  REQUIRE(value.kind == Kind::kString);
  return std::string(value.text());
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a pattern may match anywhere in the text") {
  CHECK(found("hubba", "ubb"));
  CHECK(found("hubba", "^hu"));
  CHECK(!found("hubba", "^ubb"));
  CHECK(found("", ""));
  CHECK(found("mañana", "a+ñ+a+"));
  CHECK(found("🐱😀😀", "(a|😀){2}"));
  CHECK(found("é", "^.$"));
  CHECK(!found("a\nb", "^b"));
  CHECK(found("分期", "^\\p{Han}+$"));
}

TEST_CASE("what is no pattern is refused with the reason") {
  const auto pattern = Pattern::compile("a(b");
  REQUIRE(!pattern.ok());
  CHECK(pattern.status().code == StatusCode::kInvalidArgument);
  CHECK(pattern.status().message.find("missing ): a(b") != std::string::npos);
  for (const char* const text : {"(a)\\1", "(?=a)", "a{1001}", "[", "*", "\xff"}) {
    CHECK_MESSAGE(!Pattern::compile(text).ok(), text);
  }
}

TEST_CASE("the first match, or its group, is extracted") {
  CHECK(extracted("hello world", "hello (.*)") == "world");
  CHECK(extracted("item-A, item-B", "item-\\w") == "item-A");
  CHECK(extracted("HELLO", "hello") == "(none)");
  CHECK(extracted("foo", "x?") == "");
  CHECK(extracted("foo", "(x)?foo") == "");
  CHECK(regex_extract("ab", *compiled("(a)(b)"), scratch).error == ErrorCode::kBadArgument);
}

TEST_CASE("all matches, or their groups, are extracted, but no empty ones") {
  CHECK(all("id:123, id:456", "id:\\d+") == Texts{"id:123", "id:456"});
  CHECK(all("id:123, id:456", "id:(\\d+)") == Texts{"123", "456"});
  CHECK(all("id:123, id:456", "assa").empty());
  CHECK(all("aébé", "(é)?") == Texts{"é", "é"});
  CHECK(all("aé", "x?").empty());
  CHECK(all("testuser@example.com, o@x.org", "\\w+@(\\w+)") == Texts{"example", "x"});
}

TEST_CASE("matches are replaced, with their groups where the replacement asks for them") {
  CHECK(replaced("banana", "a", "x") == "bxnxnx");
  CHECK(replaced("banana", "a", "x", 2) == "bxnxna");
  CHECK(replaced("banana", "a", "x", 0) == "banana");
  CHECK(replaced("banana", "a", "x", 100) == "bxnxnx");
  CHECK(replaced("foo bar", "(fo)o (ba)r", "\\2 \\1") == "ba fo");
  CHECK(replaced("foo bar", "o", "[\\0]") == "f[o][o] bar");
  CHECK(replaced("foo bar", "o+", "\\\\x") == "f\\x bar");
  CHECK(replaced("aéa", "", "-") == "-a-é-a-");
  CHECK(replaced("aaa", "x?", "b") == "bababab");
  CHECK(replaced("ab", "(x)?b", "<\\1>") == "a<>");
  for (const char* const with : {"\\3", "\\", "\\n", "a\\"}) {
    CHECK(replacement("foo bar", "(fo)o (ba)r", with).error == ErrorCode::kBadArgument);
  }
}

TEST_CASE("a count takes the first of the same matches") {
  // cel-cpp gives "bba" and "bbaaa", since there each replacement begins a new text.
  CHECK(replaced("aaa", "^a", "b", 2) == "baa");
  CHECK(replaced("aaa", "x?", "b", 2) == "babaa");
  CHECK(all("aaa", "^a") == Texts{"a"});
}

TEST_CASE("replacing agrees with RE2's own replacement of all matches") {
  const std::string texts[] = {"", "a", "aab", "é中😀", "a1b22c333", "  x  ", "abcabc"};
  const std::string patterns[] = {"", "a*", "a|ab", "[^a]", "\\d+", "\\b", "(.)(.)", "$", "(a)?b*"};
  for (const std::string& text : texts) {
    for (const std::string& pattern : patterns) {
      std::string expected = text;
      RE2::GlobalReplace(&expected, pattern, "<\\0>");
      CHECK_MESSAGE(replaced(text, pattern, "<\\0>") == expected, text, " ", pattern);
    }
  }
}

TEST_CASE("a result that is too large is an error") {
  const std::string text(1000, 'a');
  CHECK(replacement(text, "a", std::string(1000, 'b')).error == ErrorCode::kTooLarge);
}

TEST_CASE("no pattern and no text takes more time than the budget allows") {
  const std::string digits = [] {
    std::string out;
    for (unsigned i = 0; i < 60'000; ++i) out += "01"[i * i % 7 % 2];
    return out;
  }();
  const auto limit = std::chrono::milliseconds(500);  // 25 times what is expected
  for (const char* const text : {"[01]*1[01]{100}x", "(?:[01]?){300}x", "(1.*x)|1", "(0*)*x"}) {
    const auto pattern = compiled(text);
    const auto start = std::chrono::steady_clock::now();
    Budget budget = plenty();
    Scratch bounded{arena, budget};
    (void)regex_extract_all(digits, *pattern, bounded);
    budget = plenty();
    (void)regex_replace(digits, *pattern, "\\0", -1, bounded);
    budget = plenty();
    (void)matches(digits, *pattern, budget);
    CHECK_MESSAGE(std::chrono::steady_clock::now() - start < limit, text);
  }
  Budget budget = plenty();
  CHECK(matches(digits, *compiled("(?:[01]?){300}x"), budget).error == ErrorCode::kBudget);
  CHECK(budget.is_spent());
}

TEST_CASE("the cache gives each pattern again, and compiles the ones it has let go") {
  PatternCache cache;
  ErrorCode why = ErrorCode::kNone;
  Budget budget(1'000'000'000);
  const Pattern* const first = cache.find("a+", budget, why);
  REQUIRE(first != nullptr);
  const std::uint64_t left = budget.left();
  CHECK(cache.find("a+", budget, why) == first);
  CHECK(budget.left() == left);  // finding costs nothing
  for (std::size_t i = 1; i < PatternCache::kPatterns; ++i) {
    REQUIRE(cache.find("b" + std::to_string(i), budget, why) != nullptr);
  }
  CHECK(cache.find("a+", budget, why) == first);
  for (int i = 0; i < 100; ++i) {
    const std::string text = "c" + std::to_string(i);
    const Pattern* const pattern = cache.find(text, budget, why);
    REQUIRE(pattern != nullptr);
    CHECK(matches(text, *pattern, budget).b);
  }
  const std::uint64_t before = budget.left();
  CHECK(matches("aa", *cache.find("a+", budget, why), budget).b);
  CHECK(before - budget.left() > 1000);  // it was compiled again
}

TEST_CASE("the cache says why it has no pattern") {
  PatternCache cache;
  ErrorCode why = ErrorCode::kNone;
  Budget budget = plenty();
  CHECK(cache.find("(", budget, why) == nullptr);
  CHECK(why == ErrorCode::kBadArgument);
  why = ErrorCode::kNone;
  CHECK(cache.find("(", budget, why) == nullptr);
  CHECK(why == ErrorCode::kBadArgument);
  why = ErrorCode::kNone;
  CHECK(cache.find(std::string(2000, 'a'), budget, why) == nullptr);
  CHECK(why == ErrorCode::kBadArgument);
  why = ErrorCode::kNone;
  CHECK(cache.find("(?:(?:(?:a{10}){10}){10}\\pL{100})", budget, why) == nullptr);
  CHECK(why == ErrorCode::kBadArgument);
  Budget none(0);
  why = ErrorCode::kNone;
  CHECK(cache.find("new", none, why) == nullptr);
  CHECK(why == ErrorCode::kBudget);
}
