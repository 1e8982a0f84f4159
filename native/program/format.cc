#include "program/format.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>

#include "program/dynamic.h"
#include "program/text_builder.h"
#include "program/times.h"
#include "wire/utf8.h"

namespace fenqi::program {
namespace {

constexpr int kUsualPrecision = 6;
constexpr int kMostPrecision = 1000;
// A sign, the largest double's 309 digits, the point.
constexpr std::size_t kMaxFixedText = 311 + kMostPrecision;
// 64 binary digits and a sign.
constexpr std::size_t kMaxIntegerText = 65;

std::string_view bool_text(bool x) {
  return x ? "true" : "false";
}

// Infinities and NaN have names; nothing for other numbers.
std::string_view name_of(double x) {
  if (std::isnan(x)) return "NaN";
  if (std::isinf(x)) return x > 0 ? "Infinity" : "-Infinity";
  return {};
}

bool is_named(std::string_view text) {
  return text == "NaN" || text == "Infinity" || text == "-Infinity";
}

class Formatter {
 public:
  explicit Formatter(Scratch& scratch) : scratch_(scratch), out_(scratch.arena) {}

  Value format(std::string_view format, const Value& arguments) {
    std::uint32_t used = 0;
    while (is_good()) {
      const std::size_t percent = format.find('%');
      add(format.substr(0, percent));
      if (percent == std::string_view::npos) break;
      format.remove_prefix(percent + 1);
      if (format.starts_with('%')) {
        format.remove_prefix(1);
        add("%");
        continue;
      }
      const std::optional<int> precision = take_precision(format);
      if (format.empty()) {
        fail(ErrorCode::kBadArgument);
      } else if (used == arguments.size) {
        fail(ErrorCode::kOutOfRange);
      } else if (is_good()) {
        clause(format[0], precision.value_or(kUsualPrecision), arguments.list[used++]);
        format.remove_prefix(1);
      }
    }
    return problem_ != ErrorCode::kNone ? Value::of_error(problem_, 0) : out_.finish();
  }

 private:
  bool is_good() const { return problem_ == ErrorCode::kNone && !out_.is_too_large(); }

  void fail(ErrorCode code) {
    if (problem_ == ErrorCode::kNone) problem_ = code;
  }

  void spend(std::uint64_t units) {
    if (!scratch_.budget.spend(units)) fail(ErrorCode::kBudget);
  }

  void add(std::string_view text) {
    if (!scratch_.budget.spend_bytes(text.size())) return fail(ErrorCode::kBudget);
    out_.add(text);
  }

  // ".3", taken off the front of `format`, or nothing.
  std::optional<int> take_precision(std::string_view& format) {
    if (!format.starts_with('.')) return std::nullopt;
    int precision = 0;
    const char* const end = format.data() + format.size();
    const char* const start = format.data() + 1;
    const bool is_number = start != end && *start >= '0' && *start <= '9';
    const auto [next, problem] = std::from_chars(start, end, precision);
    if (!is_number || problem != std::errc() || precision > kMostPrecision) {
      fail(ErrorCode::kBadArgument);
      return std::nullopt;
    }
    format.remove_prefix(static_cast<std::size_t>(next - format.data()));
    return precision;
  }

  void clause(char letter, int precision, const Value& value) {
    switch (letter) {
      case 's':
        return any(value, 0);
      case 'd':
        if (value.kind == Kind::kDouble) {
          return number(value.d, std::chars_format::fixed, kUsualPrecision);
        }
        return is_number(value) ? integer(value, 10) : fail(ErrorCode::kNoOverload);
      case 'f':
        return real(value, std::chars_format::fixed, precision);
      case 'e':
        return real(value, std::chars_format::scientific, precision);
      case 'b':
        if (value.kind == Kind::kBool) return add(value.b ? "1" : "0");
        return integer(value, 2);
      case 'o':
        return integer(value, 8);
      case 'x':
        return hexadecimal(value, "0123456789abcdef");
      case 'X':
        return hexadecimal(value, "0123456789ABCDEF");
      default:
        return fail(ErrorCode::kBadArgument);
    }
  }

  void integer(const Value& value, int base) {
    char text[kMaxIntegerText];
    if (value.kind == Kind::kInt) {
      add({text, std::to_chars(text, text + sizeof text, value.i, base).ptr});
    } else if (value.kind == Kind::kUint) {
      add({text, std::to_chars(text, text + sizeof text, value.u, base).ptr});
    } else {
      fail(ErrorCode::kNoOverload);
    }
  }

  void number(double x, std::chars_format format, int precision) {
    if (const std::string_view name = name_of(x); !name.empty()) return add(name);
    spend(static_cast<std::uint64_t>(precision));
    char text[kMaxFixedText];
    add({text, std::to_chars(text, text + sizeof text, x, format, precision).ptr});
  }

