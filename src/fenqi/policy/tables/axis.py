"""An input's values cut into classes that the rows of a table cannot tell apart.

For an int, whole numbers are told apart (nothing lies between 5 and 6); for a double, real numbers
are; for a string, what is named or allowed, what begins with a named prefix, and, unless `allowed`
says what there is, one other. Where some row asks for a missing input, missing is a class too, the
last one.
"""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from fenqi.policy.tables.cells import NUMBERS, Cell, InputType, Interval, Value
from fenqi.policy.tables.table import Table

Range = tuple[int, int]
"""Classes from the first on, below the second."""


@dataclass(frozen=True, slots=True)
class Axis:
    """One input. `size` classes, of which the last is missing where `has_missing`."""

    name: str
    size: int
    has_missing: bool
    # For each row the classes that its cell holds for: ranges, ascending, apart.
    ranges: list[tuple[Range, ...]]
    # A value of a class below `present`.
    example: Callable[[int], Value]
    # Whether a class is that of all texts that nobody names.
    is_other: Callable[[int], bool]

    @property
    def present(self) -> int:
        """Classes 0 .. present - 1 are those of values that are there."""
        return self.size - self.has_missing


def axes_of(table: Table) -> list[Axis]:
    """An axis for each input of the table."""
    naming = table.columns_naming_missing()
    return [_axis(table, i, naming[i]) for i in range(len(table.inputs))]


def _axis(table: Table, i: int, has_missing: bool) -> Axis:
    column = table.inputs[i]
    cells = dict.fromkeys(row.cells[i] for row in table.rows)
    told = [*cells, *([] if column.allowed is None else [column.allowed])]
    classes: _Classes = (
        _numbers(column.type, told)
        if column.type in NUMBERS
        else _Texts(told)
        if column.type == "string"
        else _Truths()
    )
    domain = _inverted(classes.ranges(Cell()), classes.size)
    if column.allowed is not None:
        domain = _present_ranges(classes, column.allowed)
    chosen = [c for begin, end in domain for c in range(begin, end) if classes.exists(c)]
    known: dict[Cell, tuple[Range, ...]] = {}
    for cell in cells:
        ranges = [
            (bisect_left(chosen, begin), bisect_left(chosen, end))
            for begin, end in _present_ranges(classes, cell)
        ]
        if has_missing and cell.holds_for_missing(True):
            ranges.append((len(chosen), len(chosen) + 1))
        known[cell] = _joined(ranges)
    return Axis(
        column.name,
        len(chosen) + has_missing,
        has_missing,
        [known[row.cells[i]] for row in table.rows],
        lambda c: classes.example(chosen[c]),
        lambda c: c < len(chosen) and classes.is_other(chosen[c]),
    )


def _present_ranges(classes: _Classes, cell: Cell) -> tuple[Range, ...]:
    ranges = _joined(classes.ranges(cell))
    return _inverted(ranges, classes.size) if cell.negated else ranges


def _joined(ranges: Iterable[Range]) -> tuple[Range, ...]:
    joined: list[Range] = []
    for begin, end in sorted(ranges):
        if begin >= end:
            continue
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)


def _inverted(ranges: Iterable[Range], size: int) -> tuple[Range, ...]:
    inverted = []
    at = 0
    for begin, end in ranges:
        inverted.append((at, begin))
        at = end
    inverted.append((at, size))
    return tuple(r for r in inverted if r[0] < r[1])


class _Classes:
    """The values of one type, cut where some cell tells them apart."""

    size: int

    def ranges(self, cell: Cell) -> list[Range]:
        """The classes that the cell's alternatives name, in any order."""
        raise NotImplementedError

    def example(self, number: int) -> Value:
        """A value of the class."""
        raise NotImplementedError

    def exists(self, number: int) -> bool:
        """Whether there is such a value."""
        return True

    def is_other(self, number: int) -> bool:
        """Whether the class is that of what nobody names."""
        return False


class _Truths(_Classes):
    size = 2

    def ranges(self, cell: Cell) -> list[Range]:
        return [(int(truth), int(truth) + 1) for truth in cell.truths]

    def example(self, number: int) -> Value:
        return bool(number)


def _numbers(type: InputType, cells: list[Cell]) -> _Classes:
    if type == "double":
        return _Reals(cells)
    return _Wholes(cells, -(2**63), 2**63) if type == "int" else _Wholes(cells, 0, 2**64)


