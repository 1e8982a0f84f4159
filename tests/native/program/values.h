// Values for tests, whose memory is kept until the test program ends, and a scratch without bounds.
#pragma once

#include <doctest/doctest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "base/scratch.h"
#include "base/value.h"

namespace fenqi::program::testing {

inline Arena arena;
inline Budget endless(UINT64_MAX);
inline Scratch scratch{arena, endless};

inline Value text(std::string_view x) {
  return Value::of_string(x);
}
inline Value number(std::int64_t x) {
  return Value::of_int(x);
}
inline Value unsigned_number(std::uint64_t x) {
  return Value::of_uint(x);
}
inline Value real(double x) {
  return Value::of_double(x);
}

inline Value list(std::initializer_list<Value> elements) {
  auto* const copy = arena.take_array<Value>(elements.size());
  std::copy(elements.begin(), elements.end(), copy);
  return Value::of_list(copy, static_cast<std::uint32_t>(elements.size()));
}

// Keys and values in turn.
inline Value map(std::initializer_list<Value> entries) {
  return Value::of_map(list(entries).list, static_cast<std::uint32_t>(entries.size() / 2));
}

inline Value optional(Value value) {
  return Value::of_optional(list({value}).list);
}

inline ErrorCode code(const Value& value) {
  REQUIRE(value.is_error());
  return value.error;
}

// The text of a string or bytes.
inline std::string plain(const Value& value) {
  REQUIRE(value.is_ok());
  REQUIRE((value.kind == Kind::kString || value.kind == Kind::kBytes));
  return std::string(value.text());
}

// The texts of a list of strings.
inline std::vector<std::string> texts(const Value& value) {
  REQUIRE(value.is_ok());
  REQUIRE(value.kind == Kind::kList);
  std::vector<std::string> out;
  for (std::uint32_t i = 0; i < value.size; ++i) out.push_back(plain(value.list[i]));
  return out;
}

}  // namespace fenqi::program::testing
