// One expression on its own: values in, a value out. For tests and tools; a policy's expressions
// run in its release.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "program/program.h"
#include "wire/writer.h"

namespace fenqi::program {

// One thread at a time.
class Expression {
 public:
  // Reads a serialized fenqi.internal.v1.ExpressionImage. Fails with FAILED_PRECONDITION.
  static Result<Expression> parse(std::span<const std::uint8_t> image);

  // `values` is a serialized ConstantList with a value for each variable, `work` the budget. Gives
  // a serialized Constant, lent until the next call. Fails with INVALID_ARGUMENT for values that
  // are damaged or of another number.
  Result<std::span<const std::uint8_t>> evaluate(std::span<const std::uint8_t> values,
                                                 std::uint64_t work = kWorkOfRequest);

 private:
  Program program_;
  std::uint32_t variable_count_ = 0;
  std::uint32_t result_ = 0;
  std::vector<Value> registers_;
  Arena arena_;
  PatternCache patterns_;
  wire::MessageWriter writer_;
};

}  // namespace fenqi::program
