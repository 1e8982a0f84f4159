"""Macros over lists and maps, and cel.bind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from fenqi.internal.v1.checked_expr_pb2 import Expr
from fenqi.policy.lowered import NONE, Lowered, Scalar
from fenqi.policy.program import BlockVariable, Constant, Operand
from fenqi.policy.types import SCALARS, type_arguments, type_kind

if TYPE_CHECKING:
    from fenqi.policy.lower import ExpressionLowering

MOST_NESTED_COMPREHENSIONS = 16


def lower_comprehension(lowering: ExpressionLowering, expr: Expr, depth: int) -> Lowered:
    """A macro's loop as one instruction with a block; cel.bind as what it binds."""
    loop = expr.comprehension_expr
    if _is_binding(loop):
        bound = lowering.lower(loop.accu_init, depth + 1)
        return _with(lowering, [(loop.accu_var, bound)], loop.result, depth)
    lowering.comprehensions += 1
    if lowering.comprehensions > MOST_NESTED_COMPREHENSIONS:
        raise lowering.refuse(
            expr, f"comprehensions nested more than {MOST_NESTED_COMPREHENSIONS} deep"
        )
    over = lowering.value(loop.iter_range, depth)
    first = lowering.value(loop.accu_init, depth)
    block = lowering.builder.open_block(lowering.comprehensions, has_second=bool(loop.iter_var2))
    accumulator = Scalar(BlockVariable(block, "accumulator"), first.type)
    names = [*_variables(lowering, over, loop, block), (loop.accu_var, accumulator)]
    condition = _with(lowering, names, loop.loop_condition, depth)
    goes_on = lowering.as_bool(expr, lowering.as_value(expr, condition))
    lowering.builder.end_condition(block, goes_on.operand)
    step = lowering.as_value(expr, _with(lowering, names, loop.loop_step, depth))
    if first.type in SCALARS and step.type != first.type:
        step = lowering.of_type(expr, step.operand, first.type)
    place = lowering.locate(*lowering.position(expr))
    folded = lowering.builder.fold(over.operand, first.operand, block, step.operand, place)
    lowering.comprehensions -= 1
    result = Scalar(folded, first.type)
    return _with(lowering, [(loop.accu_var, result)], loop.result, depth)


def _variables(
    lowering: ExpressionLowering, over: Scalar, loop: Expr.Comprehension, block: int
) -> list[tuple[str, Scalar]]:
    arguments = type_arguments(over.type)
    first, second = BlockVariable(block, "first"), BlockVariable(block, "second")
    if type_kind(over.type) == "map" and len(arguments) == 2:
        types = arguments
    elif type_kind(over.type) == "list" and len(arguments) == 1:
        types = ["int", *arguments] if loop.iter_var2 else arguments
    else:
        types = ["dyn", "dyn"]
    names = [(loop.iter_var, Scalar(first, types[0]))]
    if loop.iter_var2:
        names.append((loop.iter_var2, Scalar(second, types[1])))
    return names


def _with(
    lowering: ExpressionLowering, names: Sequence[tuple[str, Lowered]], body: Expr, depth: int
) -> Lowered:
    """`body` with these names declared in it."""
    lowering.locals.extend(names)
    try:
        return lowering.lower(body, depth + 1)
    finally:
        del lowering.locals[-len(names) :]


def lower_conditional_step(
    lowering: ExpressionLowering, expr: Expr, condition: Scalar, arguments: list[Expr], depth: int
) -> Scalar | None:
    """`c ? accumulator + [x] : accumulator` of filter, map and the like: appends what an
    optional holds, so that the accumulator grows in place.
    """
    if arguments[2].ident_expr.name not in ("@result", "__result__"):
        return None
    step = arguments[1].call_expr
    if not step.args or step.args[0].ident_expr.name != arguments[2].ident_expr.name:
        return None
    accumulator = lowering.value(arguments[2], depth)
    if step.function == "_+_" and (element := single_element(step.args[1])) is not None:
        added = _if(lowering, expr, condition, lowering.value(element, depth))
        return lowering.emit(expr, "APPEND_OPTIONAL", accumulator.type, accumulator.operand, added)
    if step.function == "cel.@mapInsert" and len(step.args) == 3:
        key = lowering.value(step.args[1], depth)
        added = _if(lowering, expr, condition, lowering.value(step.args[2], depth))
        guarded = lowering.emit(
            expr, "SELECT", "dyn", condition.operand, key.operand, Constant("string", "")
        )
        words = (accumulator.operand, guarded.operand, added)
        return lowering.emit(expr, "MAP_INSERT_OPTIONAL", accumulator.type, *words)
    return None


def _if(lowering: ExpressionLowering, expr: Expr, condition: Scalar, value: Scalar) -> Operand:
    held = lowering.emit(expr, "OPTIONAL_OF", "dyn", value.operand).operand
    return lowering.emit(expr, "SELECT", "dyn", condition.operand, held, NONE).operand


def single_element(expr: Expr) -> Expr | None:
    """The element of `[x]`."""
    elements = expr.list_expr.elements
    if len(elements) == 1 and not expr.list_expr.optional_indices:
        return elements[0]
    return None


def _is_binding(loop: Expr.Comprehension) -> bool:
    """Whether it is cel.bind: a comprehension over nothing."""
    over = loop.iter_range
    is_empty = over.WhichOneof("expr_kind") == "list_expr" and not over.list_expr.elements
    condition = loop.loop_condition.const_expr
    return is_empty and condition.WhichOneof("constant_kind") == "bool_value"
