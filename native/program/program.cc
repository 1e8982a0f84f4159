#include "program/program.h"

#include <algorithm>

#include "program/machine.h"

namespace fenqi::program {

bool Program::is_written(std::uint32_t register_index) const {
  return register_index < written_.size() &&
         (written_[register_index] == 1 || written_[register_index] == 2);
}

bool Program::is_written_before_models(std::uint32_t register_index) const {
  return register_index < written_.size() && written_[register_index] == 1;
}

void Program::load_constants(std::span<Value> registers) const {
  std::copy(constants_.begin(), constants_.end(),
            registers.begin() + static_cast<std::ptrdiff_t>(constant_base_));
}

void Program::run_before_models(std::span<Value> registers, std::span<const std::uint8_t> request,
                                Scratch& scratch, PatternCache& patterns) const {
  Run run{*this, registers, request, scratch, patterns};
  execute(before_models_.data(), run);
}

void Program::run_after_models(std::span<Value> registers, std::span<const std::uint8_t> request,
                               Scratch& scratch, PatternCache& patterns) const {
  if (after_models_.size() == 1) return;  // as in every policy that reads no score
  Run run{*this, registers, request, scratch, patterns};
  execute(after_models_.data(), run);
}

const char* error_text(ErrorCode code) {
  switch (code) {
    case ErrorCode::kNone:
      return "no error";
    case ErrorCode::kOverflow:
      return "overflow";
    case ErrorCode::kDivisionByZero:
      return "division by zero";
    case ErrorCode::kModulusByZero:
      return "modulus by zero";
    case ErrorCode::kOutOfRange:
      return "out of range";
    case ErrorCode::kUnreadable:
      return "text that is no such value";
    case ErrorCode::kTooLarge:
      return "string too long";
    case ErrorCode::kNoOverload:
      return "no operation for operands of these types";
    case ErrorCode::kNoSuchKey:
      return "no such key";
    case ErrorCode::kNoSuchField:
      return "no such field";
    case ErrorCode::kBadArgument:
      return "an argument that cannot be used";
    case ErrorCode::kDuplicateKey:
      return "a key that is there twice";
    case ErrorCode::kBudget:
      return "too much work for one request";
    case ErrorCode::kNoValue:
      return "an optional that holds nothing";
    case ErrorCode::kSeveralRows:
      return "more than one row of the table holds";
  }
  return "unknown error";
}

std::string describe_error(const Value& value, const Program& program) {
  const Place& place = program.places()[value.place];
  return std::string(error_text(value.error)) + " at " + place.file + ":" +
         std::to_string(place.line) + ":" + std::to_string(place.column) + " (" + place.owner + ")";
}

}  // namespace fenqi::program
