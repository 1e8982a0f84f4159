#include "program/times.h"

#include <charconv>
#include <chrono>
#include <cstring>
#include <optional>

namespace fenqi::program {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr std::int64_t kNanosecond = 1;
constexpr std::int64_t kMillisecond = 1'000'000 * kNanosecond;
constexpr std::int64_t kSecond = 1'000 * kMillisecond;
constexpr std::int64_t kMinuteSeconds = 60;
constexpr std::int64_t kHourSeconds = 60 * kMinuteSeconds;
constexpr std::int64_t kDaySeconds = 24 * kHourSeconds;

constexpr std::int64_t day_number(int year, unsigned month, unsigned day) {
  return sys_days(year_month_day(std::chrono::year(year), std::chrono::month(month),
                                 std::chrono::day(day)))
      .time_since_epoch()
      .count();
}
constexpr std::int64_t kFirstSecond = day_number(1, 1, 1) * kDaySeconds;
constexpr std::int64_t kLastSecond = (day_number(9999, 12, 31) + 1) * kDaySeconds - 1;
// google/protobuf/duration.proto.
const absl::Duration kLongest =
    absl::Seconds(std::int64_t{315'576'000'000}) + absl::Nanoseconds(999'999'999);

// Nanoseconds that no two times can overflow.
using Wide = __int128;

Wide nanoseconds(const Value& time) {
  return static_cast<Wide>(time.i) * kSecond + time.size;
}

// Division that rounds down, as times are stored.
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) {
  return a / b - (a % b < 0 ? 1 : 0);
}

Value failed(ErrorCode code) {
  return Value::of_error(code, 0);
}

bool is_timestamp_second(std::int64_t seconds) {
  return seconds >= kFirstSecond && seconds <= kLastSecond;
}

Value timestamp_of(Wide total) {
  if (total < static_cast<Wide>(kFirstSecond) * kSecond ||
      total >= (static_cast<Wide>(kLastSecond) + 1) * kSecond) {
    return failed(ErrorCode::kOverflow);
  }
  Wide seconds = total / kSecond;
  if (total % kSecond < 0) --seconds;
  return Value::of_timestamp(static_cast<std::int64_t>(seconds),
                             static_cast<std::uint32_t>(total - seconds * kSecond));
}

Value duration_of(Wide total) {
  if (total < INT64_MIN || total > INT64_MAX) return failed(ErrorCode::kOverflow);
  const auto narrow = static_cast<std::int64_t>(total);
  const std::int64_t seconds = floor_div(narrow, kSecond);
  return Value::of_duration(seconds, static_cast<std::uint32_t>(narrow - seconds * kSecond));
}

// --- reading ---

bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes the parts of a text from its front. Once something is not there, nothing is.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  // A number of at most `width` digits.
  int number(std::size_t width, int least, int most) {
    std::size_t digits = 0;
    std::int64_t value = 0;
    while (digits < width && digits < text_.size() && is_digit(text_[digits])) {
      value = value * 10 + (text_[digits++] - '0');
      if (value > most) break;
    }
    if (digits == 0 || value < least || value > most) ok_ = false;
    text_.remove_prefix(digits);
    return ok_ ? static_cast<int>(value) : least;
  }

  void character(char lower, char upper) {
    if (!text_.empty() && (text_[0] == lower || text_[0] == upper)) {
      text_.remove_prefix(1);
    } else {
      ok_ = false;
    }
  }

  // ".123456789", or nothing.
  std::uint32_t fraction() {
    if (!text_.starts_with('.')) return 0;
    text_.remove_prefix(1);
    if (text_.empty() || !is_digit(text_[0])) ok_ = false;
    std::uint32_t value = 0;
    std::int64_t unit = kSecond;
    for (; !text_.empty() && is_digit(text_[0]); text_.remove_prefix(1)) {
      unit /= 10;
      value += static_cast<std::uint32_t>((text_[0] - '0') * unit);
    }
    return value;
  }

  // "Z" or "+05:30", in seconds.
  std::int64_t offset() {
    if (text_.empty() || (text_[0] != '+' && text_[0] != '-')) {
      character('z', 'Z');
      return 0;
    }
    const std::int64_t sign = text_[0] == '-' ? -1 : 1;
    text_.remove_prefix(1);
    const std::int64_t hours = two_digits(23);
    const std::int64_t minutes = at_colon_or_digit() ? two_digits(59) : 0;
    const std::int64_t seconds = at_colon_or_digit() ? two_digits(59) : 0;
    return sign * (hours * kHourSeconds + minutes * kMinuteSeconds + seconds);
  }

  bool ended() const { return ok_ && text_.empty(); }

 private:
  bool at_colon_or_digit() {
    if (!ok_ || text_.empty()) return false;
    if (text_[0] == ':') text_.remove_prefix(1);
    return true;
  }
  std::int64_t two_digits(int most) {
    if (text_.size() < 2 || !is_digit(text_[1])) ok_ = false;
    return number(2, 0, most);
  }

  std::string_view text_;
  bool ok_ = true;
};

// --- writing ---

// `digits` digits of `number`.
char* write_number(std::int64_t number, int digits, char* out) {
  for (int i = digits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + number % 10);
    number /= 10;
  }
  return out + digits;
}

