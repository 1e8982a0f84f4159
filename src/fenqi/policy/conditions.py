"""Conditions reduced to comparisons of operands with constants, to reason about all applicants.

An operand is whatever is compared with constants: a field, a feature, an expression. What an
operand can be is cut by those constants into regions within which no comparison changes, and one
sample stands for each region: the breakpoints, something between and beyond them, every text named
and one other, true and false, not a number where that can be, and missing. A condition that holds
for all samples holds for all applicants. Operands count as independent, so that what is proven is
true, but not everything true is proven.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr, ExprType
from fenqi.policy.expression_text import constant_of, text_of

# A sample of an operand; None is missing.
Sample: TypeAlias = bool | int | float | Fraction | str | None
Samples: TypeAlias = Mapping[str, Sample]
_Constant: TypeAlias = bool | int | float | str

# Combinations of samples that are looked at for one question.
MOST_COMBINATIONS = 20_000

_SWAPPED = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_COMPARISONS = {f"_{sign}_": sign for sign in _SWAPPED}


@dataclass(frozen=True, slots=True)
class Operand:
    """Something that is compared. `kind`: int, uint, double, string or bool."""

    text: str
    kind: str
    # A number that was computed can fail to be one; what is read from a request cannot.
    may_be_nan: bool = False


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operand against a constant."""

    operand: Operand
    sign: str
    constant: _Constant


@dataclass(frozen=True, slots=True)
class Presence:
    """Whether an operand is there, whatever it is."""

    operand: str


