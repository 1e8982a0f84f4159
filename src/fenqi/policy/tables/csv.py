"""CSV files beside a policy: rows of decision tables, lookups and lists.

UTF-8, with or without a byte order mark, any line ends; the first record names the columns. A
field in double quotes may hold commas, line ends and doubled quotes.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fenqi.policy.errors import PolicyError, Position, Problem, did_you_mean
from fenqi.policy.tables.cells import CellError, InputType, Value
from fenqi.policy.tables.lookup import (
    EntryError,
    Lookup,
    LookupColumn,
    LookupRow,
    ValueList,
    check_keys,
    parse_digests,
    parse_key,
    parse_list,
)
from fenqi.policy.tables.rows import RowError, RowParser
from fenqi.policy.tables.table import Input, Output, Row, output_value

MOST_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Record:
    """One record; `line` is where it begins, from 1."""

    line: int
    fields: list[str]


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A file that was read; `file` is its name in messages."""

    file: str
    lines: list[str]
    header: Record
    records: list[Record]

    def problem(self, record: Record, field: int | None, offset: int, message: str) -> Problem:
        """A problem at a character of a field, or at the record as a whole."""
        position = Position(self.file, record.line, 1)
        if field is not None:
            position = _position(self, record.line, field, offset)
        line = self.lines[position.line - 1] if position.line <= len(self.lines) else ""
        return Problem(position, message, line)

    def columns(self, names: Sequence[str]) -> list[int]:
        """The place of each named column. Raises PolicyError where one is not there."""
        missing = [name for name in names if name not in self.header.fields]
        if missing:
            raise PolicyError(
                [
                    self.problem(
                        self.header,
                        None,
                        0,
                        f"there is no column {name}{did_you_mean(name, self.header.fields)}",
                    )
                    for name in missing
                ]
            )
        return [self.header.fields.index(name) for name in names]

    def refuse_others(self, names: Sequence[str]) -> None:
        """Raises PolicyError where there is a column besides `names`."""
        problems = [
            self.problem(self.header, i, 0, f"the policy does not speak of a column {field}")
            for i, field in enumerate(self.header.fields)
            if field not in names
        ]
        if problems:
            raise PolicyError(problems)


def read_csv(path: Path, file: str) -> CsvFile:
    """Reads the file at `path`, called `file` in messages.

    Raises PolicyError for what is no such file, OSError for what cannot be read.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        raise PolicyError(
            [Problem(Position(file, line, column), "not UTF-8; save the file in that encoding")]
        ) from error
    lines = text.splitlines()
    records: list[Record] = []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                records.append(Record(line, [field.strip() for field in fields]))
            line = reader.line_num + 1
    except csv.Error as error:
        source = lines[line - 1] if line <= len(lines) else ""
        problem = Problem(Position(file, line, 1), f"not CSV: {error}", source)
        raise PolicyError([problem]) from error
    if not records:
        raise PolicyError([Problem(Position(file, 1, 1), "the first line must name the columns")])
    read = CsvFile(file, lines, records[0], records[1:])
    _check(read)
    return read


def _check(read: CsvFile) -> None:
    names = read.header.fields
    problems = [
        read.problem(read.header, i, 0, f"two columns are called {name}")
        for i, name in enumerate(names)
        if name in names[:i]
    ]
    problems += [
        read.problem(
            record,
            None,
            0,
            f"this line has {len(record.fields)} fields, the first line has {len(names)}",
        )
        for record in read.records
        if len(record.fields) != len(names)
    ]
    if problems:
        raise PolicyError(problems[:MOST_PROBLEMS])


def _position(read: CsvFile, line: int, field: int, offset: int) -> Position:
    """Where character `offset` of a field of the record that begins at `line` stands."""
    row, column, quoted = line - 1, 0, False
    while row < len(read.lines):
        text = read.lines[row]
        while column < len(text) and field > 0:
            quoted ^= text[column] == '"'
            field -= text[column] == "," and not quoted
            column += 1
        if field == 0:
            while column < len(text) and text[column].isspace():
                column += 1
            inside = column + (text[column : column + 1] == '"')
            at = inside + offset
            return Position(read.file, row + 1, (at if at < len(text) else column) + 1)
        row, column = row + 1, 0
    return Position(read.file, line, 1)


def table_rows(read: CsvFile, inputs: Sequence[Input], outputs: Sequence[Output]) -> list[Row]:
    """A decision table's rows; the columns carry the names of its inputs and outputs.

    Raises PolicyError.
    """
    names = [*(column.name for column in inputs), *(column.name for column in outputs)]
    places = read.columns(names)
    read.refuse_others(names)
    parser = RowParser(inputs, outputs)
    rows: list[Row] = []
    problems: list[Problem] = []
    for record in read.records:
        try:
            raw = [record.fields[place] for place in places]
            rows.append(parser.parse(raw, Position(read.file, record.line, 1)))
        except RowError as error:
            field = None if error.column is None else places[error.column]
            problems.append(read.problem(record, field, error.offset, error.message))
    _raise(problems)
    return rows


def lookup(
    read: CsvFile, name: str, key: str, key_type: InputType, columns: Sequence[LookupColumn]
) -> Lookup:
    """A lookup by the column `key`. Other columns of the file are left alone.

    Raises PolicyError.
    """
    key_place, *places = read.columns([key, *(column.name for column in columns)])
    rows: list[LookupRow] = []
    problems: list[Problem] = []
    for record in read.records:
        at = key_place
        try:
            cell = parse_key(record.fields[at], key_type)
            values: list[Value | None] = []
            for at, column in zip(places, columns, strict=True):
                values.append(output_value(record.fields[at], column.type))
            rows.append(LookupRow(cell, tuple(values), Position(read.file, record.line, 1)))
        except CellError as error:
            message = f"{read.header.fields[at]}: {error.message}"
            problems.append(read.problem(record, at, error.offset, message))
    _raise(problems)
    try:
        check_keys(rows)
    except EntryError as error:
        raise PolicyError(
            [read.problem(read.records[error.number], key_place, 0, error.message)]
        ) from error
    return Lookup(name, key_type, tuple(columns), tuple(rows))


def value_list(
    read: CsvFile, name: str, type: InputType, column: str | None, salt: str | None
) -> ValueList:
    """A list from a column, by default the first; hashed where there is a salt.

    Raises PolicyError.
    """
    (place,) = [0] if column is None else read.columns([column])
    entries: Iterator[str] = (record.fields[place] for record in read.records)
    try:
        if salt is not None:
            return ValueList(name, type, parse_list([], type), salt, parse_digests(list(entries)))
        return ValueList(name, type, parse_list(list(entries), type))
    except EntryError as error:
        raise PolicyError(
            [read.problem(read.records[error.number], place, error.offset, error.message)]
        ) from error


def _raise(problems: list[Problem]) -> None:
    if len(problems) > MOST_PROBLEMS:
        rest = len(problems) - MOST_PROBLEMS
        last = problems[MOST_PROBLEMS]
        more = Problem(last.position, f"{last.message} (and {rest - 1} more problems)")
        problems = [*problems[:MOST_PROBLEMS], more]
    if problems:
        raise PolicyError(problems)
