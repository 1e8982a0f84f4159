"""What is wrong with a decision table: gaps, overlaps, rows that never match or are never first.

Rows are bits of Python's integers; an input's values are classes (axis.py), each with the rows that
hold there. Overlaps and rows that never match follow from each input by itself. Whether something
is left uncovered is searched for, input by input, in the classes that the rows still in play tell
apart; equal sets of rows are searched once. That is hard in the worst case (it is the complement
of satisfiability), so the work is bounded, and what was not settled within the bound is said to be
unproven.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from fenqi.policy.tables.axis import Axis, Range, axes_of
from fenqi.policy.tables.cells import Value
from fenqi.policy.tables.table import Inputs, Table

MOST_OVERLAPS = 1000
MOST_GAPS = 3
# Intersections of sets of rows in one search (for gaps, for rows that are never first, for missing
# inputs): a second or two.
MOST_WORK = 500_000
# Of these, for one row's never being first, and for one missing input.
MOST_WORK_FOR_ONE = 50_000
# Bits that the sets of rows of all classes may take.
MOST_BITS = 2**30


@dataclass(frozen=True, slots=True)
class Uncovered:
    """An example of inputs for which no row holds. `others`: texts that stand for any other."""

    inputs: Inputs
    others: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return ", ".join(
            _shown(name, value, name in self.others) for name, value in self.inputs.items()
        )


def _shown(name: str, value: Value | None, is_other: bool) -> str:
    if value is None:
        return f"no {name}"
    if isinstance(value, bool):
        return f"{name} = {str(value).lower()}"
    if isinstance(value, str):
        return f'{name} = "{value}"' + (" (any that no row names)" if is_other else "")
    return f"{name} = {value!r}"


@dataclass(slots=True)
class Analysis:
    """What was found; rows count from 1."""

    # Examples of inputs that are all there, for which no row holds; at most MOST_GAPS.
    gaps: list[Uncovered] = field(default_factory=list)
    gaps_unproven: bool = False
    # Pairs of rows that hold together, the first MOST_OVERLAPS of `overlap_count`.
    overlaps: list[tuple[int, int]] = field(default_factory=list)
    overlap_count: int = 0
    never_matched: list[int] = field(default_factory=list)
    # Rows before which another one always holds: with the one that does, or None where only
    # several together do.
    never_first: dict[int, int | None] = field(default_factory=dict)
    never_first_unproven: list[int] = field(default_factory=list)
    # For inputs without which some applicants match no row: one of these.
    missing: dict[str, Uncovered] = field(default_factory=dict)
    missing_unproven: list[str] = field(default_factory=list)
    # The table is too large for anything but `never_matched`.
    too_large: bool = False


def analyse(table: Table) -> Analysis:
    """Everything that can be said of the table before any applicant comes."""
    axes = axes_of(table)
    found = Analysis()
    found.never_matched = [
        row + 1 for row in range(len(table.rows)) if any(not axis.ranges[row] for axis in axes)
    ]
    if sum(axis.size for axis in axes) * len(table.rows) > MOST_BITS:
        found.too_large = True
        return found
    space = _Space(axes, len(table.rows))
    _find_overlaps(space, found)
    _find_gaps(space, found)
    _find_never_first(space, found)
    _find_missing(table, space, found)
    return found


def _find_overlaps(space: _Space, found: Analysis) -> None:
    for row in range(space.rows):
        later = space.sharing[row] >> (row + 1)
        found.overlap_count += later.bit_count()
        for other in _bits(later):
            if len(found.overlaps) == MOST_OVERLAPS:
                break
            found.overlaps.append((row + 1, row + other + 2))


def _find_gaps(space: _Space, found: Analysis) -> None:
    search = _Search(space, _everywhere(space), MOST_WORK)
    for hole in search.holes(space.every_row):
        found.gaps.append(space.uncovered(hole))
        if len(found.gaps) == MOST_GAPS:
            break
    found.gaps_unproven = search.gave_up and not found.gaps


def _find_never_first(space: _Space, found: Analysis) -> None:
    impossible = set(found.never_matched)
    work_left = MOST_WORK
    for row in range(space.rows):
        earlier = space.sharing[row] & ((1 << row) - 1)
        if not earlier or row + 1 in impossible:
            continue
        if covering := space.covering[row] & earlier:
            found.never_first[row + 1] = next(_bits(covering)) + 1
            continue
        region = [axis.ranges[row] for axis in space.axes]
        search = _Search(space, region, min(MOST_WORK_FOR_ONE, work_left))
        hole = next(search.holes(earlier), None)
        work_left -= search.work
        if hole is None and not search.gave_up:
            found.never_first[row + 1] = None
        elif hole is None:
            found.never_first_unproven.append(row + 1)


def _find_missing(table: Table, space: _Space, found: Analysis) -> None:
    """For each input that rows ask of: applicants without it, all else being there."""
    work_left = MOST_WORK
    for i, axis in enumerate(space.axes):
        cells = [row.cells[i] for row in table.rows]
        if all(cell.is_any for cell in cells):
            continue
        holding = 0
        for number, cell in enumerate(cells):
            if cell.holds_for_missing(axis.has_missing):
                holding |= 1 << number
        most = min(MOST_WORK_FOR_ONE, work_left)
        search = _Search(space, _everywhere(space), most, leave_out=i)
        hole = next(search.holes(holding), None)
        work_left -= search.work
        if hole is not None:
            found.missing[axis.name] = space.uncovered(hole, missing=i)
        elif search.gave_up:
            found.missing_unproven.append(axis.name)


def _everywhere(space: _Space) -> list[tuple[Range, ...]]:
    """All values that are there."""
    return [((0, axis.present),) if axis.present else () for axis in space.axes]


def _bits(mask: int) -> Iterator[int]:
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


class _Space:
    """The rows at each class of each input."""

    def __init__(self, axes: Sequence[Axis], rows: int) -> None:
        self.axes = axes
        self.rows = rows
        self.every_row = (1 << rows) - 1
        self._columns: list[_Column] = []
        # For each row the rows, itself among them, that hold for something that it holds for, and
        # those that hold for all of it.
        self.sharing = [self.every_row] * rows
        self.covering = [self.every_row] * rows
        for axis in axes:
            column = _Column(axis, rows)
            for row, ranges in enumerate(axis.ranges):
                self.sharing[row] &= column.sharing[ranges]
                self.covering[row] &= column.covering[ranges]
            self._columns.append(column)

    def at(self, axis: int, number: int) -> int:
        """The rows that hold in a class."""
        return self._columns[axis].at[number]

    def filling(self, axis: int, region: tuple[Range, ...]) -> int:
        """The rows that hold for all of a region of one input: a row's, or all that is there."""
        column = self._columns[axis]
        if (known := column.covering.get(region)) is None:
            known = self.every_row
            for begin, end in region:
                for rows in column.at[begin:end]:
                    known &= rows
            column.covering[region] = known
        return known

    def uncovered(self, hole: dict[int, int], missing: int | None = None) -> Uncovered:
        """An example from classes."""
        inputs: dict[str, Value | None] = {}
        others = set()
        for i, axis in enumerate(self.axes):
            if i == missing or hole[i] >= axis.present:
                inputs[axis.name] = None
            else:
                inputs[axis.name] = axis.example(hole[i])
                if axis.is_other(hole[i]):
                    others.add(axis.name)
        return Uncovered(inputs, frozenset(others))


