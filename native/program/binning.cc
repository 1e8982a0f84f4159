#include "program/binning.h"

#include <algorithm>
#include <cmath>

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::program {
namespace {

namespace image = contract::internal::binning;

template <typename Element>
bool ascends(const std::vector<Element>& elements) {
  return std::adjacent_find(elements.begin(), elements.end(), [](const auto& a, const auto& b) {
           return !(a < b);
         }) == elements.end();
}

// How many of the ascending limits are at most `x`. Few are counted without a branch: which bin an
// applicant is in cannot be predicted, and a wrong guess costs more than counting them all.
std::size_t limits_up_to(const std::vector<double>& limits, double x) {
  constexpr std::size_t kFew = 32;
  if (limits.size() > kFew) {
    return static_cast<std::size_t>(std::upper_bound(limits.begin(), limits.end(), x) -
                                    limits.begin());
  }
  std::size_t count = 0;
  for (const double limit : limits) count += limit <= x ? 1 : 0;
  return count;
}

}  // namespace

std::optional<Binning> Binning::parse(std::span<const std::uint8_t> bytes) {
  Binning binning;
  wire::MessageReader reader(bytes);
  while (reader.next()) {
    bool fine = true;
    switch (reader.number()) {
      case image::kBelow:
        fine = wire::append_doubles(reader, binning.below_);
        break;
      case image::kBelowBins:
        fine = wire::append_varints(reader, binning.below_bins_, wire::saturate32);
        break;
      case image::kNumbers:
        fine = wire::append_doubles(reader, binning.numbers_);
        break;
      case image::kNumberBins:
        fine = wire::append_varints(reader, binning.number_bins_, wire::saturate32);
        break;
      case image::kTexts:
        binning.texts_.emplace_back(reader.text());
        break;
      case image::kTextBins:
        fine = wire::append_varints(reader, binning.text_bins_, wire::saturate32);
        break;
      case image::kMissingBinPlusOne:
        binning.missing_bin_ = reader.bits32() - 1;
        break;
      case image::kRestBinPlusOne:
        binning.rest_bin_ = reader.bits32() - 1;
        break;
      case image::kPoints:
        fine = wire::append_doubles(reader, binning.points_);
        break;
      default:
        break;
    }
    if (!fine) return std::nullopt;
  }
  if (!reader.ok() || !binning.is_sound()) return std::nullopt;
  return binning;
}

bool Binning::is_sound() const {
  const auto exists = [&](std::uint32_t bin) { return bin == kNone || bin < points_.size(); };
  const auto all_exist = [&](const std::vector<std::uint32_t>& bins) {
    return std::all_of(bins.begin(), bins.end(),
                       [&](std::uint32_t bin) { return bin < points_.size(); });
  };
  return below_.size() == below_bins_.size() && numbers_.size() == number_bins_.size() &&
         texts_.size() == text_bins_.size() && ascends(below_) && ascends(numbers_) &&
         ascends(texts_) && all_exist(below_bins_) && all_exist(number_bins_) &&
         all_exist(text_bins_) && exists(missing_bin_) && exists(rest_bin_);
}

bool Binning::takes(Kind kind) const {
  switch (kind) {
    case Kind::kString:
      return below_.empty() && numbers_.empty();
    case Kind::kBool:
    case Kind::kInt:
    case Kind::kUint:
    case Kind::kDouble:
      return texts_.empty();
    default:
      return kind == Kind::kNone;  // always missing
  }
}

Value Binning::bin_of(const Value& value) const {
  std::uint32_t bin = kNone;
  if (value.is_error()) return value;
  if (value.is_missing()) {
    bin = missing_bin_;
  } else if (value.kind == Kind::kString) {
    bin = bin_of_text(value.text());
  } else if (value.kind == Kind::kDouble) {
    bin = bin_of_number(value.d);
  } else if (value.kind == Kind::kBool) {
    bin = bin_of_number(value.b ? 1.0 : 0.0);
  } else if (value.kind == Kind::kInt) {
    bin = bin_of_number(static_cast<double>(value.i));
  } else {
    bin = bin_of_number(static_cast<double>(value.u));
  }
  return bin == kNone ? Value() : Value::of_int(bin);
}

std::uint32_t Binning::bin_of_number(double x) const {
  if (std::isnan(x)) return kNone;
  if (!numbers_.empty()) {
    const auto at = std::lower_bound(numbers_.begin(), numbers_.end(), x);
    if (at != numbers_.end() && *at == x) {
      return number_bins_[static_cast<std::size_t>(at - numbers_.begin())];
    }
  }
  const std::size_t at = limits_up_to(below_, x);
  return at == below_.size() ? rest_bin_ : below_bins_[at];
}

std::uint32_t Binning::bin_of_text(std::string_view text) const {
  const auto at = std::lower_bound(texts_.begin(), texts_.end(), text,
                                   [](std::string_view a, std::string_view b) { return a < b; });
  if (at == texts_.end() || *at != text) return rest_bin_;
  return text_bins_[static_cast<std::size_t>(at - texts_.begin())];
}

Value Binning::points_of(const Value& bin) const {
  if (!bin.is_ok()) return bin;
  const auto i = static_cast<std::uint64_t>(bin.i);
  return i < points_.size() ? Value::of_double(points_[i]) : Value();
}

}  // namespace fenqi::program
