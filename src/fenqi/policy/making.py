"""Lists, maps and messages that an expression spells out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from google.protobuf.descriptor import Descriptor

from fenqi.internal.v1.checked_expr_pb2 import Expr
from fenqi.policy.lowered import Scalar
from fenqi.policy.messages import is_readable
from fenqi.policy.program import Arguments, Constant, MessageType, Operand
from fenqi.policy.wellknown import WELL_KNOWN, Making

if TYPE_CHECKING:
    from fenqi.policy.lower import ExpressionLowering

MOST_ELEMENTS = 10_000


def lower_list(lowering: ExpressionLowering, expr: Expr, depth: int) -> Scalar:
    """`[a, b, ?c]`."""
    elements = expr.list_expr.elements
    _check_size(lowering, expr, len(elements))
    optional = set(expr.list_expr.optional_indices)
    values = [lowering.value(element, depth) for element in elements]
    kind = lowering.type_of(expr)
    if not optional:
        return Scalar(make_list(lowering, expr, values), kind)
    start = min(optional)
    made = make_list(lowering, expr, values[:start])
    for number, value in enumerate(values[start:], start):
        op = "APPEND_OPTIONAL" if number in optional else "APPEND"
        made = lowering.emit(expr, op, kind, made, value.operand).operand
    return Scalar(made, kind)


def make_list(lowering: ExpressionLowering, expr: Expr, values: list[Scalar]) -> Operand:
    """A list of these values."""
    operands = tuple(value.operand for value in values)
    constants = tuple(operand for operand in operands if isinstance(operand, Constant))
    if len(constants) == len(operands):
        return Constant("list", constants)
    return lowering.emit(expr, "MAKE_LIST", "dyn", 0, Arguments(operands), len(operands)).operand


def lower_struct(lowering: ExpressionLowering, expr: Expr, depth: int) -> Scalar:
    """`{key: value}` and `Message{field: value}`."""
    struct = expr.struct_expr
    _check_size(lowering, expr, len(struct.entries))
    if not struct.message_name:
        return _map(lowering, expr, depth)
    name = struct.message_name.removeprefix(".")
    if lowering.checked is not None:
        name = lowering.checked.reference_map[expr.id].name or name
    descriptor = lowering.names.message(name)
    if descriptor is None:
        return lowering.unknown(expr)
    if descriptor.full_name in WELL_KNOWN:
        making = Making(lowering.builder, lowering.locate(*lowering.position(expr)))
        fields = {e.field_key: lowering.value(e.value, depth).operand for e in struct.entries}
        made = making.make(descriptor, fields)
        if made is None:
            raise lowering.refuse(expr, f"making {descriptor.full_name} like this")
        return lowering.typed(expr, made)
    return _message(lowering, expr, descriptor, depth)


def _map(lowering: ExpressionLowering, expr: Expr, depth: int) -> Scalar:
    entries = expr.struct_expr.entries
    pairs = [(lowering.value(e.map_key, depth), lowering.value(e.value, depth)) for e in entries]
    kind = lowering.type_of(expr)
    start = next((i for i, e in enumerate(entries) if e.optional_entry), len(entries))
    operands = tuple(part.operand for pair in pairs[:start] for part in pair)
    made: Operand
    if _is_constant_map(operands):
        made = Constant("map", operands)
    else:
        made = lowering.emit(expr, "MAKE_MAP", kind, 0, Arguments(operands), start).operand
    for entry, (key, value) in list(zip(entries, pairs, strict=True))[start:]:
        op = "MAP_INSERT_OPTIONAL" if entry.optional_entry else "MAP_INSERT"
        made = lowering.emit(expr, op, kind, made, key.operand, value.operand).operand
    return Scalar(made, kind)


def lower_map_insert(
    lowering: ExpressionLowering, expr: Expr, arguments: list[Expr], depth: int
) -> Scalar:
    """What the macros that make maps add entries with."""
    values = [lowering.value(argument, depth).operand for argument in arguments]
    op = "MAP_INSERT" if len(values) == 3 else "MAP_MERGE"
    return lowering.emit(expr, op, lowering.type_of(expr), *values)


def _message(
    lowering: ExpressionLowering, expr: Expr, descriptor: Descriptor, depth: int
) -> Scalar:
    lowering.builder.messages.add(descriptor)
    last_of_oneof: dict[str, str] = {}
    for entry in expr.struct_expr.entries:
        field = descriptor.fields_by_name.get(entry.field_key)
        if field is None:
            return lowering.unknown(expr)
        if not is_readable(field):
            raise lowering.refuse(expr, f"a policy must not make {field.full_name}")
        if field.containing_oneof is not None:
            last_of_oneof[field.containing_oneof.name] = field.name
    items: list[Operand | int] = []
    count = 0
    for entry in expr.struct_expr.entries:
        value = lowering.value(entry.value, depth)
        oneof = descriptor.fields_by_name[entry.field_key].containing_oneof
        if oneof is not None and last_of_oneof[oneof.name] != entry.field_key:
            continue
        position = lowering.builder.messages.position(descriptor, entry.field_key)
        items += [position, value.operand, int(entry.optional_entry)]
        count += 1
    name = descriptor.full_name
    return lowering.emit(expr, "MAKE_MESSAGE", name, MessageType(name), Arguments((*items,)), count)


def _check_size(lowering: ExpressionLowering, expr: Expr, size: int) -> None:
    if size > MOST_ELEMENTS:
        raise lowering.refuse(expr, f"more than {MOST_ELEMENTS} elements")


def _is_constant_map(operands: tuple[Operand, ...]) -> bool:
    """Whether a map is known now, and none of its keys is there twice."""
    if not all(isinstance(operand, Constant) for operand in operands):
        return False
    keys = [key for key in operands[::2] if isinstance(key, Constant)]
    if not all(key.type in ("bool", "int", "uint", "string") for key in keys):
        return False
    # 1 and 1u are one key; true is another.
    distinct = {(key.type in ("int", "uint"), key.type == "bool", key.value) for key in keys}
    return len(distinct) == len(keys)
