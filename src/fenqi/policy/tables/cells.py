"""What one cell of a decision table asks of an input, read from text.

    -                 anything, also a missing input        (an empty cell is the same)
    5, = 5            this value                            a, "b c", true
    != 5, not 5, 6    anything but these
    < 5, <= 5, > 5, >= 5
    [18..25)          from 18 on, below 25; ( and ) leave the bound out; 18..25 has both
    ab*               texts that begin so
    missing           a missing input
    1, 3, > 10        any of these

A text needs quotes, single or double, only where it would be read as something else; inside them
a doubled quote stands for one. Numbers of any type are compared by mathematical value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal

InputType = Literal["bool", "int", "uint", "double", "string"]
INPUT_TYPES: tuple[InputType, ...] = ("bool", "int", "uint", "double", "string")
NUMBERS = ("int", "uint", "double")
Value = bool | int | float | str

SMALLEST_INT, GREATEST_UINT = -(2**63), 2**64 - 1


class CellError(ValueError):
    """A cell that cannot be read; `offset` counts characters from 0."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset
        self.message = message


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers between two bounds; None is no bound, and infinity is inside."""

    low: int | float | None
    high: int | float | None
    low_open: bool = False
    high_open: bool = False

    @property
    def is_point(self) -> bool:
        """Whether it holds exactly one number."""
        bounded = self.low is not None and self.low == self.high
        return bounded and not self.low_open and not self.high_open

    def holds(self, x: int | float) -> bool:
        """Whether `x`, not NaN, lies inside. Python compares ints and floats exactly."""
        if self.low is not None and (x <= self.low if self.low_open else x < self.low):
            return False
        return self.high is None or (x < self.high if self.high_open else x <= self.high)


@dataclass(frozen=True, slots=True)
class Cell:
    """Alternatives of which one must hold, or, negated, none may."""

    intervals: tuple[Interval, ...] = ()
    texts: tuple[str, ...] = ()
    prefixes: tuple[str, ...] = ()
    truths: tuple[bool, ...] = ()
    names_missing: bool = False
    negated: bool = False
    # As it was written, for messages; not part of what the cell is.
    text: str = field(default="", compare=False)

    @property
    def is_any(self) -> bool:
        """Whether the cell asks nothing."""
        return self.negated and not self.names_missing and not self.asks_value

    @property
    def asks_value(self) -> bool:
        """Whether it asks for more than that the input is there or not."""
        return bool(self.intervals or self.texts or self.prefixes or self.truths)

    def holds(self, value: Value) -> bool:
        """Whether the cell holds for an input that is there; NaN satisfies no constraint."""
        if isinstance(value, float) and math.isnan(value):
            return self.negated and not self.asks_value
        return self._names(value) != self.negated

    def holds_for_missing(self, column_names_missing: bool) -> bool | None:
        """The same for a missing input; None: that cannot be known.

        In a column in which some cell says `missing`, the table itself says what a missing input
        means, and cells that do not ask for it fail.
        """
        if self.is_any:
            return True
        if self.names_missing:
            return not self.negated
        return False if column_names_missing else None

    def _names(self, value: Value) -> bool:
        if isinstance(value, bool):
            return value in self.truths
        if isinstance(value, str):
            return value in self.texts or value.startswith(self.prefixes)
        return any(interval.holds(value) for interval in self.intervals)


ANY = Cell(negated=True, text="-")

_NUMBER = re.compile(r"[+-]?(?:\d[\d_]*)?(?:\.\d+)?(?:[eE][+-]?\d+)?")
_RANGE = re.compile(r"\s*\.\.\s*")
_PLAIN_INTEGER = re.compile(r"-?[0-9]{1,18}")
_COMPARISON = re.compile(r"!=|<=|>=|<|>|=")


def parse_cell(raw: Value | None, type: InputType) -> Cell:
    """Reads a cell of an input of `type`: text, or a value as YAML gives it; None is anything.

    Raises CellError.
    """
    if raw is None:
        return ANY
    if isinstance(raw, str):
        return _Reader(raw, type).cell()
    if type == "string":
        raise CellError(0, f"this input is a string: write {_written(raw)} in quotes")
    return _Reader(_written(raw), type).cell()


def parse_entry(raw: Value | None, type: InputType) -> Cell:
    """One entry of a list or key of a lookup: a value, `ab*`, or for numbers a range `10..20`.

    A text is taken as it stands, whatever signs are in it, but for spaces around it, quotes around
    it and a `*` behind it. Raises CellError.
    """
    if raw is None or (isinstance(raw, str) and not raw.strip()):
        raise CellError(0, 'an entry is wanted here; the empty text is written ""')
    if type == "string" and isinstance(raw, str):
        return _text_entry(raw.strip())
    written = raw.strip() if isinstance(raw, str) else str(raw)
    if type in NUMBERS and _PLAIN_INTEGER.fullmatch(written):
        # Most entries of the longest lists: a tenth of the time.
        return Cell((Interval(int(written), int(written)),), text=written)
    cell = parse_cell(raw, type)
    if cell.negated or cell.names_missing or len(cell.intervals) + len(cell.truths) != 1:
        raise CellError(0, f"expected one {type} or a range (10..20), found {raw!r}")
    return cell


def _text_entry(written: str) -> Cell:
    is_prefix = written.endswith("*")
    text = written[:-1] if is_prefix else written
    if len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]:
        text = text[1:-1].replace(text[0] * 2, text[0])
    if is_prefix:
        return Cell(prefixes=(text,), text=written)
    return Cell(texts=(text,), text=written)


def _written(value: bool | int | float) -> str:
    return str(value).lower() if isinstance(value, bool) else repr(value)


class _Reader:
    """One cell's text on its way to a Cell."""

    def __init__(self, text: str, type: InputType) -> None:
        self.text = text
        self.type = type
        self.at = 0
        self.intervals: list[Interval] = []
        self.texts: list[str] = []
        self.prefixes: list[str] = []
        self.truths: list[bool] = []
        self.names_missing = False

    def cell(self) -> Cell:
        self._space()
        if self.text[self.at :].strip() in ("", "-"):
            return ANY
        negated = self._negation()
        while True:
            negated_one = self._alternative()
            if negated_one and (negated or self.at < len(self.text) or self._count() > 1):
                raise CellError(
                    self.at, "`!=` stands alone; write `not a, b` for anything but a and b"
                )
            negated = negated or negated_one
            self._space()
            if self.at == len(self.text):
                break
            self._expect_comma()
        return Cell(
            tuple(self.intervals),
            tuple(self.texts),
            tuple(self.prefixes),
            tuple(self.truths),
            self.names_missing,
            negated,
            self.text.strip(),
        )

    def _count(self) -> int:
        return (
            len(self.intervals)
            + len(self.texts)
            + len(self.prefixes)
            + len(self.truths)
            + self.names_missing
        )

    def _space(self) -> None:
        while self.at < len(self.text) and self.text[self.at].isspace():
            self.at += 1

    def _negation(self) -> bool:
        found = re.compile(r"not\b\s*").match(self.text, self.at)
        if found is None or found.end() == len(self.text):
            return False
        self.at = found.end()
        return True

    def _expect_comma(self) -> None:
        if self.text[self.at] != ",":
            raise CellError(self.at, f"expected a comma or the end, found {self.text[self.at :]!r}")
        self.at += 1
        self._space()

    def _alternative(self) -> bool:
        """Reads one alternative; whether it is `!= x`."""
        start = self.at
        if start == len(self.text) or self.text[start] == ",":
            raise CellError(start, "an alternative is missing here")
        if (found := _COMPARISON.match(self.text, start)) is not None:
            self.at = found.end()
            self._space()
            return self._comparison(found.group(), start)
        if self.text[start] in "[(]" and self.type in NUMBERS:
            self._bracketed()
            return False
        self._plain()
        return False

    def _comparison(self, sign: str, start: int) -> bool:
        if sign in ("=", "!="):
            self._plain()
            return sign == "!="
        if self.type not in NUMBERS:
            raise CellError(start, f"`{sign}` compares numbers; this input is a {self.type}")
        bound = self._number()
        self.intervals.append(
            {
                "<": Interval(None, bound, False, True),
                "<=": Interval(None, bound),
                ">": Interval(bound, None, True),
                ">=": Interval(bound, None),
            }[sign]
        )
        return False

    def _bracketed(self) -> None:
        """`[1..2)`; a bracket turned outward leaves its bound out, as `]` and `(` do in front."""
        start = self.at
        low_open = self.text[start] != "["
        self.at += 1
        self._space()
        low = self._number()
        self._dots()
        high = self._number()
        self._space()
        closing = self.text[self.at : self.at + 1]
        if closing not in ("]", ")", "["):
            raise CellError(self.at, "a range ends with ] (its bound inside) or ) (outside)")
        self.at += 1
        self._range(start, low, high, low_open, closing != "]")

    def _dots(self) -> None:
        if (found := _RANGE.match(self.text, self.at)) is None:
            raise CellError(self.at, "expected `..` between the bounds of a range")
        self.at = found.end()

    def _range(
        self, start: int, low: int | float, high: int | float, low_open: bool, high_open: bool
    ) -> None:
        if low > high:
            raise CellError(start, f"the range from {low} to {high} runs backward")
        if low == high and (low_open or high_open):
            raise CellError(start, "the range holds no number, since a bound is left out of it")
        self.intervals.append(Interval(low, high, low_open, high_open))

    def _plain(self) -> None:
        if re.compile(r"missing\s*(?=,|$)").match(self.text, self.at):
            self.names_missing = True
            self.at += len("missing")
        elif self.type == "string":
            self._text()
        elif self.type == "bool":
            self._truth()
        else:
            start = self.at
            low = self._number()
            if _RANGE.match(self.text, self.at):
                self._dots()
                self._range(start, low, self._number(), False, False)
            else:
                self.intervals.append(Interval(low, low))

    def _truth(self) -> None:
        for word, value in (("true", True), ("false", False)):
            if re.compile(rf"{word}\b", re.IGNORECASE).match(self.text, self.at):
                self.truths.append(value)
                self.at += len(word)
                return
        raise CellError(self.at, f"expected true or false, found {self._word()!r}")

    def _number(self) -> int | float:
        found = _NUMBER.match(self.text, self.at)
        written = found.group() if found is not None else ""
        if not any(c.isdigit() for c in written):
            raise CellError(self.at, f"expected a number, found {self._word()!r}")
        # `18..25` is no 18. followed by .25.
        self.at += len(written)
        written = written.replace("_", "")
        if written.lstrip("+-").isdigit():
            whole = int(written)
            if not SMALLEST_INT <= whole <= GREATEST_UINT:
                raise CellError(
                    self.at - len(written),
                    f"{written} is too large for an integer; write it as {float(whole)!r}",
                )
            return whole
        number = float(written)
        if math.isinf(number):
            raise CellError(self.at - len(written), f"{written} is too large for a number")
        return number

    def _text(self) -> None:
        quote = self.text[self.at : self.at + 1]
        if quote in ("'", '"'):
            self._quoted(quote)
            return
        word = self._word()
        if word.endswith("*"):
            self.prefixes.append(word[:-1])
        else:
            self.texts.append(word)
        self.at += len(word)

    def _quoted(self, quote: str) -> None:
        start = self.at
        self.at += 1
        parts: list[str] = []
        while True:
            end = self.text.find(quote, self.at)
            if end < 0:
                raise CellError(start, "the quote that begins here does not end")
            parts.append(self.text[self.at : end])
            self.at = end + 1
            if self.text[self.at : self.at + 1] != quote:
                break
            parts.append(quote)
            self.at += 1
        value = "".join(parts)
        if self.text[self.at : self.at + 1] == "*":
            self.at += 1
            self.prefixes.append(value)
        else:
            self.texts.append(value)

    def _word(self) -> str:
        """What stands up to the next comma."""
        end = self.text.find(",", self.at)
        return self.text[self.at : end if end >= 0 else len(self.text)].rstrip()
