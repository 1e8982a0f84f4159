"""Gaps, overlaps and dead rows, against trying a value of every stretch of every input."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings

from fenqi.policy.tables.analysis import MOST_OVERLAPS, analyse
from fenqi.policy.tables.cells import InputType, Value
from fenqi.policy.tables.findings import findings
from fenqi.policy.tables.lookup import parse_list
from fenqi.policy.tables.rows import RowParser
from fenqi.policy.tables.table import Hit, Input, Output, Table, rows_that_hold
from tests.policy.random_tables import tables

Column = tuple[str, InputType]


def table(columns: list[Column], *rows: list[Value | None], hit: Hit = "first") -> Table:
    inputs = tuple(Input(name, type) for name, type in columns)
    output = (Output("o", "int"),)
    parser = RowParser(inputs, output)
    return Table("t", hit, inputs, output, tuple(parser.parse([*r, n]) for n, r in enumerate(rows)))


def stretches(table: Table, i: int) -> Iterator[Value | None]:
    """A value of each stretch that some cell could tell from another, of those that there are."""
    type = table.inputs[i].type
    cells = [row.cells[i] for row in table.rows]
    if table.columns_naming_missing()[i]:
        yield None
    if type == "bool":
        yield from (False, True)
    elif type == "string":
        texts = {t for cell in cells for t in (*cell.texts, *cell.prefixes)}
        yield from texts
        yield from (text + "\x00" for text in (*texts, ""))
        yield "\U0010fffd"
    else:
        yield from _numbers({b for c in cells for x in c.intervals for b in (x.low, x.high)}, type)


def _numbers(bounds: set[int | float | None], type: InputType) -> Iterator[Value]:
    known = sorted(bound for bound in bounds if bound is not None)
    low, high = {"int": (-(2**63), 2**63 - 1), "uint": (0, 2**64 - 1)}.get(type, (0, 0))
    if type == "double":
        yield from known
        yield from (-math.inf, math.inf)

        for a, b in itertools.pairwise(known):
            if a != b:
                yield (Fraction(a) + Fraction(b)) / 2  # type: ignore[misc]
        return
    for bound in (*known, low, high):
        for near in (math.floor(bound) + d for d in (-1, 0, 1, 2)):
            if low <= near <= high:
                yield near


@settings(max_examples=300, deadline=None)
@given(tables())
def test_an_analysis_finds_what_trying_everything_finds(table: Table) -> None:
    values = [list(dict.fromkeys(stretches(table, i))) for i in range(len(table.inputs))]
    assume(math.prod(map(len, values)) <= 4000)
    gap = False
    together: set[tuple[int, int]] = set()
    matched: set[int] = set()
    first: set[int] = set()
    for point in itertools.product(*values):
        inputs = {column.name: value for column, value in zip(table.inputs, point, strict=True)}
        certain, _ = rows_that_hold(table, inputs)
        gap |= not certain and None not in point
        together.update(itertools.combinations(certain, 2))
        matched.update(certain)
        first.update(certain[:1])
    found = analyse(table)
    every = set(range(1, len(table.rows) + 1))
    assert bool(found.gaps) == gap
    assert set(found.overlaps) == together and found.overlap_count == len(together)
    assert set(found.never_matched) == every - matched
    assert set(found.never_first) == matched - first
    for example in found.gaps:
        assert None not in example.inputs.values()
        assert rows_that_hold(table, example.inputs) == ([], [])


def test_between_whole_numbers_there_is_no_gap() -> None:
    rows: list[list[Value | None]] = [["<= 5"], [">= 6"]]
    assert not analyse(table([("n", "int")], *rows)).gaps
    (gap,) = analyse(table([("x", "double")], *rows)).gaps
    assert str(gap) == "x = 5.5"


def test_a_gap_has_an_example() -> None:
    bands: list[list[Value | None]] = [["LOW", "< 130"], ["LOW", "> 130"], ["HIGH", "-"]]
    found = analyse(table([("category", "string"), ("score", "int")], *bands))
    assert 'category = "LOW", score = 130' in [str(gap) for gap in found.gaps]
    assert any("any that no row names" in str(gap) for gap in found.gaps)


def test_what_is_not_allowed_is_no_gap() -> None:
    allowed = Input("c", "string", parse_list(["LOW", "HIGH"], "string"))
    output = (Output("o", "int"),)
    parser = RowParser((allowed,), output)
    rows = tuple(parser.parse([cell, 1]) for cell in ("LOW", "HIGH"))
    assert not analyse(Table("t", "first", (allowed,), output, rows)).gaps
    assert analyse(Table("t", "first", (allowed,), output, rows[:1])).gaps
    with pytest.raises(ValueError, match='"LOWW" is not among the allowed values \\(LOW, HIGH\\)'):
        parser.parse(["LOWW", 1])


def test_a_row_that_several_rows_cover_together_is_never_first() -> None:
    found = analyse(table([("n", "int")], ["< 10"], [">= 5"], ["0..20"], ["7"]))
    assert found.never_first == {3: None, 4: 1}


def test_applicants_without_an_input_are_told_apart() -> None:
    found = analyse(table([("n", "int"), ("c", "string")], ["< 5", "a"], ["-", "b"], [">= 5", "-"]))
    assert str(found.missing["n"]) == 'no n, c = "other" (any that no row names)'
    assert str(found.missing["c"]) == "n = 4, no c"
    assert not analyse(table([("n", "int")], ["< 5"], ["-"])).missing


def test_ten_thousand_rows_are_analysed() -> None:
    cuts = ["< 1", "[1..2)", "[2..3)", "[3..4)", "[4..5)", ">= 5"]
    grid = [[*row] for row in itertools.product(cuts, repeat=5)]
    found = analyse(table([(name, "double") for name in "abcde"], *grid, ["-"] * 5))
    assert not found.gaps and not found.gaps_unproven
    assert found.never_first == {len(grid) + 1: None}
    assert found.overlap_count == len(grid) and len(found.overlaps) == MOST_OVERLAPS
    without_one = [row for row in grid if row != ["[1..2)"] * 5]
    found = analyse(table([(name, "double") for name in "abcde"], *without_one))
    assert [str(gap) for gap in found.gaps] == ["a = 1, b = 1, c = 1, d = 1, e = 1"]


def test_work_that_would_not_end_is_given_up_and_said_so() -> None:
    """Rows are clauses of a formula in 200 unknowns, three each: no gap, or one that is hard."""
    chosen = random.Random(3)
    names = [f"x{n}" for n in range(60)]
    rows: list[list[Value | None]] = []
    for _ in range(400):
        row: list[Value | None] = ["-"] * len(names)
        for at in chosen.sample(range(len(names)), 3):
            row[at] = chosen.choice(["true", "false"])
        rows.append(row)
    found = analyse(table([(name, "bool") for name in names], *rows))
    assert found.gaps_unproven or found.gaps


def test_findings_speak_of_rows() -> None:
    unique = table([("n", "int")], ["< 10"], [">= 5"], ["missing"], hit="unique")
    said = [(f.severity, f.message) for f in findings(unique, analyse(unique), complete=True)]
    assert ("error", "row 2 and row 1 hold together") in said
    first = table([("n", "int")], ["< 10"], ["< 5"], ["> 20"])
    said = [(f.severity, f.message) for f in findings(first, analyse(first), complete=True)]
    assert ("error", "no row holds for n = 10") in said
    assert ("warning", "row 2 is never reached: row 1 holds wherever it does") in said
    assert ("info", "without n, no row is sure to hold, as for no n") in said
