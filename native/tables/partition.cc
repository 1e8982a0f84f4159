#include "tables/partition.h"

#include <algorithm>
#include <bit>
#include <functional>

#include "tables/cut.h"

namespace fenqi::tables {

// --- numbers ---

template <typename Number>
NumberClasses<Number>::NumberClasses(std::span<const ValueSet> sets) {
  const auto cut = [&](const std::optional<Value>& bound, bool above) {
    if (!bound) return;
    if (const auto smallest = smallest_from<Number>(*bound, above)) cuts_.push_back(*smallest);
  };
  for (const ValueSet& set : sets) {
    for (const Interval& interval : set.intervals) {
      cut(interval.low, interval.low_open);
      cut(interval.high, !interval.high_open);
    }
  }
  std::sort(cuts_.begin(), cuts_.end());
  cuts_.erase(std::unique(cuts_.begin(), cuts_.end()), cuts_.end());
  cuts_.shrink_to_fit();
}

// Halves without branches: which way a search goes cannot be predicted.
template <typename Number>
std::uint32_t NumberClasses<Number>::class_of(Number x) const {
  const Number* base = cuts_.data();
  std::size_t count = cuts_.size();
  while (count > 1) {
    const std::size_t half = count / 2;
    base += base[half - 1] <= x ? half : 0;
    count -= half;
  }
  const auto before = static_cast<std::uint32_t>(base - cuts_.data());
  return before + (count == 1 && *base <= x ? 1 : 0);
}

template <typename Number>
void NumberClasses<Number>::append_ranges(const ValueSet& set,
                                          std::vector<ClassRange>& ranges) const {
  for (const Interval& interval : set.intervals) {
    ClassRange range{0, size()};
    if (interval.low) {
      const auto first = smallest_from<Number>(*interval.low, interval.low_open);
      if (!first) continue;
      range.begin = class_of(*first);
    }
    if (interval.high) {
      const auto beyond = smallest_from<Number>(*interval.high, !interval.high_open);
      if (beyond) range.end = class_of(*beyond);
    }
    ranges.push_back(range);
  }
}

template class NumberClasses<std::int64_t>;
template class NumberClasses<std::uint64_t>;
template class NumberClasses<double>;

// --- texts ---

TextClasses::TextClasses(std::span<const ValueSet> sets) {
  struct Named {
    std::string_view text;
    bool is_string;
    auto operator<=>(const Named&) const = default;
  };
  std::vector<Named> named;
  for (const ValueSet& set : sets) {
    for (const std::string_view text : set.strings) named.push_back({text, true});
    for (const std::string_view text : set.prefixes) named.push_back({text, false});
  }
  std::sort(named.begin(), named.end());
  named.erase(std::unique(named.begin(), named.end()), named.end());

  std::size_t strings = 0;
  std::size_t bytes = 0;
  for (const Named& item : named) {
    strings += item.is_string ? 1 : 0;
    bytes += item.text.size();
  }
  texts_.reserve(bytes);
  items_.reserve(named.size());
  if (strings > 0) slots_.resize(std::bit_ceil(2 * strings));
  // The prefixes that hold the item at hand, the longest last.
  std::vector<std::uint32_t> open;
  for (const Named& from : named) {
    const auto item = static_cast<std::uint32_t>(items_.size());
    items_.push_back(
        {texts_.size(), static_cast<std::uint32_t>(from.text.size()), !from.is_string});
    texts_ += from.text;
    if (from.is_string) {
      const std::size_t hash = std::hash<std::string_view>{}(from.text);
      std::size_t at = hash & (slots_.size() - 1);
      while (slots_[at].item_plus_one != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = {static_cast<std::uint32_t>(hash >> 32), item + 1};
    } else {
      while (!open.empty() && !from.text.starts_with(text(items_[prefixes_[open.back()].item]))) {
        open.pop_back();
      }
      prefixes_.push_back({item, open.empty() ? kNone : open.back()});
      open.push_back(static_cast<std::uint32_t>(prefixes_.size()) - 1);
    }
  }
}

// The item of a string that is named; kNone where it is not.
std::uint32_t TextClasses::find(std::string_view wanted) const {
  if (slots_.empty()) return kNone;
  const std::size_t hash = std::hash<std::string_view>{}(wanted);
  const auto tag = static_cast<std::uint32_t>(hash >> 32);
  for (std::size_t at = hash & (slots_.size() - 1); slots_[at].item_plus_one != 0;
       at = (at + 1) & (slots_.size() - 1)) {
    const std::uint32_t item = slots_[at].item_plus_one - 1;
    if (slots_[at].tag == tag && text(items_[item]) == wanted) return item;
  }
  return kNone;
}

// The item of the longest prefix that `wanted` begins with. Any prefix of `wanted` that is not the
// greatest prefix at or below it is a prefix of that one too: both begin with it, and so does all
// that lies between them.
std::uint32_t TextClasses::find_prefix(std::string_view wanted) const {
  const auto after = std::partition_point(
      prefixes_.begin(), prefixes_.end(),
      [&](const Prefix& prefix) { return text(items_[prefix.item]) <= wanted; });
  if (after == prefixes_.begin()) return kNone;
  auto at = static_cast<std::uint32_t>(after - prefixes_.begin()) - 1;
  while (at != kNone && !wanted.starts_with(text(items_[prefixes_[at].item]))) {
    at = prefixes_[at].shorter;
  }
  return at == kNone ? kNone : prefixes_[at].item;
}

std::uint32_t TextClasses::class_of(std::string_view wanted) const {
  std::uint32_t item = find(wanted);
  if (item == kNone && !prefixes_.empty()) item = find_prefix(wanted);
  return item == kNone ? 0 : item + 1;
}

void TextClasses::append_ranges(const ValueSet& set, std::vector<ClassRange>& ranges) const {
  for (const std::string_view wanted : set.strings) {
    const std::uint32_t item = find(wanted);
    if (item != kNone) ranges.push_back({item + 1, item + 2});
  }
  for (const std::string_view wanted : set.prefixes) {
    const auto first = std::partition_point(items_.begin(), items_.end(),
                                            [&](const Item& item) { return text(item) < wanted; });
    const auto last = std::partition_point(
        first, items_.end(), [&](const Item& item) { return text(item).starts_with(wanted); });
    ranges.push_back({static_cast<std::uint32_t>(first - items_.begin()) + 1,
                      static_cast<std::uint32_t>(last - items_.begin()) + 1});
  }
}

// --- any kind ---

Partition::Partition(Kind kind, std::span<const ValueSet> sets) : kind_(kind) {
  switch (kind) {
    case Kind::kInt:
      classes_ = NumberClasses<std::int64_t>(sets);
      break;
    case Kind::kUint:
      classes_ = NumberClasses<std::uint64_t>(sets);
      break;
    case Kind::kDouble:
      classes_ = NumberClasses<double>(sets);
      break;
    case Kind::kString:
      classes_ = TextClasses(sets);
      break;
    default:
      break;
  }
}

std::uint32_t Partition::size() const {
  return std::visit(
      [](const auto& classes) -> std::uint32_t {
        if constexpr (std::is_same_v<std::decay_t<decltype(classes)>, std::monostate>) {
          return 2;
        } else {
          return classes.size();
        }
      },
      classes_);
}

std::vector<ClassRange> Partition::ranges_of(const ValueSet& set) const {
  std::vector<ClassRange> ranges;
  std::visit(
      [&](const auto& classes) {
        if constexpr (std::is_same_v<std::decay_t<decltype(classes)>, std::monostate>) {
          if (set.holds_false) ranges.push_back({0, 1});
          if (set.holds_true) ranges.push_back({1, 2});
        } else {
          classes.append_ranges(set, ranges);
        }
      },
      classes_);
  std::sort(ranges.begin(), ranges.end(),
            [](const ClassRange& a, const ClassRange& b) { return a.begin < b.begin; });
  std::vector<ClassRange> apart;
  for (const ClassRange& range : ranges) {
    if (range.begin >= range.end) continue;
    if (!apart.empty() && range.begin <= apart.back().end) {
      apart.back().end = std::max(apart.back().end, range.end);
    } else {
      apart.push_back(range);
    }
  }
  if (!set.complement) return apart;
  std::vector<ClassRange> others;
  std::uint32_t begin = 0;
  for (const ClassRange& range : apart) {
    if (begin < range.begin) others.push_back({begin, range.begin});
    begin = range.end;
  }
  if (begin < size()) others.push_back({begin, size()});
  return others;
}

}  // namespace fenqi::tables
