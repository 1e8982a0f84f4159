#include "program/operations.h"

#include "fenqi/contract.h"
#include "program/dynamic.h"
#include "program/messages.h"
#include "program/strings.h"

namespace fenqi::program {
namespace {

namespace op = contract::op;

Value size_of(const Value& value, Run& run) {
  switch (value.kind) {
    case Kind::kString:
      return run.scratch.budget.spend_bytes(value.size) ? Value::of_int(code_points(value.text()))
                                                        : failed(ErrorCode::kBudget);
    case Kind::kBytes:
    case Kind::kList:
    case Kind::kMap:
      return Value::of_int(value.size);
    default:
      return failed(ErrorCode::kNoOverload);
  }
}

Value is_in(const Value& wanted, const Value& container, Run& run) {
  switch (container.kind) {
    case Kind::kList:
      return Value::of_bool(holds(container, wanted, run.scratch));
    case Kind::kMap:
      return Value::of_bool(find_key(container, wanted, run.scratch) != nullptr);
    default:
      return failed(ErrorCode::kNoOverload);
  }
}

Value in_order(const Value& a, const Value& b, bool or_equal, Run& run) {
  const auto order = compare(a, b, run.scratch);
  if (!order) return failed(ErrorCode::kNoOverload);
  return Value::of_bool(*order < 0 || (or_equal && *order == 0));
}

Value optional_or(const Value& a, const Value& b) {
  if (a.kind != Kind::kOptional || b.kind != Kind::kOptional) return failed(ErrorCode::kNoOverload);
  return a.list != nullptr ? a : b;
}

// Of the strict operations.
constexpr bool reads_one(std::uint32_t operation) {
  switch (operation) {
    case op::kNeg:
    case op::kSize:
    case op::kTypeOf:
    case op::kToFloat:
    case op::kTo32Bits:
    case op::kOptionalOf:
    case op::kOptionalOfNonZero:
    case op::kHasValue:
    case op::kOptionalValue:
    case op::kOptionalUnwrap:
      return true;
    default:
      return operation >= op::kToBool && operation <= op::kToDuration;
  }
}

Value unary(std::uint32_t operation, const Value& a, Run& run) {
  const bool is_optional = a.kind == Kind::kOptional;
  switch (operation) {
    case op::kSize:
      return size_of(a, run);
    case op::kTypeOf:
      return Value::of_type(type_name(a));
    case op::kOptionalOf:
      return optional_of(a, run);
    case op::kOptionalOfNonZero:
      return is_zero_value(a, run) ? Value::of_optional(nullptr) : optional_of(a, run);
    case op::kHasValue:
      return is_optional ? Value::of_bool(a.list != nullptr) : failed(ErrorCode::kNoOverload);
    case op::kOptionalValue:
      if (!is_optional) return failed(ErrorCode::kNoOverload);
      return a.list != nullptr ? *a.list : failed(ErrorCode::kNoValue);
    case op::kOptionalUnwrap:
      return unwrap(a, run);
    case op::kNeg:
      return calculate(operation, a, a);
    default:
      return convert(operation, a, run);
  }
}

Value binary(std::uint32_t operation, const Value& a, const Value& b, Run& run) {
  switch (operation) {
    case op::kEq:
      return Value::of_bool(equal(a, b, run.scratch));
    case op::kNe:
      return Value::of_bool(!equal(a, b, run.scratch));
    case op::kLt:
      return in_order(a, b, false, run);
    case op::kLe:
      return in_order(a, b, true, run);
    case op::kAdd:
      return add(a, b, run);
    case op::kIn:
      return is_in(a, b, run);
    case op::kIndex:
      return element_of(a, b, run);
    case op::kIndexField: {
      const Value found = element_of(a, b, run);
      const bool is_absent = found.is_error() && (found.error == ErrorCode::kOutOfRange ||
                                                  found.error == ErrorCode::kNoSuchKey);
      return is_absent ? Value() : found;
    }
    case op::kIndexOptional:
      return optional_element_of(a, b, run);
    case op::kField:
      return field_of(a, b.text(), run);
    case op::kFieldOptional:
      return optional_field_of(a, b.text(), run);
    case op::kHasField:
      return has_field_of(a, b.text(), run);
    case op::kAppend:
      return append(a, b, run);
    case op::kAppendOptional:
      if (b.kind != Kind::kOptional) return failed(ErrorCode::kNoOverload);
      return b.list != nullptr ? append(a, *b.list, run) : a;
    case op::kMapMerge:
      return merge(a, b, run);
    case op::kMakeTimestamp:
      return make_timestamp(a.i, b.i);
    case op::kMakeDuration:
      return make_duration(a.i, b.i);
    default:
      return calculate(operation, a, b);
  }
}

}  // namespace

Value operate(const Instruction& instruction, Run& run) {
  const std::uint32_t operation = instruction.op;
  const auto& r = run.registers;
  const auto checked = [&](Value value) {
    return run.scratch.budget.is_spent() ? failed(ErrorCode::kBudget) : value;
  };
  if (operation >= op::kAsBool && operation <= op::kAsType) {
    const Value& a = r[instruction.a];
    const auto wanted = static_cast<Kind>(operation - op::kAsBool + 1);
    return !a.is_ok() || a.kind == wanted ? a : failed(ErrorCode::kNoOverload);
  }
  if (operation >= op::kGetFullYear) return checked(call(instruction, run));
  switch (operation) {
    case op::kFold:
      return fold(instruction, run);
    case op::kMakeList:
    case op::kMakeMap:
    case op::kMakeMessage:
      return make_from(instruction, run);
    case op::kRequest: {
      auto* view = run.scratch.arena.take_array<MessageView>(1);
      *view = {&run.program.message_types()[instruction.b], run.request};
      return Value::of_message(view);
    }
    case op::kUnknownFunction:
      return failed(ErrorCode::kNoOverload);
    case op::kNotStrictlyFalse: {
      const Value& a = r[instruction.a];
      return Value::of_bool(!a.is_ok() || a.kind != Kind::kBool || a.b);
    }
    // The other value matters only where there is none.
    case op::kOptionalOr:
    case op::kOptionalOrValue: {
      const Value& a = r[instruction.a];
      const Value& b = r[instruction.b];
      if (!a.is_ok()) return not_ok(a);
      if (a.kind != Kind::kOptional) return failed(ErrorCode::kNoOverload);
      if (a.list != nullptr) return operation == op::kOptionalOr ? a : *a.list;
      return b.is_ok() && operation == op::kOptionalOr ? optional_or(a, b) : b;
    }
    case op::kMapInsert:
    case op::kMapInsertOptional: {
      const Value& a = r[instruction.a];
      const Value& b = r[instruction.b];
      const Value& c = r[instruction.c];
      if (!a.is_ok() || !b.is_ok() || !c.is_ok()) return not_ok(a, b, c);
      if (operation == op::kMapInsert) return checked(insert(a, b, c, run));
      if (c.kind != Kind::kOptional) return failed(ErrorCode::kNoOverload);
      return c.list != nullptr ? checked(insert(a, b, *c.list, run)) : a;
    }
    default:
      break;
  }
  const Value& a = r[instruction.a];
  if (reads_one(operation)) return a.is_ok() ? checked(unary(operation, a, run)) : a;
  const Value& b = r[instruction.b];
  return a.is_ok() && b.is_ok() ? checked(binary(operation, a, b, run)) : not_ok(a, b);
}

}  // namespace fenqi::program
