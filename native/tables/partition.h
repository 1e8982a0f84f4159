// Cuts the values of one kind into classes, such that each of a given number of sets holds either
// all of a class or nothing of it. Finding a value's class is then all that has to be done to know
// which of the sets hold it.
//
// Numbers: a set's bounds are places between two neighbouring values of the kind (a bound of 2.5
// lies between the ints 2 and 3), so the classes are the stretches between these places, found by
// binary search. Strings: a class for each that is named, one for each prefix (what begins so and
// is in no longer prefix's class and is not named), and one for all others. Classes are numbered so
// that what a set holds is a few ranges of classes: numbers and texts ascend.
//
// Immutable once made. class_of() takes nothing from the heap; it costs a binary search of the
// bounds, or one hash and a search of the prefixes.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/value.h"
#include "tables/value_set.h"

namespace fenqi::tables {

// Classes begin .. end - 1.
struct ClassRange {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;
};

// The stretches of one type of number.
template <typename Number>
class NumberClasses {
 public:
  NumberClasses() = default;
  explicit NumberClasses(std::span<const ValueSet> sets);

  std::uint32_t size() const { return static_cast<std::uint32_t>(cuts_.size()) + 1; }
  std::uint32_t class_of(Number x) const;
  void append_ranges(const ValueSet& set, std::vector<ClassRange>& ranges) const;

 private:
  // Each the smallest number of the next class, ascending.
  std::vector<Number> cuts_;
};

class TextClasses {
 public:
  TextClasses() = default;
  explicit TextClasses(std::span<const ValueSet> sets);

  std::uint32_t size() const { return static_cast<std::uint32_t>(items_.size()) + 1; }
  std::uint32_t class_of(std::string_view text) const;
  void append_ranges(const ValueSet& set, std::vector<ClassRange>& ranges) const;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;
  struct Item {
    std::uint64_t offset = 0;
    std::uint32_t size = 0;
    bool is_prefix = false;
  };
  struct Prefix {
    std::uint32_t item = 0;
    // The next shorter prefix of this one, an index into prefixes_.
    std::uint32_t shorter = kNone;
  };
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t item_plus_one = 0;
  };

  std::string_view text(const Item& item) const { return {texts_.data() + item.offset, item.size}; }
  std::uint32_t find(std::string_view text) const;
  std::uint32_t find_prefix(std::string_view text) const;

  std::string texts_;
  // Sorted by text, a prefix before the string of the same text. Item i is class i + 1; class 0 is
  // all other strings.
  std::vector<Item> items_;
  std::vector<Prefix> prefixes_;
  // Open addressing over the strings that are no prefixes; the size is a power of two.
  std::vector<Slot> slots_;
};

class Partition {
 public:
  Partition() = default;
  // `kind` is that of the values, `sets` what is to be told apart.
  Partition(Kind kind, std::span<const ValueSet> sets);

  // Number of classes.
  std::uint32_t size() const;

  // The class of an ok value of the partition's kind that is not NaN.
  std::uint32_t class_of(const Value& value) const {
    switch (kind_) {
      case Kind::kBool:
        return value.b ? 1 : 0;
      case Kind::kInt:
        return std::get_if<NumberClasses<std::int64_t>>(&classes_)->class_of(value.i);
      case Kind::kUint:
        return std::get_if<NumberClasses<std::uint64_t>>(&classes_)->class_of(value.u);
      case Kind::kDouble:
        return std::get_if<NumberClasses<double>>(&classes_)->class_of(value.d);
      case Kind::kString:
        return std::get_if<TextClasses>(&classes_)->class_of(value.text());
      default:
        return 0;
    }
  }

  // What `set`, one of those that the partition was made from, holds: ascending, apart.
  std::vector<ClassRange> ranges_of(const ValueSet& set) const;

 private:
  Kind kind_ = Kind::kBool;
  std::variant<std::monostate, NumberClasses<std::int64_t>, NumberClasses<std::uint64_t>,
               NumberClasses<double>, TextClasses>
      classes_;
};

}  // namespace fenqi::tables