// ".5" of 500,000,000 nanoseconds, or nothing of none.
char* write_fraction(std::int64_t nanos, Fraction fraction, char* out) {
  if (nanos == 0) return out;
  const int step = fraction == Fraction::kThreeSixNine ? 3 : 1;
  int digits = 9;
  for (const std::int64_t base = step == 3 ? 1000 : 10; nanos % base == 0; nanos /= base) {
    digits -= step;
  }
  *out++ = '.';
  return write_number(nanos, digits, out);
}

Value copy(const char* text, std::size_t size, Arena& arena) {
  char* out = arena.take(size);
  std::memcpy(out, text, size);
  return Value::of_string({out, size});
}

// A duration as a sign, whole seconds and nanoseconds.
struct Parts {
  bool negative;
  std::int64_t seconds;
  std::int64_t nanoseconds;
};

Parts parts_of(const Value& duration) {
  if (duration.i >= 0) return {false, duration.i, duration.size};
  if (duration.size == 0) return {true, -duration.i, 0};
  return {true, -(duration.i + 1), kSecond - duration.size};
}

}  // namespace

Value string_to_timestamp(std::string_view text) {
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  Reader reader(text);
  constexpr int kBeyond = 100'000;  // years that are read, if only to say that they are too large
  const int year = reader.number(text.size(), 0, kBeyond);
  reader.character('-', '-');
  const int month = reader.number(2, 1, 12);
  reader.character('-', '-');
  const int day = reader.number(2, 1, 31);
  reader.character('t', 'T');
  const int hour = reader.number(2, 0, 23);
  reader.character(':', ':');
  const int minute = reader.number(2, 0, 59);
  reader.character(':', ':');
  const int second = reader.number(2, 0, 60);
  const std::uint32_t nanos = reader.fraction();
  const std::int64_t offset = reader.offset();
  if (!reader.ended()) return failed(ErrorCode::kUnreadable);
  if (year > 10'000) return failed(ErrorCode::kOutOfRange);
  const year_month_day date(std::chrono::year(year),
                            std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day)));
  if (!date.ok()) return failed(ErrorCode::kUnreadable);
  const std::int64_t seconds = sys_days(date).time_since_epoch().count() * kDaySeconds +
                               hour * kHourSeconds + minute * kMinuteSeconds + second - offset;
  if (!is_timestamp_second(seconds)) return failed(ErrorCode::kOutOfRange);
  return Value::of_timestamp(seconds, second == 60 ? 0 : nanos);
}

Value int_to_timestamp(std::int64_t seconds) {
  if (!is_timestamp_second(seconds)) return failed(ErrorCode::kOutOfRange);
  return Value::of_timestamp(seconds, 0);
}

Value string_to_duration(std::string_view text) {
  absl::Duration duration;
  // Some builds of Abseil have a string_view of their own.
  if (!absl::ParseDuration({text.data(), text.size()}, &duration)) {
    return failed(ErrorCode::kUnreadable);
  }
  if (duration > kLongest || duration < -kLongest) return failed(ErrorCode::kOutOfRange);
  // Toward zero, and what is left then has the same sign.
  absl::Duration rest;
  const std::int64_t seconds = absl::IDivDuration(duration, absl::Seconds(1), &rest);
  const std::int64_t nanos = absl::ToInt64Nanoseconds(rest);
  return nanos < 0 ? Value::of_duration(seconds - 1, static_cast<std::uint32_t>(nanos + kSecond))
                   : Value::of_duration(seconds, static_cast<std::uint32_t>(nanos));
}

