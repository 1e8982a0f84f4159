"""What a checked expression reads: names, fields of the application, and their data sources."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import Descriptor
from google.protobuf.message import Message

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.row import message_descriptor
from fenqi.v1 import application_pb2, scoring_pb2

_ROOTS = {
    "application": message_descriptor(application_pb2.Application),
    "request": message_descriptor(scoring_pb2.ScoreRequest),
}


@dataclass(frozen=True, slots=True)
class Reads:
    """`names`: features, tables and the like. `fields`: paths from `application` or `request`."""

    names: frozenset[str]
    fields: frozenset[tuple[str, ...]]

    @property
    def sources(self) -> frozenset[str]:
        """The data sources of the fields, in the policy's words."""
        return frozenset(source for path in self.fields if (source := source_of(path)) is not None)


def reads_of(checked: CheckedExpr) -> Reads:
    """What `checked` reads. Of a list's elements, the list counts as the field."""
    fields = set()
    for expr in _expressions(checked.expr):
        path = _path(expr)
        if path is not None and path[0] in _ROOTS:
            fields.add(path)
    # a.b and a are read where a.b.c is: only the longest says what was meant.
    inner = {path[:length] for path in fields for length in range(1, len(path))}
    names = {
        reference.name
        for reference in checked.reference_map.values()
        if reference.name and not reference.overload_id and not reference.HasField("value")
    }
    return Reads(frozenset(names - set(_ROOTS)), frozenset(fields - inner))


def source_of(path: tuple[str, ...]) -> str | None:
    """The data source of a field, if it has one: that of the first field on the way that has."""
    descriptor: Descriptor | None = _ROOTS[path[0]]
    for name in path[1:]:
        field = descriptor.fields_by_name.get(name) if descriptor is not None else None
        if field is None:
            return None
        options: Any = field.GetOptions()
        source: int = options.Extensions[application_pb2.data_source]
        if source:
            return application_pb2.DataSource.Name(source).removeprefix("DATA_SOURCE_").lower()
        descriptor = field.message_type
    return None


def _expressions(message: Message) -> Iterator[Expr]:
    """Every expression inside, whatever it is part of."""
    if isinstance(message, Expr):
        yield message
    for field, value in message.ListFields():
        if field.message_type is None:
            continue
        for part in value if field.is_repeated else [value]:
            yield from _expressions(part)


def _path(expr: Expr) -> tuple[str, ...] | None:
    """`application.a.b` as its steps; indices are left out."""
    kind = expr.WhichOneof("expr_kind")
    if kind == "ident_expr":
        return (expr.ident_expr.name,)
    if kind == "select_expr":
        below = _path(expr.select_expr.operand)
        return None if below is None else (*below, expr.select_expr.field)
    if kind == "call_expr" and expr.call_expr.function == "_[_]":
        return _path(expr.call_expr.args[0])
    return None