@dataclass(frozen=True, slots=True)
class Known:
    """A condition that is the same for everybody."""

    value: bool


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Both:
    """And: false where either is, whatever the other is."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Either:
    """Or: true where either is, whatever the other is."""

    left: Condition
    right: Condition


@dataclass(frozen=True, slots=True)
class Choice:
    """`test ? yes : no`."""

    test: Condition
    yes: Condition
    no: Condition


Condition: TypeAlias = Comparison | Presence | Known | Not | Both | Either | Choice


@dataclass(slots=True)
class Regions:
    """What the operands of some conditions can be: by their texts, one sample for each region."""

    samples: dict[str, list[Sample]]

    @property
    def combinations(self) -> int:
        """How many there are of all samples."""
        return math.prod(len(samples) for samples in self.samples.values())

    def applicants(self) -> Iterator[dict[str, Sample]]:
        """Every combination of samples."""
        for values in itertools.product(*self.samples.values()):
            yield dict(zip(self.samples, values, strict=True))


def condition_of(checked: CheckedExpr, owner: str) -> Condition:
    """The condition that a checked expression of type bool is. `owner` tells macros apart."""
    return _Reader(checked, owner).condition(checked.expr)


def regions_of(conditions: Iterable[Condition]) -> Regions:
    """The regions that the conditions tell apart."""
    constants: dict[str, dict[Operand, set[_Constant]]] = {}
    for condition in conditions:
        for part in _parts(condition):
            if isinstance(part, Comparison):
                known = constants.setdefault(part.operand.text, {})
                known.setdefault(part.operand, set()).add(part.constant)
            elif isinstance(part, Presence):
                constants.setdefault(part.operand, {})
    return Regions({text: _samples(known) for text, known in constants.items()})


def operands_of(condition: Condition) -> frozenset[str]:
    """The texts of what the condition reads."""
    return frozenset(
        part.operand if isinstance(part, Presence) else part.operand.text
        for part in _parts(condition)
        if isinstance(part, Comparison | Presence)
    )


def value_of(condition: Condition, samples: Samples) -> bool | None:
    """True, false, or None where it is missing."""
    if isinstance(condition, Known):
        return condition.value
    if isinstance(condition, Presence):
        return samples[condition.operand] is not None
    if isinstance(condition, Comparison):
        return _compare(samples[condition.operand.text], condition.sign, condition.constant)
    if isinstance(condition, Not):
        value = value_of(condition.of, samples)
        return None if value is None else not value
    if isinstance(condition, Choice):
        test = value_of(condition.test, samples)
        if test is None:
            return None
        return value_of(condition.yes if test else condition.no, samples)
    decisive = isinstance(condition, Either)
    left, right = value_of(condition.left, samples), value_of(condition.right, samples)
    if left is decisive or right is decisive:
        return decisive
    return None if left is None or right is None else not decisive


def implies(one: Condition, other: Condition) -> bool | None:
    """Whether `other` is true wherever `one` is; None where that is too much to find out."""
    regions = regions_of([one, other])
    if regions.combinations > MOST_COMBINATIONS:
        return None
    return all(
        value_of(other, samples) is True
        for samples in regions.applicants()
        if value_of(one, samples) is True
    )


def outcomes(condition: Condition) -> set[bool | None] | None:
    """All that the condition can be; None where that is too much to find out."""
    regions = regions_of([condition])
    if regions.combinations > MOST_COMBINATIONS:
        return None
    return {value_of(condition, samples) for samples in regions.applicants()}


def _parts(condition: Condition) -> Iterator[Condition]:
    yield condition
    if isinstance(condition, Not):
        yield from _parts(condition.of)
    elif isinstance(condition, Both | Either):
        yield from _parts(condition.left)
        yield from _parts(condition.right)
    elif isinstance(condition, Choice):
        for part in (condition.test, condition.yes, condition.no):
            yield from _parts(part)


def _compare(sample: Sample, sign: str, constant: _Constant) -> bool | None:
    if sample is None:
        return None
    if sign == "==":
        return sample == constant
    if sign == "!=":
        return sample != constant
    assert not isinstance(sample, str) and not isinstance(constant, str)
    if sign in ("<", ">="):
        less = sample < constant
        return less if sign == "<" else bool(sample >= constant)
    return bool(sample > constant) if sign == ">" else bool(sample <= constant)


def _samples(known: Mapping[Operand, set[_Constant]]) -> list[Sample]:
    """Samples of one operand; of what is only asked whether it is there, one that is."""
    samples = [sample for operand, constants in known.items() for sample in _of(operand, constants)]
    return [*(samples or [True]), None]


def _of(operand: Operand, constants: set[_Constant]) -> list[Sample]:
    if operand.kind == "bool":
        return [False, True]
    if operand.kind == "string":
        texts = sorted(str(constant) for constant in constants)
        other = "other"
        while other in texts:
            other += "'"
        return [*texts, other]
    numbers = sorted(constant for constant in constants if isinstance(constant, int | float))
    if operand.kind != "double":
        wholes = {int(number) + step for number in numbers for step in (-1, 0, 1)}
        return [number for number in sorted(wholes) if operand.kind == "int" or number >= 0]
    exact = [Fraction(number) for number in numbers]
    between = [(low + high) / 2 for low, high in itertools.pairwise(exact)]
    samples: list[Sample] = [exact[0] - 1, *exact, *between, exact[-1] + 1]
    return [*samples, math.nan] if operand.may_be_nan else samples


@dataclass(slots=True)
class _Reader:
    checked: CheckedExpr
    owner: str

    def condition(self, expr: Expr) -> Condition:
        constant = self._constant(expr)
        if isinstance(constant, bool):
            return Known(constant)
        kind = expr.WhichOneof("expr_kind")
        if kind == "select_expr" and expr.select_expr.test_only:
            return Presence(self._text(expr).removeprefix("has(").removesuffix(")"))
        if kind == "call_expr":
            read = self._call(expr)
            if read is not None:
                return read
        return Comparison(Operand(self._text(expr), "bool"), "==", True)

    def _call(self, expr: Expr) -> Condition | None:
        name, arguments = expr.call_expr.function, expr.call_expr.args
        if name == "!_":
            return Not(self.condition(arguments[0]))
        if name == "_&&_":
            return Both(self.condition(arguments[0]), self.condition(arguments[1]))
        if name == "_||_":
            return Either(self.condition(arguments[0]), self.condition(arguments[1]))
        if name == "_?_:_":
            test, yes, no = (self.condition(argument) for argument in arguments)
            return Choice(test, yes, no)
        if name in _COMPARISONS:
            return self._comparison(_COMPARISONS[name], arguments[0], arguments[1])
        if name == "@in" and arguments[1].WhichOneof("expr_kind") == "list_expr":
            found: Condition = Known(False)
            for element in arguments[1].list_expr.elements:
                equal = self._comparison("==", arguments[0], element)
                if equal is None:
                    return None
                found = Either(found, equal)
            return found
        return None

    def _comparison(self, sign: str, left: Expr, right: Expr) -> Condition | None:
        one, other = self._constant(left), self._constant(right)
        if one is not None and other is not None:
            return None
        if one is not None:
            return self._against(right, _SWAPPED[sign], one)
        return None if other is None else self._against(left, sign, other)

    def _against(self, expr: Expr, sign: str, constant: _Constant) -> Condition | None:
        kind = self._kind(expr)
        if kind in ("", "string") and sign not in ("==", "!="):
            return None
        if kind == "" or isinstance(constant, bool) != (kind == "bool"):
            return None
        if isinstance(constant, str) != (kind == "string"):
            return None
        if kind == "bool":
            # `x == false` is true where x is false; order among truths is left alone.
            if sign not in ("==", "!="):
                return None
            condition = self.condition(expr)
            return condition if constant is (sign == "==") else Not(condition)
        if isinstance(constant, float) and not math.isfinite(constant):
            return None
        reads_a_field = expr.WhichOneof("expr_kind") == "select_expr"
        operand = Operand(self._text(expr), kind, kind == "double" and not reads_a_field)
        return Comparison(operand, sign, constant)

    def _constant(self, expr: Expr) -> _Constant | None:
        if expr.id in self.checked.reference_map:
            reference = self.checked.reference_map[expr.id]
            if reference.HasField("value"):
                value = constant_of(reference.value)
                return None if isinstance(value, bytes) else value
        if expr.WhichOneof("expr_kind") == "const_expr":
            value = constant_of(expr.const_expr)
            return None if isinstance(value, bytes) else value
        return None

    def _kind(self, expr: Expr) -> str:
        kinds = {
            ExprType.BOOL: "bool",
            ExprType.INT64: "int",
            ExprType.UINT64: "uint",
            ExprType.DOUBLE: "double",
            ExprType.STRING: "string",
        }
        found = self.checked.type_map[expr.id] if expr.id in self.checked.type_map else ExprType()
        primitive = found.primitive or found.wrapper
        return kinds.get(primitive, "")

    def _text(self, expr: Expr) -> str:
        return text_of(expr).replace("<macro ", f"<macro of {self.owner} ")
