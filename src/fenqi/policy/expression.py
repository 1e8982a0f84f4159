"""One expression on its own, executed by the core: for tests, tools and notebooks.

expression = compile_expression("size(names) > n", {"names": "list(string)", "n": "int"})
expression.evaluate({"names": ["a", "b"], "n": 1})   # True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf import descriptor_pool
from google.protobuf.message import Message

from fenqi import _native
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.check import Checker, CheckFailure
from fenqi.policy.lower import Lowering
from fenqi.policy.lowered import Lowered, Scalar
from fenqi.policy.messages import MessageTable
from fenqi.policy.program import (
    MOST_INSTRUCTIONS,
    Constant,
    Place,
    ProgramBuilder,
    Slot,
    write_constant,
)
from fenqi.policy.row import RowSlot
from fenqi.policy.types import SCALARS, type_arguments, type_kind

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORK = 1_000_000


class Uint(int):
    """An unsigned number of 64 bits."""


@dataclass(frozen=True, slots=True)
class TypeValue:
    """What type() gives."""

    name: str


@dataclass(frozen=True, slots=True)
class OptionalValue:
    """An optional: `value` in a tuple, or the empty tuple."""

    value: tuple[object, ...] = ()


class Missing:
    """Neither a value nor an error: nobody knows. `MISSING` is the only one."""

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class EvaluationError(Exception):
    """The expression ended in an error; the message says which and where."""


class Expression:
    """A compiled expression. Not for several threads at once."""

    def __init__(self, built: image.ExpressionImage, names: list[str], table: MessageTable) -> None:
        self.image = built
        self._native = _native.Expression(built.SerializeToString(deterministic=True))
        self._names = names
        self._table = table

    def constants(self, values: Mapping[str, object]) -> image.ConstantList:
        """The values as run() takes them: one a variable, in their order."""
        given = image.ConstantList()
        for name in self._names:
            value = values.get(name, MISSING)
            write_constant(given.values.add(), to_constant(value), self._table)
        return given

    def run(self, values: image.ConstantList, work: int = _WORK) -> image.Constant:
        """The result for these values, typed."""
        return image.Constant.FromString(self._native.evaluate(values.SerializeToString(), work))

    def evaluate(self, values: Mapping[str, object] | None = None, work: int = _WORK) -> object:
        """The result for Python values: bool, int, `Uint`, float, str, bytes, None, list, dict,
        datetime, timedelta, TypeValue, OptionalValue and messages of protobuf, by variable.

        A variable without a value, or MISSING, is missing; so may the result be. Raises
        EvaluationError where the expression ends in an error, TypeError for a value that is of
        none of these types. Moments are cut to microseconds, as Python has them. `work` is the
        budget.
        """
        return self._python(self.run(self.constants(values or {}), work))

    def _python(self, result: image.Constant) -> object:
        kind = result.WhichOneof("value")
        match kind:
            case "error":
                raise EvaluationError(result.error)
            case "missing":
                return MISSING
            case "null_value":
                return None
            case "uint_value":
                return Uint(result.uint_value)
            case "timestamp_value":
                return _EPOCH + _delta(result.timestamp_value)
            case "duration_value":
                return _delta(result.duration_value)
            case "list_value":
                return [self._python(value) for value in result.list_value.values]
            case "map_value":
                parts = [self._python(value) for value in result.map_value.values]
                return dict(zip(parts[::2], parts[1::2], strict=True))
            case "optional_value":
                return OptionalValue(tuple(map(self._python, result.optional_value.values)))
            case "type_value":
                return TypeValue(result.type_value)
            case "message_value":
                return self._message(result.message_value)
            case _:
                return getattr(result, str(kind))

    def _message(self, value: image.MessageBytes) -> Message:
        from google.protobuf.message_factory import GetMessageClass

        name = self._table.name(value.message_type)
        cls = GetMessageClass(descriptor_pool.Default().FindMessageTypeByName(name))
        return cls.FromString(value.bytes)


def compile_expression(
    source: str,
    variables: Mapping[str, str] | None = None,
    *,
    container: str = "",
    check: bool = True,
) -> Expression:
    """Compiles `source` over variables, given by name and type as in `fenqi.policy.types`.

    Without `check` nothing is known about types, and a name that does not exist is an error only
    when it is computed. Raises CheckFailure, with line and column.
    """
    variables = variables or {}
    checker = Checker(variables, container)
    builder = ProgramBuilder()
    names: dict[str, Lowered] = {}
    for name, kind in variables.items():
        _add_messages(builder.messages, kind)
        names[name] = Scalar(Slot(RowSlot((name,))), kind)
    lowering = Lowering(builder, _cast(builder, names), container)
    parsed = checker.check(source) if check else checker.parse(source)
    result = lowering.lower(parsed, lambda line, column: Place("", line, column, "expression"))
    if len(builder) > MOST_INSTRUCTIONS:
        raise CheckFailure(1, 1, f"more than {MOST_INSTRUCTIONS} instructions")
    slots = {RowSlot((name,)): number for number, name in enumerate(variables)}
    program, registers = builder.lay_out(slots, [], [result.operand])
    built = image.ExpressionImage(
        program=program, variable_count=len(slots), result=registers.of(result.operand)
    )
    return Expression(built, list(variables), builder.messages)


def _cast(builder: ProgramBuilder, names: dict[str, Lowered]) -> dict[str, Lowered]:
    """Variables as the scalars that they were declared to be."""
    cast = dict(names)
    for name, value in names.items():
        if isinstance(value, Scalar) and value.type in SCALARS:
            op = image.Op.Value(f"OP_AS_{value.type.upper()}")
            cast[name] = Scalar(builder.emit(op, value.operand), value.type)
    return cast


def _add_messages(table: MessageTable, kind: str) -> None:
    for argument in type_arguments(kind):
        _add_messages(table, argument)
    if "." in type_kind(kind):
        table.add(descriptor_pool.Default().FindMessageTypeByName(kind))


def to_constant(value: object) -> Constant:
    """A Python value as a constant; see Expression.evaluate."""
    match value:
        case Missing():
            return Constant("missing", True)
        case Constant():
            return value
        case None:
            return Constant("null", None)
        case bool():
            return Constant("bool", value)
        case Uint():
            return Constant("uint", int(value))
        case int():
            return Constant("int", value)
        case float():
            return Constant("double", value)
        case str():
            return Constant("string", value)
        case bytes():
            return Constant("bytes", value)
        case datetime():
            return Constant("timestamp", _moment(value - _EPOCH))
        case timedelta():
            return Constant("duration", _moment(value))
        case list() | tuple():
            return Constant("list", tuple(to_constant(part) for part in value))
        case dict():
            parts = (part for pair in value.items() for part in pair)
            return Constant("map", tuple(to_constant(part) for part in parts))
        case OptionalValue():
            return Constant("optional", tuple(to_constant(part) for part in value.value))
        case TypeValue():
            return Constant("type", value.name)
        case Message():
            descriptor: Any = value.DESCRIPTOR
            content = value.SerializeToString(deterministic=True)
            return Constant("message", (descriptor.full_name, content))
        case _:
            raise TypeError(f"no value of an expression: {value!r}")


def _moment(delta: timedelta) -> tuple[int, int]:
    microseconds = delta // timedelta(microseconds=1)
    return microseconds // 10**6, microseconds % 10**6 * 1000


def _delta(moment: image.Moment) -> timedelta:
    return timedelta(seconds=moment.seconds, microseconds=moment.nanos // 1000)