  void real(const Value& value, std::chars_format format, int precision) {
    switch (value.kind) {
      case Kind::kDouble:
        return number(value.d, format, precision);
      case Kind::kInt:
        return number(static_cast<double>(value.i), format, precision);
      case Kind::kUint:
        return number(static_cast<double>(value.u), format, precision);
      case Kind::kString:
        return is_named(value.text()) ? add(value.text()) : fail(ErrorCode::kNoOverload);
      default:
        return fail(ErrorCode::kNoOverload);
    }
  }

  void hexadecimal(const Value& value, const char* digits) {
    if (value.kind != Kind::kString && value.kind != Kind::kBytes) {
      char text[kMaxIntegerText];
      const bool is_int = value.kind == Kind::kInt;
      if (!is_int && value.kind != Kind::kUint) return fail(ErrorCode::kNoOverload);
      const char* const end = is_int ? std::to_chars(text, text + sizeof text, value.i, 16).ptr
                                     : std::to_chars(text, text + sizeof text, value.u, 16).ptr;
      for (char* at = text; at != end; ++at) {
        if (*at >= 'a') *at = digits[*at - 'a' + 10];
      }
      return add({text, end});
    }
    if (!scratch_.budget.spend_bytes(2 * std::size_t{value.size})) {
      return fail(ErrorCode::kBudget);
    }
    for (const char c : value.text()) {
      if (out_.is_too_large()) return;
      const auto byte = static_cast<unsigned char>(c);
      out_.add(digits[byte >> 4]);
      out_.add(digits[byte & 15]);
    }
  }

  // %s
  void any(const Value& value, int depth) {
    if (depth > kMostNested) return fail(ErrorCode::kBudget);
    char text[kMaxTimeText];
    switch (value.kind) {
      case Kind::kBool:
        return add(bool_text(value.b));
      case Kind::kInt:
      case Kind::kUint:
        return integer(value, 10);
      case Kind::kDouble:
        return number(value.d, std::chars_format::general, kUsualPrecision);
      case Kind::kString:
      case Kind::kType:
        return add(value.text());
      case Kind::kBytes:
        return wire::is_utf8(value.text()) ? add(value.text()) : fail(ErrorCode::kUnreadable);
      case Kind::kNull:
        return add("null");
      case Kind::kTimestamp:
        return add({text, write_timestamp(value, Fraction::kShortest, text)});
      case Kind::kDuration:
        return add({text, write_duration(value, text)});
      case Kind::kList:
        return list(value, depth);
      case Kind::kMap:
        return map(value, depth);
      default:
        return fail(ErrorCode::kNoOverload);
    }
  }

  void list(const Value& value, int depth) {
    add("[");
    for (std::uint32_t i = 0; i < value.size && is_good(); ++i) {
      if (i > 0) add(", ");
      any(value.list[i], depth + 1);
    }
    add("]");
  }

  struct Entry {
    std::string_view key;
    const Value* value;
  };

  void map(const Value& value, int depth) {
    auto* const entries = scratch_.arena.take_array<Entry>(value.size);
    std::uint64_t compared = 0;
    for (std::uint32_t i = 0; i < value.size; ++i) {
      entries[i] = {key_text(value.list[2 * i]), &value.list[2 * i + 1]};
      compared += 1 + entries[i].key.size() / 16;
    }
    spend(compared * static_cast<std::uint64_t>(std::bit_width(value.size)));
    if (!is_good()) return;
    // Keys of one text, as 1 and "1", stay as they are in the map.
    std::sort(entries, entries + value.size, [](const Entry& a, const Entry& b) {
      return a.key != b.key ? a.key < b.key : a.value < b.value;
    });
    add("{");
    for (std::uint32_t i = 0; i < value.size && is_good(); ++i) {
      if (i > 0) add(", ");
      add(entries[i].key);
      add(": ");
      any(*entries[i].value, depth + 1);
    }
    add("}");
  }

  std::string_view key_text(const Value& key) {
    switch (key.kind) {
      case Kind::kBool:
        return bool_text(key.b);
      case Kind::kString:
        return key.text();
      case Kind::kInt:
        return decimal(key.i);
      case Kind::kUint:
        return decimal(key.u);
      default:
        fail(ErrorCode::kNoOverload);
        return {};
    }
  }

  template <typename Integer>
  std::string_view decimal(Integer x) {
    char text[kMaxIntegerText];
    const auto size =
        static_cast<std::size_t>(std::to_chars(text, text + sizeof text, x).ptr - text);
    char* const copy = scratch_.arena.take(size);
    std::memcpy(copy, text, size);
    return {copy, size};
  }

  Scratch& scratch_;
  TextBuilder out_;
  ErrorCode problem_ = ErrorCode::kNone;
};

}  // namespace

Value format(std::string_view format, const Value& arguments, Scratch& scratch) {
  return Formatter(scratch).format(format, arguments);
}

}  // namespace fenqi::program
