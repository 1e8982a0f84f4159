"""What a checked expression reads: names, fields of the request, and their data sources.

Works on the checked expression, before it is lowered, so that every way to a field is seen: by
path, through elements of a list, through the variables of macros.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.row import message_descriptor
from fenqi.v1 import application_pb2, scoring_pb2

# Names of fields from `application` or `request` down, without positions:
# ("application", "bureau", "accounts").
FieldPath = tuple[str, ...]

_ROOTS = {
    "application": message_descriptor(application_pb2.Application),
    "request": message_descriptor(scoring_pb2.ScoreRequest),
}
_Scope = dict[str, FieldPath | None]


@dataclass(frozen=True, slots=True)
class FieldRead:
    """A field that an expression reads or asks for the presence of, and where."""

    path: FieldPath
    expr: Expr


@dataclass(frozen=True, slots=True)
class Reads:
    """`names`: features, tables and the like. `places`: where which field is read."""

    names: frozenset[str]
    places: tuple[FieldRead, ...]

    @property
    def fields(self) -> frozenset[FieldPath]:
        """The fields. Of a list's elements, the list counts as the field."""
        return frozenset(read.path for read in self.places)

    @property
    def sources(self) -> frozenset[str]:
        """The data sources of the fields, in the policy's words."""
        return frozenset(source for path in self.fields if (source := source_of(path)) is not None)


def reads_of(checked: CheckedExpr) -> Reads:
    """What `checked` reads."""
    walk = _Walk(checked)
    walk.visit(checked.expr, {})
    return Reads(frozenset(walk.names), tuple(walk.places))


@cache
def source_of(path: FieldPath) -> str | None:
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


@dataclass(frozen=True, slots=True)
class ProtectedField:
    """A field that no expression may read, by its path and by where it stands."""

    path: FieldPath
    message: str
    name: str


def protected_field(path: str) -> ProtectedField | None:
    """The field at `application.x.y`; None where the contract has none."""
    root, *names = path.split(".")
    message: Descriptor | None = _ROOTS.get(root)
    found: FieldDescriptor | None = None
    for name in names:
        found = message.fields_by_name.get(name) if message is not None else None
        if found is None:
            return None
        message = found.message_type
    if found is None or found.containing_type is None:
        return None
    return ProtectedField((root, *names), found.containing_type.full_name, found.name)


def protected_reads(
    checked: CheckedExpr, reads: Reads, protected: Iterable[ProtectedField]
) -> Iterator[tuple[Expr, ProtectedField]]:
    """Every place at which a protected field is read, or may be.

    A field is found by its path; where the path is not known (elements that a macro made), by the
    message that it stands in; where that is not known either, by its name.
    """
    by_message = {(part.message, part.name): part for part in protected}
    by_name = {part.name: part for part in protected}
    for read in reads.places:
        for part in protected:
            if read.path[: len(part.path)] == part.path or _holds(read, part):
                yield read.expr, part
    for expr in _selects(checked, checked.expr):
        of = checked.type_map[expr.select_expr.operand.id]
        kind = of.WhichOneof("type_kind")
        name = expr.select_expr.field
        if kind == "message_type" and (of.message_type, name) in by_message:
            yield expr, by_message[of.message_type, name]
        elif kind in (None, "dyn") and name in by_name:
            yield expr, by_name[name]


def _holds(read: FieldRead, part: ProtectedField) -> bool:
    """Whether a whole message is read that holds the field. Of the application itself only fields
    can be read, which lowering sees to; of a list, elements.
    """
    length = len(read.path)
    if length < 2 or part.path[:length] != read.path or read.expr.select_expr.test_only:
        return False
    message = _ROOTS[read.path[0]]
    for name in read.path[1:]:
        field = message.fields_by_name[name]
        if field.is_repeated or field.message_type is None:
            return False
        message = field.message_type
    return True


