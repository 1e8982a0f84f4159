"""Conditions of a program, looked at for all applicants at once.

What conditions compare with constants is cut by those constants into regions within which no
comparison changes: numbers at, between and beyond the breakpoints, texts that are named and one
other, true and false, and missing as a region of its own. A condition that is the same for one
sample of every region is the same for everybody.

Values that are computed (a sum, a part of a text) are regions of their own, as if they did not
depend on what they are computed from, but that they are missing when that is. So what holds for all
samples is proven, while a sample that rests on computed values may belong to nobody.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.lower import REQUEST
from fenqi.policy.program import (
    BlockVariable,
    Constant,
    ConstantSet,
    CoreOutput,
    Operand,
    ProgramBuilder,
    Slot,
    Temporary,
)
from fenqi.policy.row import Key, RowSlot
from fenqi.v1 import constraints_pb2

# Combinations of samples that are looked at.
MOST_COMBINATIONS = 20_000


@dataclass(frozen=True, slots=True)
class _Failed:
    def __repr__(self) -> str:
        return "an error"


# What an operation that fails gives. Missing is None.
FAILED = _Failed()
Sample = bool | int | float | str | _Failed | None


@dataclass(frozen=True, slots=True)
class Consent:
    """Whether the applicant consented to all sources of a mask."""

    mask: int


# What conditions rest on: a value of the row, something computed by the program or by the core (a
# model's score), or consent.
Leaf = Slot | Temporary | CoreOutput | BlockVariable | Consent
Applicant = Mapping[Leaf, Sample]

# As plain attributes: the enum's own are looked up anew each time, and that is felt here.
_OP: Any = SimpleNamespace(**dict(image.Op.items()))
_WORDS = {number: name.removeprefix("OP_").split("_") for name, number in image.Op.items()}
_COMPARISONS = {"EQ": "==", "NE": "!=", "LT": "<", "LE": "<="}
_ORDERED = ("INT", "UINT", "DOUBLE")
_TO_DOUBLE = (_OP.OP_INT_TO_DOUBLE, _OP.OP_UINT_TO_DOUBLE)
_MEMBERSHIP = (_OP.OP_IN_INT, _OP.OP_IN_UINT, _OP.OP_IN_DOUBLE, _OP.OP_IN_STRING)
# Operations that give missing exactly where an operand is missing.
_STRICT = range(_OP.OP_ADD_INT, _OP.OP_REVERSE + 1)
# Those of them that can fail. Overflow is left out: no real application comes near it.
_CAN_FAIL = frozenset(
    {
        _OP.OP_DIV_INT,
        _OP.OP_MOD_INT,
        _OP.OP_DIV_UINT,
        _OP.OP_MOD_UINT,
        _OP.OP_DOUBLE_TO_INT,
        _OP.OP_DOUBLE_TO_UINT,
        _OP.OP_INT_TO_UINT,
        _OP.OP_UINT_TO_INT,
        _OP.OP_STRING_TO_INT,
        _OP.OP_STRING_TO_UINT,
        _OP.OP_STRING_TO_DOUBLE,
        _OP.OP_STRING_TO_BOOL,
        *range(_OP.OP_CHAR_AT, _OP.OP_LAST_INDEX_OF_FROM + 1),
        _OP.OP_SUBSTRING,
        _OP.OP_SUBSTRING_TO,
    }
)


@dataclass(slots=True)
class _Cuts:
    """What one leaf is compared with."""

    kind: str = ""
    constants: set[bool | int | float | str] = field(default_factory=set)


class Regions:
    """The regions that some conditions tell apart."""

    def __init__(self, builder: ProgramBuilder, conditions: Sequence[Operand]) -> None:
        self._builder = builder
        self._conditions = conditions
        self._cuts: dict[Leaf, _Cuts] = {}
        for condition in conditions:
            self._cut_condition(condition)
        self._samples = {leaf: self._samples_of(leaf, cuts) for leaf, cuts in self._cuts.items()}

    @property
    def leaves(self) -> frozenset[Leaf]:
        """What the conditions rest on."""
        return frozenset(self._cuts)

    @property
    def combinations(self) -> int:
        """How many there are of all samples."""
        return math.prod(len(samples) for samples in self._samples.values())

    def applicants(self) -> Iterator[Applicant]:
        """Every combination of samples that can occur together."""
        for values in itertools.product(*self._samples.values()):
            applicant = dict(zip(self._samples, values, strict=True))
            if self._can_be(applicant):
                yield applicant

    def values(self, applicant: Applicant) -> list[Sample]:
        """What each condition is for an applicant."""
        return [self._value(condition, applicant) for condition in self._conditions]

    @property
    def is_exact(self) -> bool:
        """Whether every combination is an applicant that can be: nothing is computed."""
        return all(isinstance(leaf, Slot | Consent) for leaf in self._cuts)

    # --- what is compared with what ---

    def _made(self, operand: Operand) -> tuple[int, tuple[Any, ...]] | None:
        return self._builder.made(operand) if isinstance(operand, Temporary) else None

    def _cut_condition(self, operand: Operand) -> None:
        """Finds what a truth value rests on."""
        made = self._made(operand)
        if made is None:
            self._leaf(operand, "bool")
            return
        op, words = made
        if op in (_OP.OP_AND, _OP.OP_OR, _OP.OP_NOT, _OP.OP_HOLDS):
            for word in words:
                self._cut_condition(word)
        elif op == _OP.OP_PRESENT:
            self._cut_value(words[0], "", ())
        elif op in (_OP.OP_SELECT, _OP.OP_DEFAULT, _OP.OP_WITH_CONSENT):
            self._cut_value(operand, "bool", ())
        elif op in _MEMBERSHIP:
            members: ConstantSet = words[1]
            self._cut_value(words[0], members.type, members.values)
        elif (compared := self._compared(op, words)) is not None:
            value, kind, constant = compared
            self._cut_value(value, kind, (constant.value,))
        else:
            self._leaf(operand, "bool")

    def _compared(self, op: int, words: tuple[Any, ...]) -> tuple[Operand, str, Constant] | None:
        """The value, its type and the constant of a comparison of one with the other."""
        name = _WORDS[op]
        if name[0] not in _COMPARISONS or len(name) < 2 or len(words) != 2:
            return None
        kinds = name[1:] * (2 if len(name) == 2 else 1)
        if name[0] in ("LT", "LE") and not all(kind in _ORDERED for kind in kinds):
            return None
        for value, kind, other in ((words[0], kinds[0], words[1]), (words[1], kinds[1], words[0])):
            if isinstance(other, Constant):
                return value, kind.lower(), other
        return None

    def _cut_value(self, operand: Operand, kind: str, constants: Sequence[Any]) -> None:
        """Finds the leaves below a value of any type that is compared with `constants`."""
        if isinstance(operand, Constant):
            return
        made = self._made(operand)
        op, words = made if made is not None else (None, ())
        if op == _OP.OP_SELECT:
            self._cut_condition(words[0])
            self._cut_value(words[1], kind, constants)
            self._cut_value(words[2], kind, constants)
        elif op == _OP.OP_DEFAULT:
            self._cut_value(words[0], kind, constants)
            self._cut_value(words[1], kind, constants)
        elif op == _OP.OP_WITH_CONSENT:
            self._cuts.setdefault(Consent(words[2].value), _Cuts("bool"))
            self._cut_value(words[1], kind, constants)
        elif op in _TO_DOUBLE:
            self._cut_value(words[0], "int" if op == _OP.OP_INT_TO_DOUBLE else "uint", constants)
        elif op is not None and kind == "bool":
            self._cut_condition(operand)
        else:
            self._leaf(operand, kind, constants)

    def _leaf(self, operand: Operand, kind: str, constants: Sequence[Any] = ()) -> None:
        if not isinstance(operand, Constant):
            cuts = self._cuts.setdefault(operand, _Cuts())
            cuts.kind = cuts.kind or kind
            cuts.constants.update(constants)

    # --- samples ---

    def _samples_of(self, leaf: Leaf, cuts: _Cuts) -> list[Sample]:
        if isinstance(leaf, Consent):
            return [False, True]
        if isinstance(leaf, Slot):
            return [*_of_slot(leaf.slot, cuts), None]
        samples = _of_kind(cuts.kind, cuts.constants)
        if cuts.kind == "double":
            samples.append(math.nan)
        if self._may(leaf, fail=True):
            samples.append(FAILED)
        return [*samples, None] if self._may(leaf, fail=False) else samples

    def _may(self, operand: Operand, *, fail: bool) -> bool:
        """Whether a value can be missing, or can fail."""
        if isinstance(operand, Constant):
            return operand.type == "missing" and not fail
        made = self._made(operand)
        if made is None:
            return not fail
        op, words = made
        reads = [word for word in words if isinstance(word, Operand)]
        if op in (_OP.OP_PRESENT, _OP.OP_HOLDS):
            return False
        if op == _OP.OP_DEFAULT and not fail:
            return self._may(words[1], fail=False)
        if op in _STRICT:
            divides = op in (_OP.OP_DIV_INT, _OP.OP_MOD_INT, _OP.OP_DIV_UINT, _OP.OP_MOD_UINT)
            is_safe = divides and isinstance(words[1], Constant) and words[1].value != 0
            if fail and op in _CAN_FAIL and not is_safe:
                return True
            return any(self._may(word, fail=fail) for word in reads)
        if op in (_OP.OP_AND, _OP.OP_OR, _OP.OP_NOT, _OP.OP_SELECT, _OP.OP_DEFAULT):
            return any(self._may(word, fail=fail) for word in reads)
        return True

    # --- which combinations can be ---

    def _can_be(self, applicant: Applicant) -> bool:
        for leaf, sample in applicant.items():
            if isinstance(leaf, Slot) and not _fits(leaf.slot, sample, applicant):
                return False
            if isinstance(leaf, Temporary):
                missing = self._must_be_missing(leaf, applicant)
                if missing is not None and missing != (sample is None):
                    return False
        return True

    def _must_be_missing(self, operand: Operand, applicant: Applicant) -> bool | None:
        """Whether a computed value is missing, as far as that follows from other samples."""
        if isinstance(operand, Constant):
            return operand.type == "missing"
        made = self._made(operand)
        if made is None:
            if isinstance(operand, Slot) and operand in applicant:
                return applicant[operand] is None
            return None
        op, words = made
        if op not in _STRICT:
            return None
        reads = [word for word in words if isinstance(word, Operand)]
        found = [self._must_be_missing(word, applicant) for word in reads]
        if any(found):
            return True
        return None if None in found else False

    # --- evaluation ---

    def _value(self, operand: Operand, applicant: Applicant) -> Sample:
        if isinstance(operand, Constant):
            value: Sample = operand.value
            return value
        if operand in applicant:
            return applicant[operand]
        made = self._made(operand)
        assert made is not None, "every leaf has a sample"
        op, words = made
        if op == _OP.OP_WITH_CONSENT:
            granted = applicant[Consent(words[2].value)]
            return self._value(words[1], applicant) if granted else None
        if op in _MEMBERSHIP:
            value = self._value(words[0], applicant)
            return value if value is None or value is FAILED else value in words[1].values
        return _apply(op, [self._value(word, applicant) for word in words])


def _apply(op: int, of: list[Sample]) -> Sample:
    match op:
        case _OP.OP_AND | _OP.OP_OR:
            absorbing = bool(op == _OP.OP_OR)
            if absorbing in [value for value in of if isinstance(value, bool)]:
                return absorbing
            return _not_ok(of) if _has_not_ok(of) else not absorbing
        case _OP.OP_SELECT:
            return of[0] if of[0] is None or of[0] is FAILED else of[1] if of[0] else of[2]
        case _OP.OP_DEFAULT:
            return of[1] if of[0] is None else of[0]
        case _OP.OP_PRESENT:
            return of[0] is not None
        case _OP.OP_HOLDS:
            return of[0] is True
    if _has_not_ok(of):
        return _not_ok(of)
    if op == _OP.OP_NOT:
        return not of[0]
    if op in _TO_DOUBLE:
        assert isinstance(of[0], int | float)
        return float(of[0])
    return _compare(_COMPARISONS[_WORDS[op][0]], *of)


def _has_not_ok(of: list[Sample]) -> bool:
    return any(value is None or value is FAILED for value in of)


def _not_ok(of: list[Sample]) -> Sample:
    return None if None in of else FAILED


def _compare(sign: str, a: Any, b: Any) -> bool:
    if sign in ("==", "!="):
        return bool((a == b) == (sign == "=="))
    return bool(a < b) if sign == "<" else bool(a <= b)


def _of_kind(kind: str, constants: set[Any]) -> list[Sample]:
    """One sample for each region of a type."""
    if kind == "bool":
        return [False, True]
    if kind == "string":
        other = "other"
        while other in constants:
            other += "'"
        return [*sorted(constants), other]
    numbers = sorted(c for c in constants if isinstance(c, int | float) and not math.isnan(c))
    if not numbers:
        return [1.0 if kind == "double" else 1]
    if kind in ("int", "uint"):
        near = {math.floor(n) + step for n in numbers if math.isfinite(n) for step in (-1, 0, 1, 2)}
        return [number for number in sorted(near) if kind == "int" or number >= 0]
    finite = [float(number) for number in numbers if math.isfinite(number)]
    between = [(low + high) / 2 for low, high in itertools.pairwise(finite)]
    return [finite[0] - 1, *finite, *between, finite[-1] + 1] if finite else [1.0]


def _of_slot(slot: RowSlot, cuts: _Cuts) -> list[Sample]:
    if slot.what == "presence":
        return [True]
    kind, constants = cuts.kind or "bool", cuts.constants
    of = field_of(slot) if slot.what != "count" else None
    if of is None:
        samples = _of_kind(kind, constants)
        return [s for s in samples if slot.what != "count" or (isinstance(s, int) and s >= 0)]
    options: Any = of.GetOptions()
    limits = options.Extensions[constraints_pb2.limits]
    low = limits.min if limits.HasField("min") else -math.inf
    high = limits.max if limits.HasField("max") else math.inf
    if kind in ("int", "uint", "double"):
        # Between a limit and the nearest constant there are values too.
        constants = constants | {end for end in (low, high) if math.isfinite(end)}
    zero_is_missing = not of.has_presence and not of.is_repeated
    return [
        sample
        for sample in _of_kind(kind, constants)
        if not (zero_is_missing and not sample)
        and (
            not isinstance(sample, int | float) or isinstance(sample, bool) or low <= sample <= high
        )
    ]


def field_of(slot: RowSlot) -> FieldDescriptor | None:
    """The field that a slot holds; None for a map's values."""
    message: Descriptor | None = REQUEST
    found: FieldDescriptor | None = None
    for step in slot.path:
        if isinstance(step, Key):
            return None
        if isinstance(step, str) and message is not None:
            found = message.fields_by_name[step]
            message = found.message_type
    return found


def _fits(slot: RowSlot, sample: Sample, applicant: Applicant) -> bool:
    """Whether a sample can go together with the others: nothing is inside of what is not there."""
    if sample is None or slot.what != "value":
        return True
    for length in range(1, len(slot.path)):
        around = Slot(RowSlot(slot.path[:length], "presence"))
        if around in applicant and applicant[around] is None:
            return False
        step = slot.path[length]
        count = Slot(RowSlot(slot.path[:length], "count"))
        if isinstance(step, int) and count in applicant:
            entries = applicant[count]
            if not isinstance(entries, int) or entries <= step:
                return False
    return True
