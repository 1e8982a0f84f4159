// The bins of one attribute of a scorecard: from a value to the number of its bin and its points.
//
// Immutable and shared. bin_of() takes O(log n) for n limits or categories, and nothing from the
// heap.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/value.h"

namespace fenqi::program {

class Binning {
 public:
  // Reads and checks a serialized fenqi.internal.v1.Binning. Nothing where it is damaged, not
  // sorted, or points to a bin that does not exist.
  static std::optional<Binning> parse(std::span<const std::uint8_t> bytes);

  // The bin of `value`, an int; missing where it is in none; the error where it is one.
  Value bin_of(const Value& value) const;
  // The points of `bin`, an int; missing where there is no such bin.
  Value points_of(const Value& bin) const;

  // Whether values of `kind` can be told apart here: texts have their bins, numbers and truth
  // values others.
  bool takes(Kind kind) const;

 private:
  static constexpr std::uint32_t kNone = UINT32_MAX;

  bool is_sound() const;
  std::uint32_t bin_of_number(double x) const;
  std::uint32_t bin_of_text(std::string_view text) const;

  std::vector<double> below_;
  std::vector<std::uint32_t> below_bins_;
  std::vector<double> numbers_;
  std::vector<std::uint32_t> number_bins_;
  std::vector<std::string> texts_;
  std::vector<std::uint32_t> text_bins_;
  std::uint32_t missing_bin_ = kNone;
  std::uint32_t rest_bin_ = kNone;
  std::vector<double> points_;
};

}  // namespace fenqi::program