class _Wholes(_Classes):
    """Whole numbers from `low` on, below `end`. A cut is the first number above it."""

    def __init__(self, cells: list[Cell], low: int, end: int) -> None:
        self._low = low
        self._end = end
        cuts = {low}
        for interval in (interval for cell in cells for interval in cell.intervals):
            cuts.update((self._begin(interval), self._stop(interval)))
        cuts.discard(end)
        self._cuts = sorted(cuts)
        self.size = len(self._cuts)

    def _begin(self, interval: Interval) -> int:
        return self._low if interval.low is None else self._cut(interval.low, interval.low_open)

    def _stop(self, interval: Interval) -> int:
        return (
            self._end if interval.high is None else self._cut(interval.high, not interval.high_open)
        )

    def _cut(self, bound: int | float, above: bool) -> int:
        whole = math.floor(bound) + 1 if above else math.ceil(bound)
        return min(max(whole, self._low), self._end)

    def ranges(self, cell: Cell) -> list[Range]:
        return [
            (bisect_left(self._cuts, self._begin(i)), bisect_left(self._cuts, self._stop(i)))
            for i in cell.intervals
        ]

    def example(self, number: int) -> Value:
        if number > 0:
            return self._cuts[number]
        # The lowest class begins at the end of the type; a number beside a bound says more.
        return self._cuts[1] - 1 if self.size > 1 else 0


class _Reals(_Classes):
    """Real numbers. A cut is a bound and whether it lies above it."""

    def __init__(self, cells: list[Cell]) -> None:
        cuts: set[tuple[int | float, bool]] = set()
        for interval in (interval for cell in cells for interval in cell.intervals):
            if interval.low is not None:
                cuts.add((interval.low, interval.low_open))
            if interval.high is not None:
                cuts.add((interval.high, not interval.high_open))
        self._cuts = sorted(cuts)
        self.size = len(self._cuts) + 1

    def ranges(self, cell: Cell) -> list[Range]:
        ranges = []
        for i in cell.intervals:
            begin = 0 if i.low is None else bisect_right(self._cuts, (i.low, i.low_open))
            end = self.size
            if i.high is not None:
                end = bisect_right(self._cuts, (i.high, not i.high_open))
            ranges.append((begin, end))
        return ranges

    def example(self, number: int) -> Value:
        low = self._cuts[number - 1] if number > 0 else None
        high = self._cuts[number] if number < len(self._cuts) else None
        if low is not None and not low[1]:
            return low[0]
        if high is not None and high[1]:
            return high[0]
        if low is None:
            return 0 if high is None else math.ceil(high[0]) - 1
        whole = math.floor(low[0]) + 1
        return whole if high is None or whole < high[0] else (low[0] + high[0]) / 2


class _Texts(_Classes):
    """Class 0 is every other text; then what is named, sorted, a prefix before its own text."""

    def __init__(self, cells: list[Cell]) -> None:
        named = {(text, True) for cell in cells for text in cell.texts}
        named |= {(prefix, False) for cell in cells for prefix in cell.prefixes}
        self._named = sorted(named, key=lambda item: (item[0], item[1]))
        self._numbers = {item: number for number, item in enumerate(self._named, start=1)}
        self.size = len(self._named) + 1

    def ranges(self, cell: Cell) -> list[Range]:
        ranges = [(self._numbers[text, True], self._numbers[text, True] + 1) for text in cell.texts]
        for prefix in cell.prefixes:
            begin = self._numbers[prefix, False]
            end = begin
            while end < self.size and self._named[end - 1][0].startswith(prefix):
                end += 1
            ranges.append((begin, end))
        return ranges

    def exists(self, number: int) -> bool:
        return number > 0 or ("", False) not in self._numbers

    def is_other(self, number: int) -> bool:
        return number == 0

    def example(self, number: int) -> Value:
        text, is_text = self._named[number - 1] if number > 0 else ("", False)
        if is_text:
            return text
        prefix = text
        candidate = prefix + "other"
        count = 0
        while self._class_of(candidate) != number:
            count += 1
            candidate = f"{prefix}{chr(0x7A - count % 26)}{count}"
        return candidate

    def _class_of(self, text: str) -> int:
        if (text, True) in self._numbers:
            return self._numbers[text, True]
        for length in range(len(text), -1, -1):
            if (text[:length], False) in self._numbers:
                return self._numbers[text[:length], False]
        return 0
