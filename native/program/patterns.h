// Regular expressions in RE2's syntax, and CEL's functions on them. Text and patterns are UTF-8.
//
// Matching takes time linear in the text, whatever the pattern. Each match first spends
// match_cost() from the budget, which is what it can cost at worst.
//
// Memory: compiling takes heap. Matching fills RE2's caches, also on the heap, at most kMaxMemory
// a pattern; once they are warm, matches() takes none, while a pattern with groups may take a
// little for each match. Results live in the arena.
#pragma once

#include <re2/re2.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program {

// Immutable; any thread may use it, and threads that do so at once do not wait for each other once
// its caches are warm.
class Pattern {
 public:
  // What a pattern and its caches may take, in bytes. Larger ones are refused.
  static constexpr std::int64_t kMaxMemory = 8 << 20;

  // For patterns that are known when a release is loaded. INVALID_ARGUMENT says what is wrong.
  static Result<std::unique_ptr<const Pattern>> compile(std::string_view text);

  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;

  const RE2& re2() const { return re2_; }

  // Units of the budget for a match in `bytes` bytes. The slowest that RE2 is, where neither of its
  // automata fits in memory, was measured at 4 ns for each byte and instruction.
  std::uint64_t match_cost(std::size_t bytes) const {
    return 8 + bytes * static_cast<std::uint64_t>(instructions_) / 4;
  }

 private:
  friend class PatternCache;
  Pattern(std::string_view text, std::int64_t memory);

  RE2 re2_;
  int instructions_;
};

// The patterns that only requests knew, as many as kPatterns; the one that was not used for longest
// makes room for the next. One thread: each scorer has one.
class PatternCache {
 public:
  static constexpr std::size_t kPatterns = 16;
  static constexpr std::size_t kMaxPatternBytes = 1024;
  static constexpr std::int64_t kMaxMemory = 512 << 10;

  // The pattern, which stays until kPatterns others were asked for; null where `text` is no
  // pattern, is too large, or the budget is spent, and then `why` says which. Compiling spends from
  // the budget; finding does not.
  const Pattern* find(std::string_view text, Budget& budget, ErrorCode& why);

 private:
  struct Entry {
    std::string text;
    std::unique_ptr<const Pattern> pattern;
    std::uint64_t used = 0;
  };
  std::array<Entry, kPatterns> entries_;
  std::uint64_t clock_ = 0;
};

// Each gives a value, or an error without a place: kBudget, kTooLarge, or kBadArgument where said.

// Whether the pattern matches somewhere in `text`. A bool.
Value matches(std::string_view text, const Pattern& pattern, Budget& budget);

// The first match, or what the pattern's group matched in it, or no value where there is no match.
// An optional string; kBadArgument where the pattern has several groups.
Value regex_extract(std::string_view text, const Pattern& pattern, Scratch& scratch);

// All matches that follow each other, likewise; empty ones are left out. A list of strings.
Value regex_extract_all(std::string_view text, const Pattern& pattern, Scratch& scratch);

// `text` with its first `count` matches, or all where `count` is negative, replaced by `with`, in
// which \0 .. \9 stand for the match and its groups and \\ for a backslash. kBadArgument where
// `with` has another escape or a group that the pattern has not.
//
// What a match is never depends on `count`; cel-cpp begins the text anew after every replacement
// when it counts them, so that there "^a" matches three times in "aaa".
Value regex_replace(std::string_view text, const Pattern& pattern, std::string_view with,
                    std::int64_t count, Scratch& scratch);

}  // namespace fenqi::program
