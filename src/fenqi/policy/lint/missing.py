"""What an expression may find missing, given what it asks `has()` of first."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.expression_text import text_of

_Path = tuple[str | int, ...]


def may_be_missing(
    expressions: Mapping[_Path, CheckedExpr], path: _Path, always_there: Collection[str]
) -> set[str]:
    """Fields and features that may be missing where the expression at `path` needs them.

    `always_there`: features with a default. Fields are told by their last two names. Features that
    have no expression here count as there; so do list elements and whatever a macro reads.
    """
    return _Walk(expressions, always_there).of(expressions[path].expr, frozenset())


class _Walk:
    def __init__(
        self, expressions: Mapping[_Path, CheckedExpr], always_there: Collection[str]
    ) -> None:
        self._expressions = expressions
        self._features = dict.fromkeys(always_there, False)

    def of(self, expr: Expr, present: frozenset[str]) -> set[str]:
        """`present`: texts of what is known to be there."""
        kind = expr.WhichOneof("expr_kind")
        if kind == "ident_expr":
            name = expr.ident_expr.name
            return {name} if self._feature_may_be_missing(name) else set()
        if kind == "select_expr":
            text = text_of(expr)
            if expr.select_expr.test_only or text in present or not text.startswith("application."):
                return set()
            return {".".join(text.split(".")[-2:])}
        if kind == "list_expr":
            return self._all(expr.list_expr.elements, present)
        if kind != "call_expr":
            return set()
        name, arguments = expr.call_expr.function, list(expr.call_expr.args)
        if name == "_&&_":
            left, right = arguments
            return self.of(left, present) | self.of(right, present | _asked(left, True))
        if name == "_||_":
            left, right = arguments
            return self.of(left, present) | self.of(right, present | _asked(left, False))
        if name == "_?_:_":
            test, yes, no = arguments
            return (
                self.of(test, present)
                | self.of(yes, present | _asked(test, True))
                | self.of(no, present | _asked(test, False))
            )
        if expr.call_expr.HasField("target"):
            arguments.append(expr.call_expr.target)
        if name == "size":
            # Of a list or map, which are never missing; of a text the text counts.
            arguments = [
                part for part in arguments if part.WhichOneof("expr_kind") != "select_expr"
            ]
        return self._all(arguments, present)

    def _all(self, parts: Iterable[Expr], present: frozenset[str]) -> set[str]:
        return set().union(*(self.of(part, present) for part in parts))

    def _feature_may_be_missing(self, name: str) -> bool:
        if name not in self._features:
            checked = self._expressions.get(("features", name, "expr"))
            self._features[name] = False
            if checked is not None:
                self._features[name] = bool(self.of(checked.expr, frozenset()))
        return self._features[name]


def _asked(condition: Expr, value: bool) -> frozenset[str]:
    """What is there where the condition has the value, by `has()` in it."""
    kind = condition.WhichOneof("expr_kind")
    if kind == "select_expr" and condition.select_expr.test_only and value:
        return frozenset({text_of(condition).removeprefix("has(").removesuffix(")")})
    if kind != "call_expr":
        return frozenset()
    name, arguments = condition.call_expr.function, condition.call_expr.args
    if name == "!_":
        return _asked(arguments[0], not value)
    if name == ("_&&_" if value else "_||_"):
        return _asked(arguments[0], value) | _asked(arguments[1], value)
    return frozenset()
