#include "quoting/field_reader.h"

#include <cmath>
#include <utility>

#include "offers/rounding.h"
#include "wire/utf8.h"

namespace fenqi::quoting {

std::string FieldPath::with(std::string_view leaf) const {
  std::string text = parent == nullptr ? std::string(name) : parent->with(name);
  if (index >= 0) text += "[" + std::to_string(index) + "]";
  if (!text.empty() && !leaf.empty()) text += ".";
  return text.append(leaf);
}

bool FieldReader::expect(const char* name, wire::WireType type) {
  if (reader_.type() == type) return true;
  fail(name, "has another type on the wire than the contract gives it");
  return false;
}

std::int64_t FieldReader::int64(const char* name) {
  return expect(name, wire::WireType::kVarint) ? static_cast<std::int64_t>(reader_.bits()) : 0;
}

std::int32_t FieldReader::int32(const char* name) {
  return static_cast<std::int32_t>(int64(name));
}

std::uint32_t FieldReader::choice(const char* name, std::uint32_t largest) {
  const std::int32_t value = int32(name);
  if (value >= 0 && static_cast<std::uint32_t>(value) <= largest) {
    return static_cast<std::uint32_t>(value);
  }
  fail(name, "must be 0 to " + std::to_string(largest) + ", as the contract names them");
  return 0;
}

std::int64_t FieldReader::rate(const char* name) {
  if (!expect(name, wire::WireType::kFixed64)) return 0;
  const double rate = reader_.number64();
  constexpr double kMost = static_cast<double>(offers::kMaxRate / offers::kRateUnit);
  if (!(rate >= 0.0 && rate <= kMost)) {  // NaN too
    fail(name, "must be 0 to 100, as a fraction: 0.18 is 18 %");
    return 0;
  }
  return std::llround(rate * static_cast<double>(offers::kRateUnit));
}

double FieldReader::number(const char* name) {
  if (!expect(name, wire::WireType::kFixed64)) return 0.0;
  const double number = reader_.number64();
  if (std::isfinite(number)) return number;
  fail(name, "must be a finite number");
  return 0.0;
}

std::string_view FieldReader::text(const char* name, std::size_t most_bytes) {
  if (!expect(name, wire::WireType::kLength)) return {};
  const std::string_view text = reader_.text();
  if (text.size() > most_bytes) {
    fail(name, "has more than " + std::to_string(most_bytes) + " bytes");
  } else if (!wire::is_utf8(text)) {
    fail(name, "is not valid UTF-8");
  } else {
    return text;
  }
  return {};
}

void FieldReader::append(const char* name, std::vector<std::int32_t>& values, std::size_t most) {
  const bool read = wire::append_varints(
      reader_, values, [](std::uint64_t bits) { return static_cast<std::int32_t>(bits); });
  if (!read) {
    fail(name, "is no list of numbers");
  } else if (values.size() > most) {
    fail(name, "has more than " + std::to_string(most) + " entries");
  }
}

std::span<const std::uint8_t> FieldReader::message(const char* name) {
  if (!expect(name, wire::WireType::kLength)) return {};
  return reader_.payload();
}

void FieldReader::fail(const char* name, std::string what) {
  fail(invalid_field(path_.with(name), std::move(what)));
}

void FieldReader::fail(Status status) {
  if (status_.ok()) status_ = std::move(status);
}

Status FieldReader::status() {
  if (status_.ok() && !reader_.ok()) {
    const std::string where = path_.with("");
    const std::string what =
        "is damaged or cut short at its byte " + std::to_string(reader_.offset());
    status_ = where.empty() ? error(StatusCode::kInvalidArgument, "the request " + what)
                            : invalid_field(where, what);
  }
  return std::move(status_);
}

}  // namespace fenqi::quoting
