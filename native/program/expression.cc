#include "program/expression.h"

#include "fenqi/contract.h"
#include "wire/decode.h"

namespace fenqi::program {
namespace {

namespace image = contract::internal::expression_image;
namespace list = contract::internal::constant_list;
using wire::MessageReader;
using wire::WireType;

constexpr std::uint32_t kMostVariables = 1u << 16;

Status refuse(const std::string& what) {
  return error(StatusCode::kFailedPrecondition, "expression image: " + what);
}

Status bad_values(const std::string& what) {
  return error(StatusCode::kInvalidArgument, "values of an expression: " + what);
}

}  // namespace

Result<Expression> Expression::parse(std::span<const std::uint8_t> bytes) {
  Expression expression;
  std::span<const std::uint8_t> program;
  MessageReader reader(bytes);
  while (reader.next()) {
    switch (reader.number()) {
      case image::kProgram:
        program = reader.payload();
        break;
      case image::kVariableCount:
        expression.variable_count_ = reader.bits32();
        break;
      case image::kResult:
        expression.result_ = reader.bits32();
        break;
      default:
        break;
    }
  }
  if (!reader.ok()) return refuse("damaged bytes");
  if (expression.variable_count_ > kMostVariables) return refuse("too many variables");
  const std::vector<Kind> kinds(expression.variable_count_, Kind::kDynamic);
  auto parsed = Program::parse(program, kinds, {});
  if (!parsed.ok()) return parsed.status();
  expression.program_ = std::move(parsed.value());
  if (!expression.program_.is_written(expression.result_)) return refuse("no result");
  expression.registers_.resize(expression.program_.register_count());
  expression.program_.load_constants(expression.registers_);
  return expression;
}

Result<std::span<const std::uint8_t>> Expression::evaluate(std::span<const std::uint8_t> values,
                                                           std::uint64_t work) {
  ConstantPool pool;
  std::uint32_t count = 0;
  MessageReader reader(values);
  while (reader.next()) {
    if (reader.number() != list::kValues) continue;
    if (count == variable_count_) return bad_values("too many");
    if (reader.type() != WireType::kLength ||
        !pool.read(reader.payload(), program_.message_types(), registers_[count])) {
      return bad_values("damaged bytes");
    }
    ++count;
  }
  if (!reader.ok()) return bad_values("damaged bytes");
  if (count != variable_count_) return bad_values("too few");
  arena_.reset();
  Budget budget(work);
  Scratch scratch{arena_, budget};
  program_.run_before_models(registers_, {}, scratch, patterns_);
  program_.run_after_models(registers_, {}, scratch, patterns_);
  const Value& result = registers_[result_];
  writer_.clear();
  write_constant(writer_, result, result.is_error() ? describe_error(result, program_) : "",
                 program_.message_types());
  return writer_.bytes();
}

}  // namespace fenqi::program
