#include "program/patterns.h"

#include <algorithm>

#include "program/list_builder.h"
#include "program/text_builder.h"

namespace fenqi::program {
namespace {

// A match and its groups \1 .. \9.
constexpr int kMaxParts = 10;

Value failed(ErrorCode code) {
  return Value::of_error(code, 0);
}

RE2::Options options(std::int64_t memory) {
  RE2::Options options(RE2::Quiet);
  options.set_max_mem(memory);
  return options;
}

std::string_view view(const re2::StringPiece& piece) {
  return {piece.data(), piece.size()};
}

re2::StringPiece piece(std::string_view text) {
  return {text.data(), text.size()};
}

std::size_t sequence_length(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  const std::size_t length = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  return std::min(length, text.size() - at);
}

// The matches in a text one after the other, each with the context of the whole text. An empty one
// right after another match is none.
class Matches {
 public:
  Matches(std::string_view text, const Pattern& pattern, int parts, Budget& budget)
      : text_(text), pattern_(pattern), parts_(parts), budget_(budget) {}

  // Whether there is another one. False also where the budget is spent.
  bool next() {
    while (from_ <= text_.size()) {
      if (!budget_.spend(pattern_.match_cost(text_.size() - from_))) {
        spent_ = true;
        return false;
      }
      if (!pattern_.re2().Match(piece(text_), from_, text_.size(), RE2::UNANCHORED, found_.data(),
                                parts_)) {
        return false;
      }
      if (begin() == end() && begin() == last_end_) {
        // Look on behind the next code point.
        if (from_ == text_.size()) return false;
        from_ += sequence_length(text_, from_);
        continue;
      }
      from_ = end();
      last_end_ = end();
      return true;
    }
    return false;
  }

  bool is_spent() const { return spent_; }
  // Where the match that next() found begins and ends.
  std::size_t begin() const { return static_cast<std::size_t>(found_[0].data() - text_.data()); }
  std::size_t end() const { return begin() + found_[0].size(); }
  std::string_view part(int number) const { return view(found_[static_cast<std::size_t>(number)]); }

 private:
  static constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

  const std::string_view text_;
  const Pattern& pattern_;
  const int parts_;
  Budget& budget_;
  std::array<re2::StringPiece, kMaxParts> found_;
  std::size_t from_ = 0;
  std::size_t last_end_ = kNowhere;
  bool spent_ = false;
};

// The highest group that `with` asks for; -1 where it is malformed.
int highest_group(std::string_view with) {
  int highest = 0;
  for (std::size_t at = 0; at < with.size(); ++at) {
    if (with[at] != '\\') continue;
    if (++at == with.size()) return -1;
    if (with[at] >= '0' && with[at] <= '9') {
      highest = std::max(highest, with[at] - '0');
    } else if (with[at] != '\\') {
      return -1;
    }
  }
  return highest;
}

void rewrite(std::string_view with, const Matches& match, TextBuilder& out) {
  for (std::size_t at = 0; at < with.size();) {
    const std::size_t escape = std::min(with.find('\\', at), with.size());
    out.add(with.substr(at, escape - at));
    if (escape == with.size()) break;
    const char c = with[escape + 1];
    if (c == '\\') {
      out.add(c);
    } else {
      out.add(match.part(c - '0'));
    }
    at = escape + 2;
  }
}

}  // namespace

Pattern::Pattern(std::string_view text, std::int64_t memory)
    : re2_(piece(text), options(memory)), instructions_(re2_.ok() ? re2_.ProgramSize() : 0) {}

Result<std::unique_ptr<const Pattern>> Pattern::compile(std::string_view text) {
  std::unique_ptr<const Pattern> pattern(new Pattern(text, kMaxMemory));
  if (!pattern->re2_.ok()) {
    return error(
        StatusCode::kInvalidArgument,
        "not a regular expression: " + pattern->re2_.error() + "; RE2's syntax is understood");
  }
  return pattern;
}

const Pattern* PatternCache::find(std::string_view text, Budget& budget, ErrorCode& why) {
  const auto use = [&](Entry& entry) {
    entry.used = ++clock_;
    if (!entry.pattern->re2_.ok()) why = ErrorCode::kBadArgument;
    return entry.pattern->re2_.ok() ? entry.pattern.get() : nullptr;
  };
  for (Entry& entry : entries_) {
    if (entry.pattern != nullptr && entry.text == text) return use(entry);
  }
  if (text.size() > kMaxPatternBytes) {
    why = ErrorCode::kBadArgument;
    return nullptr;
  }
  // Measured: a pattern that fills kMaxMemory compiles in about 3 ms, others in 0.1 us for each
  // instruction.
  constexpr std::uint64_t kCompile = 1000;
  constexpr std::uint64_t kInstruction = 10;
  if (!budget.spend(kCompile)) {
    why = ErrorCode::kBudget;
    return nullptr;
  }
  Entry& oldest = *std::min_element(entries_.begin(), entries_.end(),
                                    [](const Entry& a, const Entry& b) { return a.used < b.used; });
  oldest.text = text;
  oldest.pattern.reset(new Pattern(text, kMaxMemory));
  // A malformed one stays, too, so that it is not compiled again; what is overspent here shows in
  // the next thing that spends.
  (void)budget.spend(static_cast<std::uint64_t>(oldest.pattern->instructions_) * kInstruction);
  return use(oldest);
}

Value matches(std::string_view text, const Pattern& pattern, Budget& budget) {
  if (!budget.spend(pattern.match_cost(text.size()))) return failed(ErrorCode::kBudget);
  return Value::of_bool(
      pattern.re2().Match(piece(text), 0, text.size(), RE2::UNANCHORED, nullptr, 0));
}

Value regex_extract(std::string_view text, const Pattern& pattern, Scratch& scratch) {
  const int groups = pattern.re2().NumberOfCapturingGroups();
  if (groups > 1) return failed(ErrorCode::kBadArgument);
  Matches found(text, pattern, 1 + groups, scratch.budget);
  if (!found.next()) {
    return found.is_spent() ? failed(ErrorCode::kBudget) : Value::of_optional(nullptr);
  }
  auto* const value = scratch.arena.take_array<Value>(1);
  *value = Value::of_string(found.part(groups));
  return Value::of_optional(value);
}

Value regex_extract_all(std::string_view text, const Pattern& pattern, Scratch& scratch) {
  const int groups = pattern.re2().NumberOfCapturingGroups();
  if (groups > 1) return failed(ErrorCode::kBadArgument);
  Matches found(text, pattern, 1 + groups, scratch.budget);
  ListBuilder list(scratch);
  while (found.next()) {
    if (!found.part(groups).empty() && !list.add(Value::of_string(found.part(groups)))) break;
  }
  return found.is_spent() ? failed(ErrorCode::kBudget) : list.finish();
}

Value regex_replace(std::string_view text, const Pattern& pattern, std::string_view with,
                    std::int64_t count, Scratch& scratch) {
  const int group = highest_group(with);
  if (group < 0 || group > pattern.re2().NumberOfCapturingGroups()) {
    return failed(ErrorCode::kBadArgument);
  }
  Matches found(text, pattern, 1 + group, scratch.budget);
  TextBuilder out(scratch.arena);
  std::size_t copied = 0;
  for (std::int64_t left = count; left != 0 && !out.is_too_large() && found.next(); --left) {
    out.add(text.substr(copied, found.begin() - copied));
    rewrite(with, found, out);
    copied = found.end();
  }
  if (found.is_spent()) return failed(ErrorCode::kBudget);
  out.add(text.substr(copied));
  return out.finish();
}

}  // namespace fenqi::program