class _Walk:
    def __init__(self, checked: CheckedExpr) -> None:
        self._checked = checked
        self.names: set[str] = set()
        self.places: list[FieldRead] = []

    def visit(self, expr: Expr, scope: _Scope) -> None:
        """Notes what `expr` reads; `scope` are the macros' variables, each with the field that it
        is an element of, where that is known.
        """
        kind = expr.WhichOneof("expr_kind")
        if kind in ("ident_expr", "select_expr") and self._is_name(expr, scope):
            return
        path = self._path(expr, scope)
        if path is not None:
            self.places.append(FieldRead(path, expr))
            for index in _indices(expr):
                self.visit(index, scope)
        elif kind == "comprehension_expr":
            self._visit_comprehension(expr.comprehension_expr, scope)
        else:
            for child in _children(expr):
                self.visit(child, scope)

    def _is_name(self, expr: Expr, scope: _Scope) -> bool:
        """Whether `expr` is a name, which is noted; constants of enums are no names."""
        if expr.WhichOneof("expr_kind") == "ident_expr" and expr.ident_expr.name in scope:
            return False
        if expr.id not in self._checked.reference_map:
            return False
        reference = self._checked.reference_map[expr.id]
        if reference.name in _ROOTS:
            return False
        if reference.name and not reference.HasField("value"):
            self.names.add(reference.name)
        return True

    def _path(self, expr: Expr, scope: _Scope) -> FieldPath | None:
        """The field that `expr` is, or is an element of."""
        match expr.WhichOneof("expr_kind"):
            case "ident_expr":
                name = expr.ident_expr.name
                if name in scope:
                    return scope[name]
                return (name,) if name in _ROOTS else None
            case "select_expr":
                return self._below(expr.select_expr.operand, expr.select_expr.field, scope)
            case "call_expr" if expr.call_expr.function in ("_[_]", "_[?_]"):
                return self._path(expr.call_expr.args[0], scope)
            case "call_expr" if expr.call_expr.function == "_?._":
                operand, field = expr.call_expr.args
                return self._below(operand, field.const_expr.string_value, scope)
        return None

    def _below(self, operand: Expr, name: str, scope: _Scope) -> FieldPath | None:
        path = self._path(operand, scope)
        if path is None:
            return None
        # The application is the same by both ways.
        return ("application",) if (*path, name) == ("request", "application") else (*path, name)

    def _visit_comprehension(self, fold: Expr.Comprehension, scope: _Scope) -> None:
        self.visit(fold.iter_range, scope)
        self.visit(fold.accu_init, scope)
        element = self._path(fold.iter_range, scope)
        inner: _Scope = {**scope, fold.iter_var: element, fold.accu_var: None}
        if fold.iter_var2:
            inner[fold.iter_var2] = element
        self.visit(fold.loop_condition, inner)
        self.visit(fold.loop_step, inner)
        self.visit(fold.result, {**scope, fold.accu_var: None})


def _indices(expr: Expr) -> Iterator[Expr]:
    """What positions and keys on the way to a field are computed from."""
    match expr.WhichOneof("expr_kind"):
        case "select_expr":
            yield from _indices(expr.select_expr.operand)
        case "call_expr":
            yield from _indices(expr.call_expr.args[0])
            yield expr.call_expr.args[1]


def _children(expr: Expr) -> Iterator[Expr]:
    match expr.WhichOneof("expr_kind"):
        case "select_expr":
            yield expr.select_expr.operand
        case "call_expr":
            if expr.call_expr.HasField("target"):
                yield expr.call_expr.target
            yield from expr.call_expr.args
        case "list_expr":
            yield from expr.list_expr.elements
        case "struct_expr":
            for entry in expr.struct_expr.entries:
                if entry.HasField("map_key"):
                    yield entry.map_key
                yield entry.value
        case "comprehension_expr":
            fold = expr.comprehension_expr
            yield from (fold.iter_range, fold.accu_init)
            yield from (fold.loop_condition, fold.loop_step, fold.result)


def _selects(checked: CheckedExpr, expr: Expr) -> Iterator[Expr]:
    """Every selection of a field; qualified names (`tables.x.y`) select nothing."""
    if expr.WhichOneof("expr_kind") == "select_expr":
        if expr.id in checked.reference_map:
            return
        yield expr
    for child in _children(expr):
        yield from _selects(checked, child)
