#include "quoting/texts.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

#include "offers/rounding.h"
#include "wire/decode.h"

namespace fenqi::quoting {
namespace {

// By shown_rate::.
constexpr TextKey kLabels[] = {0,
                               text::kNominalRate,
                               text::kEffectiveRate,
                               text::kSimpleRate,
                               text::kAppendixJRate,
                               text::kEuRate};

Status damaged(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "the image's disclosure texts " + what);
}

bool is_label_of_rate(TextKey key) {
  return std::find(std::begin(kLabels), std::end(kLabels), key) != std::end(kLabels);
}

}  // namespace

TextKey label_of(std::uint32_t rate) {
  return kLabels[rate];
}

bool DisclosureTexts::shows(std::uint32_t rate) const {
  return std::find(rates_.begin(), rates_.end(), rate) != rates_.end();
}

Result<DisclosureTexts> DisclosureTexts::parse(std::span<const std::uint8_t> bytes) {
  namespace field = contract::internal::disclosure_texts;
  DisclosureTexts texts;
  wire::MessageReader fields(bytes);
  while (fields.next()) {
    switch (fields.number()) {
      case field::kName:
        texts.name_ = fields.text();
        break;
      case field::kVersion:
        texts.version_ = fields.text();
        break;
      case field::kLanguages: {
        Language& language = texts.languages_.emplace_back();
        wire::MessageReader entries(fields.payload());
        std::size_t months = 0;
        while (entries.next()) {
          if (entries.number() == text::kMonths) {
            if (months < language.months_.size()) language.months_[months] = entries.text();
            ++months;
          } else if (entries.number() == text::kFurtherFacts) {
            language.further_facts_.emplace_back(entries.text());
          } else if (entries.number() < Language::kTextCount) {
            language.texts_[entries.number()] = entries.text();
          }
        }
        if (!entries.ok() || months != language.months_.size()) {
          return damaged("are damaged or have not twelve months");
        }
        break;
      }
      case field::kRates: {
        // Packed.
        const std::span<const std::uint8_t> packed = fields.payload();
        const std::uint8_t* at = packed.data();
        const std::uint8_t* const end = at + packed.size();
        while (at != end) {
          std::uint64_t rate = 0;
          at = wire::read_varint(at, end, rate);
          if (at == nullptr || rate == 0 || rate >= std::size(kLabels)) {
            return damaged("show a rate that there is not");
          }
          texts.rates_.push_back(static_cast<std::uint32_t>(rate));
        }
        break;
      }
      default:
        break;
    }
  }
  if (!fields.ok() || texts.languages_.empty() || texts.rates_.empty()) {
    return damaged("are damaged, have no language or show no rate");
  }
  for (const Language& language : texts.languages_) {
    // Field numbers of the texts are consecutive but for the months: text::kLanguage is the first.
    for (TextKey key = text::kLanguage; key <= text::kEuRate; ++key) {
      if (key == text::kMonths || is_label_of_rate(key)) continue;
      if (language.texts_[key].empty()) {
        return damaged("lack text " + std::to_string(key) + " in one language");
      }
    }
    for (const std::uint32_t rate : texts.rates_) {
      if (language.texts_[label_of(rate)].empty()) {
        return damaged("lack the label of a rate in one language");
      }
    }
  }
  return texts;
}

void TextWriter::put(std::string_view text) {
  if (text.size() > bytes_.size() - used_) return;  // texts of a release are short: see kBytes
  std::memcpy(bytes_.data() + used_, text.data(), text.size());
  used_ += text.size();
}

std::string_view TextWriter::fill(std::string_view pattern,
                                  std::initializer_list<Argument> arguments) {
  const std::size_t start = used_;
  while (!pattern.empty()) {
    const std::size_t open = pattern.find('{');
    put(pattern.substr(0, open));
    if (open == std::string_view::npos) break;
    const std::size_t close = pattern.find('}', open);
    if (close == std::string_view::npos) {
      put(pattern.substr(open));
      break;
    }
    const std::string_view name = pattern.substr(open + 1, close - open - 1);
    const auto* argument =
        std::find_if(arguments.begin(), arguments.end(),
                     [name](const Argument& given) { return given.name == name; });
    put(argument == arguments.end() ? pattern.substr(open, close - open + 1) : argument->value);
    pattern.remove_prefix(close + 1);
  }
  return since(start);
}

std::string_view TextWriter::number(std::int64_t number) {
  const std::size_t start = used_;
  char digits[24];
  const char* const end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  const char* at = digits;
  if (*at == '-') put({at++, 1});
  for (; at != end; ++at) {
    put({at, 1});
    if ((end - at - 1) % 3 == 0 && at + 1 != end) put(",");
  }
  return since(start);
}

std::string_view TextWriter::amount(std::int64_t fen) {
  const std::size_t start = used_;
  if (fen < 0) put("-");
  const std::int64_t size = fen < 0 ? -fen : fen;
  number(size / 100);
  const char cents[3] = {'.', static_cast<char>('0' + size / 10 % 10),
                         static_cast<char>('0' + size % 10)};
  put({cents, sizeof cents});
  return since(start);
}

std::string_view TextWriter::money(const Language& language, std::string_view currency,
                                   std::int64_t fen) {
  const std::string_view number = amount(fen);
  if (currency == "CNY") return fill(language[text::kMoneyCny], {{"amount", number}});
  return fill(language[text::kMoney], {{"amount", number}, {"currency", currency}});
}

std::string_view TextWriter::percent(double rate) {
  constexpr double kMost = 1e4;  // a million percent
  if (!(rate <= kMost)) return fill("> 1,000,000%", {});
  const std::size_t start = used_;
  const auto hundredths = static_cast<std::int64_t>(std::floor(rate * 1e4 + 0.5));
  amount(hundredths);
  put("%");
  return since(start);
}

std::string_view TextWriter::exact_percent(std::int64_t rate) {
  const std::size_t start = used_;
  constexpr std::int64_t kPercent = offers::kRateUnit / 100;
  number(rate / kPercent);
  char decimals[10];  // of a percent, in units of 10^-10
  std::int64_t rest = rate % kPercent;
  for (int i = 9; i >= 0; --i, rest /= 10) decimals[i] = static_cast<char>('0' + rest % 10);
  std::size_t shown = sizeof decimals;
  while (shown > 2 && decimals[shown - 1] == '0') --shown;
  put(".");
  put({decimals, shown});
  put("%");
  return since(start);
}

std::string_view TextWriter::date(const Language& language, offers::Date date) {
  const offers::CivilDate civil = offers::civil_date(date);
  char year[8];
  char day[8];
  const char* const year_end = std::to_chars(year, year + sizeof year, civil.year).ptr;
  const char* const day_end = std::to_chars(day, day + sizeof day, civil.day).ptr;
  return fill(language[text::kDate], {{"year", {year, static_cast<std::size_t>(year_end - year)}},
                                      {"month", language.month(civil.month)},
                                      {"day", {day, static_cast<std::size_t>(day_end - day)}}});
}

}  // namespace fenqi::quoting
