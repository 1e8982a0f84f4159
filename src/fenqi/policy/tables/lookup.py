"""Lookups and lists as they were written, and what they say, found by going through them.

A lookup takes a key to the values of one row: of the row that names the key, else of the one with
the longest prefix that fits, else of the one whose range holds it, else of the row `*`.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from fenqi.policy.errors import Position
from fenqi.policy.tables.cells import Cell, CellError, InputType, Interval, Value, parse_entry


@dataclass(frozen=True, slots=True)
class LookupColumn:
    """A column of values of one type."""

    name: str
    type: InputType


@dataclass(frozen=True, slots=True)
class LookupRow:
    """A key and a value for each column; None: there is none."""

    key: Cell
    values: tuple[Value | None, ...]
    position: Position | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Lookup:
    """From a key of `key_type` to typed columns."""

    name: str
    key_type: InputType
    columns: tuple[LookupColumn, ...]
    rows: tuple[LookupRow, ...]

    def expression_type(self, column: LookupColumn) -> str:
        """The type of `lookups.<name>.<column>` in expressions; CEL has no maps by double."""
        return f"map({'dyn' if self.key_type == 'double' else self.key_type}, {column.type})"

    def row_of(self, key: Value) -> LookupRow | None:
        """The most specific row that holds `key`."""
        holding = [row for row in self.rows if is_other(row.key) or row.key.holds(key)]
        return max(holding, key=lambda row: specificity(row.key), default=None)

    def find(self, key: Value, column: str) -> Value | None:
        """What `column` says for `key`; None where no row is for it."""
        row = self.row_of(key)
        return None if row is None else row.values[[c.name for c in self.columns].index(column)]


@dataclass(frozen=True, eq=False, slots=True)
class ValueList:
    """The right side of `x in lists.name`.

    `salt`: None for a list of `values`. Otherwise `digests` holds the SHA-256 of the salt followed
    by each string, all in UTF-8.
    """

    name: str
    type: InputType
    values: Cell
    salt: str | None = None
    digests: frozenset[bytes] = frozenset()

    def holds(self, value: Value) -> bool:
        """Whether `value` is in the list."""
        if self.salt is None:
            return self.values.holds(value)
        return hashlib.sha256((self.salt + str(value)).encode()).digest() in self.digests


class EntryError(ValueError):
    """An entry of a lookup or list that cannot stand; `number` counts entries from 0."""

    def __init__(self, number: int, offset: int, message: str) -> None:
        super().__init__(message)
        self.number = number
        self.offset = offset
        self.message = message


def parse_key(raw: Value | None, type: InputType) -> Cell:
    """A lookup's key: an entry as in a list, or `*` for all others. Raises CellError."""
    if isinstance(raw, str) and raw.strip() == "*":
        return OTHER
    return parse_entry(raw, type)


OTHER = Cell(prefixes=("",), text="*")


def is_other(key: Cell) -> bool:
    """Whether the key is `*`."""
    return key.prefixes == ("",)


def specificity(key: Cell) -> tuple[int, int]:
    """Greater for a key that goes before another where both hold."""
    if is_other(key):
        return 0, 0
    if key.prefixes:
        return 2, len(key.prefixes[0].encode())
    if key.intervals and not key.intervals[0].is_point:
        return 1, 0
    return 3, 0


def check_keys(rows: Sequence[LookupRow]) -> None:
    """Raises EntryError where a key is there twice or two ranges overlap."""
    seen: dict[Cell, int] = {}
    for number, row in enumerate(rows):
        first = seen.setdefault(row.key, number)
        if first != number:
            raise EntryError(number, 0, f"the key {row.key.text} is there twice")
    ranges = [
        (row.key.intervals[0], number)
        for number, row in enumerate(rows)
        if row.key.intervals and not row.key.intervals[0].is_point
    ]
    ranges.sort(key=lambda entry: _low_end(entry[0]))
    for (below, _), (above, number) in itertools.pairwise(ranges):
        if _overlap(below, above):
            raise EntryError(
                number, 0, f"the ranges {rows[number].key.text} and {below_text(below)} overlap"
            )


def below_text(interval: Interval) -> str:
    """`[1..2)`."""
    low = "" if interval.low is None else interval.low
    high = "" if interval.high is None else interval.high
    return f"{'(' if interval.low_open else '['}{low}..{high}{')' if interval.high_open else ']'}"


def _low_end(interval: Interval) -> tuple[float | int, bool]:
    return -math.inf if interval.low is None else interval.low, interval.low_open


def _overlap(below: Interval, above: Interval) -> bool:
    """Whether two ranges share a number, where `below` begins first."""
    if below.high is None or above.low is None:
        return True
    if above.low == below.high:
        return not above.low_open and not below.high_open
    return above.low < below.high


def parse_list(raw: Sequence[Value | None], type: InputType) -> Cell:
    """A list's entries, or what an input's `allowed` says: values, prefixes, ranges.

    Raises EntryError.
    """
    intervals: list[Interval] = []
    texts: dict[str, None] = {}
    truths: dict[bool, None] = {}
    prefixes: dict[str, None] = {}
    written: list[str] = []
    for number, entry in enumerate(raw):
        try:
            cell = parse_entry(entry, type)
        except CellError as error:
            raise EntryError(number, error.offset, error.message) from error
        if cell.prefixes == ("",):
            raise EntryError(number, 0, "`*` alone holds every text; name a beginning: ab*")
        written.append(cell.text)
        intervals += cell.intervals
        texts.update(dict.fromkeys(cell.texts))
        truths.update(dict.fromkeys(cell.truths))
        prefixes.update(dict.fromkeys(cell.prefixes))
    return Cell(
        tuple(intervals), tuple(texts), tuple(prefixes), tuple(truths), text=", ".join(written[:20])
    )


def parse_digests(raw: Sequence[Value | None]) -> frozenset[bytes]:
    """A hashed list's entries: SHA-256 in hexadecimal. Raises EntryError."""
    digests = set()
    for number, entry in enumerate(raw):
        try:
            digest = bytes.fromhex(str(entry))
        except ValueError:
            digest = b""
        if len(digest) != hashlib.sha256().digest_size:
            raise EntryError(
                number, 0, "an entry of a hashed list is a SHA-256: 64 hexadecimal digits"
            )
        digests.add(digest)
    return frozenset(digests)
