// The texts of a disclosure, in every language, as a release carries them; and numbers and dates
// written as a language writes them.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fenqi/contract.h"
#include "offers/calendar.h"

namespace fenqi::quoting {

// Which text: a field number of fenqi.internal.v1.LanguageTexts.
using TextKey = std::uint32_t;
namespace text = contract::internal::language_texts;

// Which yearly rate: a fenqi.internal.v1.ShownRate.
namespace shown_rate = contract::shown_rate;

// Texts of one language. Immutable, shared.
class Language {
 public:
  static constexpr TextKey kTextCount = 96;  // above every field number

  std::string_view operator[](TextKey key) const { return texts_[key]; }
  // "1", "2", ... or "Jan", "Feb", ...
  std::string_view month(std::int32_t month) const { return months_[month - 1]; }
  std::span<const std::string> further_facts() const { return further_facts_; }

 private:
  friend class DisclosureTexts;
  std::array<std::string, kTextCount> texts_;
  std::array<std::string, 12> months_;
  std::vector<std::string> further_facts_;
};

class DisclosureTexts {
 public:
  // From a serialized fenqi.internal.v1.DisclosureTexts. Fails with FAILED_PRECONDITION where a
  // text is missing, or no rate is shown.
  static Result<DisclosureTexts> parse(std::span<const std::uint8_t> bytes);

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  std::span<const Language> languages() const { return languages_; }
  // The shown_rate:: of the form, in order.
  std::span<const std::uint32_t> rates() const { return rates_; }
  bool shows(std::uint32_t rate) const;

 private:
  std::string name_;
  std::string version_;
  std::vector<Language> languages_;
  std::vector<std::uint32_t> rates_;
};

// The label of a rate.
TextKey label_of(std::uint32_t rate);

// Makes texts, one after the other, in memory that it keeps: a warm one takes nothing from the
// heap. A view is good until the next call of the same function's kind is written over it, that is
// until clear(). One thread only.
class TextWriter {
 public:
  struct Argument {
    std::string_view name;  // "rate" for "{rate}"
    std::string_view value;
  };

  TextWriter() { bytes_.resize(kBytes); }

  // Gives everything back; views are no longer good.
  void clear() { used_ = 0; }

  // `pattern` with each "{name}" replaced; names that are not given stay as they are.
  std::string_view fill(std::string_view pattern, std::initializer_list<Argument> arguments);
  // "1,234,567.89 元" for 123456789 fen.
  std::string_view money(const Language& language, std::string_view currency, std::int64_t fen);
  // "1,234,567.89".
  std::string_view amount(std::int64_t fen);
  // "18.00%" for 0.18: percent with two decimals, half up; beyond a million percent "> 1,000,000%".
  std::string_view percent(double rate);
  // A rate in units of 10^-12 as a person wrote it, at least two decimals: "0.0125%".
  std::string_view exact_percent(std::int64_t rate);
  std::string_view date(const Language& language, offers::Date date);
  std::string_view number(std::int64_t number);

 private:
  // More than the longest texts of one cell take together.
  static constexpr std::size_t kBytes = 16 * 1024;
  void put(std::string_view text);
  std::string_view since(std::size_t start) const { return {bytes_.data() + start, used_ - start}; }

  std::vector<char> bytes_;
  std::size_t used_ = 0;
};

}  // namespace fenqi::quoting
