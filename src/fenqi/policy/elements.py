"""Elements of lists and maps: an index, membership, the greatest and the least."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import Expr
from fenqi.policy.lowered import (
    ListName,
    LookupName,
    Lowered,
    Message,
    Repeated,
    Scalar,
    field_type,
)
from fenqi.policy.making import make_list
from fenqi.policy.messages import GUARDED, WHOLE_IS_GUARDED
from fenqi.policy.program import Constant, ConstantSet, Operand, Slot
from fenqi.policy.row import RowSlot
from fenqi.policy.tables.image import emit_in_list, emit_in_lookup, emit_lookup
from fenqi.policy.types import SCALARS

if TYPE_CHECKING:
    from fenqi.policy.lower import ExpressionLowering


def lower_index(
    lowering: ExpressionLowering, expr: Expr, container: Expr, at: Expr, depth: int
) -> Lowered:
    """`container[at]`."""
    operand = lowering.lower(container, depth + 1)
    if isinstance(operand, LookupName):
        asked = _key(lowering, at, lowering.value(at, depth), operand)
        place = lowering.locate(*lowering.position(expr))
        looked_up = emit_lookup(lowering.builder, operand.part, operand.column, asked, place)
        return Scalar(looked_up, operand.type)
    kind = at.const_expr.WhichOneof("constant_kind")
    if isinstance(operand, Repeated) and operand.is_map and kind == "string_value":
        return lowering.map_entry(operand, at.const_expr.string_value)
    if isinstance(operand, Repeated) and not operand.is_map and kind == "int64_value":
        position = at.const_expr.int64_value
        if not 0 <= position < 2**31:
            raise lowering.refuse(expr, "an index below 0 or above 2147483647")
        path = (*operand.path, int(position))
        if operand.field.message_type is not None:
            return Message(path, operand.field.message_type)
        return Scalar(Slot(RowSlot(path)), field_type(operand.field))
    value = lowering.as_value(container, operand)
    index = lowering.value(at, depth)
    op = "INDEX_FIELD" if value.is_field else "INDEX"
    found = lowering.emit(expr, op, "dyn", value.operand, index.operand)
    return lowering.typed(expr, found.operand)


def lower_optional_select(
    lowering: ExpressionLowering, expr: Expr, name: str, arguments: list[Expr], depth: int
) -> Scalar:
    """`container[?at]` and `container.?field`."""
    operand = lowering.lower(arguments[0], depth + 1)
    what = lowering.value(arguments[1], depth)
    if name == "_[?_]":
        value = lowering.as_value(arguments[0], operand)
        return lowering.emit(
            expr, "INDEX_OPTIONAL", lowering.type_of(expr), value.operand, what.operand
        )
    field = arguments[1].const_expr.string_value
    if isinstance(operand, Message):
        lowering.field(expr, operand, field)  # it must be there, and not be protected
        container = lowering.view(expr, operand.path)
    else:
        value = lowering.as_value(arguments[0], operand)
        lowering.check_protected(expr, value.type, field)
        container = value.operand
    kind = lowering.type_of(expr)
    if any(kind == f"optional({guarded})" for guarded in GUARDED):
        raise lowering.refuse(expr, WHOLE_IS_GUARDED)
    found = lowering.emit(expr, "FIELD_OPTIONAL", kind, container, what.operand)
    if isinstance(operand, Message):
        return Scalar(lowering.gate((*operand.path, field), found.operand), kind)
    return found


def lower_membership(
    lowering: ExpressionLowering, expr: Expr, wanted: Expr, container: Expr, depth: int
) -> Scalar:
    """`wanted in container`."""
    value = lowering.value(wanted, depth)
    found = lowering.lower(container, depth + 1)
    place = lowering.locate(*lowering.position(expr))
    if isinstance(found, ListName):
        asked = _key(lowering, wanted, value, found)
        return Scalar(emit_in_list(lowering.builder, found.part, asked, place), "bool")
    if isinstance(found, LookupName):
        asked = _key(lowering, wanted, value, found)
        return Scalar(emit_in_lookup(lowering.builder, found.part, asked, place), "bool")
    key = wanted.const_expr
    is_text = key.WhichOneof("constant_kind") == "string_value"
    if isinstance(found, Repeated) and found.is_map and is_text:
        return lowering.present(lowering.map_entry(found, key.string_value))
    held = lowering.as_value(container, found)
    if isinstance(found, Repeated) and found.is_map:
        # A map that the request does not have holds no key.
        none = Constant("map", ())
        held = lowering.emit(expr, "DEFAULT", held.type, held.operand, none)
    if isinstance(held.operand, Constant) and held.operand.type == "list":
        members = held.operand.value
        if value.type in SCALARS and all(m.type == value.type for m in members):
            return _in_constants(lowering, value, [m.value for m in members])
    return lowering.emit(expr, "IN", "bool", value.operand, held.operand)


def _key(
    lowering: ExpressionLowering, expr: Expr, value: Scalar, of: ListName | LookupName
) -> Operand:
    """`value`, of the type that a list holds or a lookup is asked by."""
    kind = of.part.values.type if isinstance(of, ListName) else of.part.lookup.key_type
    if value.type == "dyn":
        return lowering.of_type(expr, value.operand, kind).operand
    if value.type != kind:
        raise lowering.refuse(expr, f"a {kind} is looked up here; this is a {value.type}")
    return value.operand


def _in_constants(
    lowering: ExpressionLowering, value: Scalar, members: list[bool | int | float | str]
) -> Scalar:
    if value.type == "bool":
        members_as_list = Constant("list", tuple(Constant("bool", m) for m in members))
        return Scalar(lowering.builder.emit(image.OP_IN, value.operand, members_as_list), "bool")
    # NaN equals nothing, and would spoil the order.
    distinct = {member for member in members if member == member}
    order = (lambda m: str(m).encode()) if value.type == "string" else None
    chosen = ConstantSet(value.type, tuple(sorted(distinct, key=order)))
    op = image.Op.Value(f"OP_IN_{value.type.upper()}")
    return Scalar(lowering.builder.emit(op, value.operand, members=chosen), "bool")


def lower_extreme(
    lowering: ExpressionLowering, expr: Expr, name: str, arguments: list[Expr], depth: int
) -> Scalar:
    """math.greatest and math.least."""
    word = "GREATEST" if name == "math.@max" else "LEAST"
    only_list = arguments[0].list_expr if len(arguments) == 1 else None
    if only_list is not None and only_list.elements and not only_list.optional_indices:
        arguments = list(only_list.elements)
    elif len(arguments) == 1:
        only = lowering.value(arguments[0], depth)
        if only.type in ("int", "uint", "double"):
            return only
        found = lowering.emit(expr, f"{word}_OF", "dyn", only.operand)
        return lowering.typed(expr, found.operand)
    values = [lowering.value(argument, depth) for argument in arguments]
    kinds = {value.type for value in values}
    if len(kinds) == 1 and kinds <= {"int", "uint", "double"}:
        result = values[0]
        for value in values[1:]:
            operands = (result.operand, value.operand)
            result = lowering.emit(expr, f"{word}_{result.type.upper()}", result.type, *operands)
        return result
    made = make_list(lowering, expr, values)
    return lowering.typed(expr, lowering.emit(expr, f"{word}_OF", "dyn", made).operand)