class _Column:
    """One input's rows by class, and for what each cell holds for, the rows there."""

    def __init__(self, axis: Axis, rows: int) -> None:
        begins: list[int] = [0] * (axis.size + 1)
        ends: list[int] = [0] * (axis.size + 1)
        members: dict[tuple[Range, ...], int] = {}
        for row, ranges in enumerate(axis.ranges):
            members[ranges] = members.get(ranges, 0) | 1 << row
        for ranges, mask in members.items():
            for begin, end in ranges:
                begins[begin] |= mask
                ends[end] |= mask
        self.at: list[int] = []
        now = 0
        for begin, end in zip(begins[: axis.size], ends[: axis.size], strict=True):
            now = now & ~end | begin
            self.at.append(now)
        unions = _tree(self.at, lambda a, b: a | b)
        intersections = _tree(self.at, lambda a, b: a & b)
        # Of each row's ranges the rows that hold somewhere in them, and everywhere in them.
        self.sharing: dict[tuple[Range, ...], int] = {}
        self.covering: dict[tuple[Range, ...], int] = {}
        for ranges in members:
            somewhere, everywhere = 0, (1 << rows) - 1
            for begin, end in ranges:
                for node in _cover(len(self.at), begin, end):
                    somewhere |= unions[node]
                    everywhere &= intersections[node]
            self.sharing[ranges] = somewhere
            self.covering[ranges] = everywhere


