"""Expressions that every engine of the policy benchmark evaluates, and how each writes them.

One tree, four spellings: a difference between engines is then never a difference of the question.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the application, "bureau.inquiries_3m"; it may be missing."""

    path: str


@dataclass(frozen=True, slots=True)
class Name:
    """A feature or a table's output."""

    name: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant."""

    value: bool | int | float | str


@dataclass(frozen=True, slots=True)
class Members:
    """The right side of `in`."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Call:
    """An operation: + - * / < <= > >= == in and or not double, or `if` (condition, then, else)."""

    operation: str
    operands: tuple[Expression, ...]


Expression = Field | Name | Literal | Members | Call


def call(operation: str, *operands: Expression | bool | int | float | str) -> Call:
    """`operation` of operands; plain values become literals."""
    return Call(
        operation,
        tuple(
            Literal(operand) if isinstance(operand, bool | int | float | str) else operand
            for operand in operands
        ),
    )


def fields(expression: Expression) -> list[str]:
    """Paths of the fields that it reads, each once, in order."""
    return list(dict.fromkeys(_fields(expression)))


def _fields(expression: Expression) -> Iterator[str]:
    match expression:
        case Field(path):
            yield path
        case Call(_, operands):
            for operand in operands:
                yield from _fields(operand)


@dataclass(frozen=True, slots=True)
class Dialect:
    """How an engine writes expressions. Every operation is put in brackets."""

    name: str
    field: Callable[[str], str]
    feature: Callable[[str], str]
    # What stands for `and`, `or`, `not`.
    words: dict[str, str]
    true_false: tuple[str, str]
    # How a field is asked for its presence.
    present: Callable[[str], str]
    to_double: str
    conditional: str = "({0} ? {1} : {2})"

    def write(self, expression: Expression) -> str:
        """The expression's text."""
        match expression:
            case Field(path):
                return self.field(path)
            case Name(name):
                return self.feature(name)
            case Literal(value):
                return self.constant(value)
            case Members(values):
                return f"[{', '.join(map(self.constant, values))}]"
            case Call("if", operands):
                return self.conditional.format(*map(self.write, operands))
            case Call("double", (operand,)):
                return self.to_double.format(self.write(operand))
            case Call("not", (operand,)):
                return f"({self.words['not']}{self.write(operand)})"
            case Call(operation, (left, right)):
                word = self.words.get(operation, operation)
                return f"({self.write(left)} {word} {self.write(right)})"
        raise ValueError(f"no such expression: {expression}")

    def with_default(self, expression: Expression, default: bool | int | float | str) -> str:
        """The expression, or `default` where a field that it reads is missing: what Fenqi's
        `default:` says, for engines in which reading a missing field fails.
        """
        return self.where_present(expression, self.write(expression), self.constant(default))

    def where_present(self, expression: Expression, then: str, otherwise: str) -> str:
        """`then` where all fields that `expression` reads are there."""
        paths = fields(expression)
        if not paths:
            return then
        there = f" {self.words['and']} ".join(map(self.present, paths))
        return self.conditional.format(f"({there})", then, otherwise)

    def constant(self, value: bool | int | float | str) -> str:
        """A constant's text."""
        if isinstance(value, bool):
            return self.true_false[0 if value else 1]
        return json.dumps(value) if isinstance(value, str) else repr(value)


_SYMBOLS = {"and": "&&", "or": "||", "not": "!"}
_WORDS = {"and": "and", "or": "or", "not": "not "}
_TRUE_FALSE = ("true", "false")

FENQI = Dialect(
    name="fenqi",
    field="application.{}".format,
    feature=str,
    words=_SYMBOLS,
    true_false=_TRUE_FALSE,
    present="has(application.{})".format,
    to_double="double({})",
)
# Top-level messages as variables: a step less for engines that look names up.
CEL = Dialect(
    name="cel",
    field=str,
    feature=lambda name: name.replace(".", "_"),
    words=_SYMBOLS,
    true_false=_TRUE_FALSE,
    present="has({})".format,
    to_double="double({})",
)
ZEN = replace(
    CEL,
    name="zen",
    words=_WORDS,
    present="{} != null".format,
    to_double="{}",
)
# Inside one node of a graph, earlier expressions are found under `$`.
ZEN_IN_NODE = replace(ZEN, feature=lambda name: f"$.{name.replace('.', '_')}")


def local(path: str) -> str:
    """The local variable that holds a field in the plain Python function."""
    return path.replace(".", "_")


PYTHON = Dialect(
    name="python",
    field=local,
    feature=lambda name: name.replace(".", "_"),
    words=_WORDS,
    true_false=("True", "False"),
    present=lambda path: f"{local(path)} is not None",
    to_double="{}",
    conditional="({1} if {0} else {2})",
)
