#include "program/bits.h"

namespace fenqi::program {
namespace {

constexpr std::int64_t kBits = 64;

Value negative_places() {
  return Value::of_error(ErrorCode::kBadArgument, 0);
}

std::uint64_t left(std::uint64_t bits, std::int64_t places) {
  return places < kBits ? bits << places : 0;
}
std::uint64_t right(std::uint64_t bits, std::int64_t places) {
  return places < kBits ? bits >> places : 0;
}

}  // namespace

Value shift_left(std::int64_t bits, std::int64_t places) {
  if (places < 0) return negative_places();
  return Value::of_int(static_cast<std::int64_t>(left(static_cast<std::uint64_t>(bits), places)));
}

Value shift_left(std::uint64_t bits, std::int64_t places) {
  return places < 0 ? negative_places() : Value::of_uint(left(bits, places));
}

Value shift_right(std::int64_t bits, std::int64_t places) {
  if (places < 0) return negative_places();
  return Value::of_int(static_cast<std::int64_t>(right(static_cast<std::uint64_t>(bits), places)));
}

Value shift_right(std::uint64_t bits, std::int64_t places) {
  return places < 0 ? negative_places() : Value::of_uint(right(bits, places));
}

}  // namespace fenqi::program