std::size_t write_timestamp(const Value& timestamp, Fraction fraction, char* out) {
  const std::int64_t day = floor_div(timestamp.i, kDaySeconds);
  const std::int64_t second = timestamp.i - day * kDaySeconds;
  const year_month_day date{sys_days(days(day))};
  char* at = write_number(static_cast<int>(date.year()), 4, out);
  *at++ = '-';
  at = write_number(static_cast<unsigned>(date.month()), 2, at);
  *at++ = '-';
  at = write_number(static_cast<unsigned>(date.day()), 2, at);
  *at++ = 'T';
  at = write_number(second / kHourSeconds, 2, at);
  *at++ = ':';
  at = write_number(second / kMinuteSeconds % 60, 2, at);
  *at++ = ':';
  at = write_number(second % 60, 2, at);
  at = write_fraction(timestamp.size, fraction, at);
  *at++ = 'Z';
  return static_cast<std::size_t>(at - out);
}

std::size_t write_duration(const Value& duration, char* out) {
  const Parts parts = parts_of(duration);
  char* at = out;
  if (parts.negative) *at++ = '-';
  at = std::to_chars(at, out + kMaxTimeText, parts.seconds).ptr;
  at = write_fraction(parts.nanoseconds, Fraction::kThreeSixNine, at);
  *at++ = 's';
  return static_cast<std::size_t>(at - out);
}

Value timestamp_to_string(const Value& timestamp, Arena& arena) {
  char text[kMaxTimeText];
  return copy(text, write_timestamp(timestamp, Fraction::kThreeSixNine, text), arena);
}

Value duration_to_string(const Value& duration, Arena& arena) {
  char text[kMaxTimeText];
  return copy(text, write_duration(duration, text), arena);
}

Value add_duration_to_timestamp(const Value& timestamp, const Value& duration) {
  return timestamp_of(nanoseconds(timestamp) + nanoseconds(duration));
}

Value subtract_duration_from_timestamp(const Value& timestamp, const Value& duration) {
  return timestamp_of(nanoseconds(timestamp) - nanoseconds(duration));
}

Value subtract_timestamps(const Value& a, const Value& b) {
  return duration_of(nanoseconds(a) - nanoseconds(b));
}

Value add_durations(const Value& a, const Value& b) {
  return duration_of(nanoseconds(a) + nanoseconds(b));
}

Value subtract_durations(const Value& a, const Value& b) {
  return duration_of(nanoseconds(a) - nanoseconds(b));
}

Value timestamp_part(const Value& timestamp, TimePart part, const TimeZone& zone) {
  const std::int64_t local = timestamp.i + zone.offset_at(timestamp.i);
  const std::int64_t day = floor_div(local, kDaySeconds);
  const std::int64_t second = local - day * kDaySeconds;
  const sys_days date_point{days(day)};
  const year_month_day date(date_point);
  switch (part) {
    case TimePart::kFullYear:
      return Value::of_int(static_cast<int>(date.year()));
    case TimePart::kMonth:
      return Value::of_int(static_cast<unsigned>(date.month()) - 1);
    case TimePart::kDate:
      return Value::of_int(static_cast<unsigned>(date.day()));
    case TimePart::kDayOfMonth:
      return Value::of_int(static_cast<unsigned>(date.day()) - 1);
    case TimePart::kDayOfWeek:
      return Value::of_int(std::chrono::weekday(date_point).c_encoding());
    case TimePart::kDayOfYear:
      return Value::of_int((date_point - sys_days(date.year() / 1 / 1)).count());
    case TimePart::kHours:
      return Value::of_int(second / kHourSeconds);
    case TimePart::kMinutes:
      return Value::of_int(second / kMinuteSeconds % 60);
    case TimePart::kSeconds:
      return Value::of_int(second % 60);
    case TimePart::kMilliseconds:
      return Value::of_int(timestamp.size / kMillisecond);
  }
  return failed(ErrorCode::kNoOverload);
}

Value duration_part(const Value& duration, TimePart part) {
  const Parts parts = parts_of(duration);
  const std::int64_t sign = parts.negative ? -1 : 1;
  switch (part) {
    case TimePart::kHours:
      return Value::of_int(sign * (parts.seconds / kHourSeconds));
    case TimePart::kMinutes:
      return Value::of_int(sign * (parts.seconds / kMinuteSeconds));
    case TimePart::kSeconds:
      return Value::of_int(sign * parts.seconds);
    case TimePart::kMilliseconds:
      return Value::of_int(sign * (parts.nanoseconds / kMillisecond));
    default:
      return failed(ErrorCode::kNoOverload);
  }
}

}  // namespace fenqi::program
