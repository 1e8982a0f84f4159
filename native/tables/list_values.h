// Room for the elements of a list in a request's arena.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/arena.h"
#include "base/value.h"

namespace fenqi::tables {

// `count` values that live until the arena is reset, all missing.
inline Value* take_values(Arena& arena, std::size_t count) {
  // The arena gives bytes without alignment.
  char* const bytes = arena.take(count * sizeof(Value) + alignof(Value) - 1);
  const auto address = reinterpret_cast<std::uintptr_t>(bytes);
  const std::uintptr_t aligned = (address + alignof(Value) - 1) & ~(alignof(Value) - 1);
  auto* const values = reinterpret_cast<Value*>(bytes + (aligned - address));
  std::uninitialized_default_construct_n(values, count);
  return values;
}

}  // namespace fenqi::tables