def _tree(leaves: Sequence[int], join: Callable[[int, int], int]) -> list[int]:
    """A segment tree: node i joins 2 i and 2 i + 1, leaves stand from len(leaves) on."""
    count = len(leaves)
    nodes = [0] * count + list(leaves)
    for i in range(count - 1, 0, -1):
        nodes[i] = join(nodes[2 * i], nodes[2 * i + 1])
    return nodes


def _cover(count: int, begin: int, end: int) -> Iterator[int]:
    """The nodes of a tree of `count` leaves that together are leaves begin .. end - 1."""
    low, high = begin + count, end + count
    while low < high:
        if low & 1:
            yield low
            low += 1
        if high & 1:
            high -= 1
            yield high
        low >>= 1
        high >>= 1


class _Search:
    """Looks for a point of a region at which none of some rows holds, with at most `most` work."""

    def __init__(
        self,
        space: _Space,
        region: Sequence[tuple[Range, ...]],
        most: int,
        leave_out: int | None = None,
    ) -> None:
        self._space = space
        self._region = region
        self._most = most
        self.work = 0
        axes = [i for i in range(len(space.axes)) if i != leave_out]
        # Few classes first: the sets of rows become small before there are many of them.
        self._order = sorted(axes, key=lambda i: sum(end - begin for begin, end in region[i]))
        self._filling = [space.every_row]
        for i in reversed(self._order):
            self._filling.append(self._filling[-1] & space.filling(i, region[i]))
        # At depth d: the rows that hold in all of the region of the inputs from the d-th on.
        self._filling.reverse()
        self._covered: set[tuple[int, int]] = set()

    @property
    def gave_up(self) -> bool:
        """Whether the work was not enough."""
        return self.work > self._most

    def holes(self, rows: int) -> Iterator[dict[int, int]]:
        """Points, as a class for each input, at which none of `rows` holds."""
        if any(not ranges for ranges in self._region):
            return
        if rows & self._filling[0]:
            return
        yield from self._below(rows, 0)

    def _below(self, rows: int, depth: int) -> Iterator[dict[int, int]]:
        if not rows:
            yield {i: self._region[i][0][0] for i in self._order[depth:]}
            return
        if depth == len(self._order):
            return
        axis = self._order[depth]
        parts: dict[int, int] = {}
        for number in self._candidates(axis, rows):
            self.work += 1
            if self.gave_up:
                return
            parts.setdefault(rows & self._space.at(axis, number), number)
        # Where few rows are left, a hole is near.
        for part in sorted(parts, key=int.bit_count):
            if self.gave_up:
                return
            if part & self._filling[depth + 1] or (depth, part) in self._covered:
                continue
            is_covered = True
            for hole in self._below(part, depth + 1):
                is_covered = False
                yield {axis: parts[part], **hole}
            if is_covered and not self.gave_up:
                self._covered.add((depth, part))

    def _candidates(self, axis: int, rows: int) -> Iterator[int]:
        """A class from each stretch of the region that `rows` do not tell apart."""
        region = self._region[axis]
        size = sum(end - begin for begin, end in region)
        if 4 * rows.bit_count() >= size:
            for begin, end in region:
                yield from range(begin, end)
            return
        bounds = {
            bound for row in _bits(rows) for r in self._space.axes[axis].ranges[row] for bound in r
        }
        for begin, end in region:
            yield begin
            yield from (bound for bound in bounds if begin < bound < end)
