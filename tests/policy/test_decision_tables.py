"""Decision tables: the core's index against a scan in Python, and what each hit policy means."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi import _native
from fenqi.policy.tables.cells import Value
from fenqi.policy.tables.image import table_image
from fenqi.policy.tables.index import index_problem
from fenqi.policy.tables.rows import RowParser
from fenqi.policy.tables.table import (
    Aggregate,
    Hit,
    Input,
    Output,
    SeveralRows,
    Table,
    evaluate,
    find,
    rows_that_hold,
)
from fenqi.v1 import scoring_pb2
from tests.policy.random_tables import inputs_of, tables
from tests.policy.table_release import Fragment


def index(table: Table) -> _native.DecisionTable:
    everything = range(len(table.inputs))
    return _native.DecisionTable(table_image(table, everything, everything).SerializeToString())


def in_order(table: Table, inputs: Mapping[str, Value | None]) -> list[Value | None]:
    return [inputs.get(column.name) for column in table.inputs]


def outcome(table: Table, inputs: Mapping[str, Value | None]) -> object:
    try:
        return find(table, inputs)
    except SeveralRows:
        return SeveralRows


def indexed_outcome(
    table: Table, built: _native.DecisionTable, inputs: Mapping[str, Value | None]
) -> object:
    try:
        return built.find(in_order(table, inputs))
    except ValueError:
        return SeveralRows


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_the_index_finds_what_a_scan_finds(data: st.DataObject) -> None:
    table = data.draw(tables())
    built = index(table)
    for inputs in data.draw(st.lists(inputs_of(table), min_size=1, max_size=6)):
        assert indexed_outcome(table, built, inputs) == outcome(table, inputs)
        certain, possible = rows_that_hold(table, inputs)
        held = built.rows(in_order(table, inputs))
        assert (held is None) == bool(possible)
        assert held is None or sorted(held) == certain


@pytest.mark.parametrize("rows", [511, 512, 513, 3000, 40_000])
def test_rows_far_down_are_found(rows: int) -> None:
    """Blocks of 512 rows, words of 64 blocks: the seams between them."""
    chosen = random.Random(rows)
    inputs = (Input("a", "int"), Input("b", "string"), Input("c", "double"))
    parser = RowParser(inputs, (Output("o", "int"),))
    parsed = [
        parser.parse(
            [
                chosen.choice(["-", f"[{n % 97}..{n % 97 + 5})"]),
                chosen.choice(["-", f"p{n % 50}*", f"p{n % 11}"]),
                chosen.choice(["-", f">= {n % 23}", f"< {n % 19}"]),
                n,
            ]
        )
        for n in range(rows)
    ]
    parsed.append(parser.parse(["1_000_000", "-", "-", rows]))
    table = Table("t", "first", inputs, (Output("o", "int"),), tuple(parsed))
    built = index(table)
    last: dict[str, Value | None] = {"a": 1_000_000, "b": "q", "c": float("nan")}
    assert indexed_outcome(table, built, last) == outcome(table, last)
    for _ in range(4):
        inputs_now: dict[str, Value | None] = {
            "a": chosen.randrange(110),
            "b": f"p{chosen.randrange(60)}",
            "c": chosen.choice([None, float(chosen.randrange(25))]),
        }
        assert indexed_outcome(table, built, inputs_now) == outcome(table, inputs_now)
        held = built.rows(in_order(table, inputs_now))
        certain, possible = rows_that_hold(table, inputs_now)
        assert held == (None if possible else certain)


# How an input of each type reaches a table in a release, and back.
EXPRESSIONS = {
    "bool": 'application.signals["{}"] > 0.0',
    "int": 'int(application.text_signals["{}"])',
    "uint": 'uint(application.text_signals["{}"])',
    "double": 'application.signals["{}"]',
    "string": 'application.text_signals["{}"]',
}


def request_of(table: Table, inputs: Mapping[str, Value | None]) -> scoring_pb2.ScoreRequest:
    request = scoring_pb2.ScoreRequest()
    for column in table.inputs:
        value = inputs[column.name]
        if value is None:
            continue
        if column.type in ("bool", "double"):
            request.application.signals[column.name] = float(value)
        else:
            request.application.text_signals[column.name] = str(value)
    return request


def is_sendable(value: Value | None) -> bool:
    """A request holds finite numbers only."""
    return not isinstance(value, float) or math.isfinite(value)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_release_says_what_the_definition_says(data: st.DataObject) -> None:
    table = data.draw(tables())
    fragment = Fragment()
    fragment.table(table, {i.name: EXPRESSIONS[i.type].format(i.name) for i in table.inputs})
    for inputs in data.draw(st.lists(inputs_of(table), min_size=1, max_size=4)):
        if not all(map(is_sendable, inputs.values())):
            continue
        said = fragment.trace(request_of(table, inputs))["tables.t.o"]
        try:
            expected = evaluate(table, inputs)["o"]
        except SeveralRows:
            assert "more than one row of the table holds at t:1:1 (table t)" in str(said)
        except OverflowError:
            assert "overflow at t:1:1 (table t)" in str(said)
        else:
            assert said == expected


@pytest.mark.parametrize("aggregate", ["none", "sum", "min", "max", "count"])
def test_a_table_without_rows_says_nothing(aggregate: Aggregate) -> None:
    fragment = Fragment()
    table = Table("t", "collect", (Input("a", "int"),), (Output("o", "int"),), (), aggregate)
    fragment.table(table, {"a": "1"})
    trace = fragment.trace(scoring_pb2.ScoreRequest())
    assert trace["tables.t.o"] is None and trace["tables.t.rows"] == []


def test_lists_of_a_table_are_lists_in_expressions() -> None:
    fragment = Fragment()
    table = grades("rule_order", [">= 18", "-", 10], [">= 60", "-", 30], [">= 50", "-", 20])
    fragment.table(table, {"age": 'int(application.signals["age"])', "city": "'x'"})
    fragment.feature("most", "tables.g.points[size(tables.g.points) - 1]")
    fragment.feature("some", "tables.g.points.exists(p, p > 25)")
    fragment.feature("twenty", "20 in tables.g.points && size(tables.g.rows) == 2")
    request = scoring_pb2.ScoreRequest()
    request.application.signals["age"] = 55
    trace = fragment.trace(request)
    assert trace["tables.g.points"] == [10, 20] and trace["tables.g.rows"] == [1, 3]
    assert (trace["most"], trace["some"], trace["twenty"]) == (20, False, True)


def grades(hit: Hit, *rows: list[Value | None], aggregate: Aggregate = "none") -> Table:
    inputs = (Input("age", "int"), Input("city", "string"))
    output = Output(
        "points", "int", (30, 20, 10) if hit in ("priority", "output_order") else (), default=-1
    )
    parser = RowParser(inputs, (output,))
    return Table("g", hit, inputs, (output,), tuple(map(parser.parse, rows)), aggregate)


def points(table: Table, **inputs: Value | None) -> object:
    assert indexed_outcome(table, index(table), inputs) == outcome(table, inputs)
    return evaluate(table, inputs)["points"]


def test_first_takes_the_topmost_row_and_unique_allows_one() -> None:
    rows: list[list[Value | None]] = [[">= 18", "-", 10], [">= 60", "-", 20]]
    assert points(grades("first", *rows), age=70) == 10
    with pytest.raises(SeveralRows, match="rows 1, 2 hold"):
        points(grades("unique", *rows), age=70)
    assert points(grades("unique", *rows), age=20) == 10


def test_any_allows_rows_that_agree() -> None:
    agreeing = grades("any", [">= 18", "-", 10], [">= 60", "-", 10])
    assert points(agreeing, age=70) == 10
    with pytest.raises(SeveralRows):
        points(grades("any", [">= 18", "-", 10], [">= 60", "-", 20]), age=70)


def test_priority_takes_the_best_value_and_output_order_lists_from_it_on() -> None:
    rows: list[list[Value | None]] = [[">= 18", "-", 10], [">= 60", "-", 30], [">= 50", "-", 20]]
    assert points(grades("priority", *rows), age=70) == 30
    assert points(grades("output_order", *rows), age=70) == [30, 20, 10]
    assert points(grades("rule_order", *rows), age=70) == [10, 30, 20]


@pytest.mark.parametrize(
    ("aggregate", "expected"), [("sum", 60), ("min", 10), ("max", 30), ("count", 3)]
)
def test_collect_puts_the_rows_together(aggregate: Aggregate, expected: int) -> None:
    rows: list[list[Value | None]] = [[">= 18", "-", 10], [">= 60", "-", 30], [">= 50", "-", 20]]
    assert points(grades("collect", *rows, aggregate=aggregate), age=70) == expected


def test_without_a_row_the_default_stands() -> None:
    assert points(grades("first", [">= 18", "-", 10]), age=3) == -1
    assert points(grades("collect", [">= 18", "-", 10], aggregate="count"), age=3) == -1


def test_a_row_that_a_missing_input_leaves_open_makes_the_result_missing() -> None:
    table = grades("first", [">= 18", "Paris", 10], ["-", "Rome", 20], ["-", "-", 30])
    assert points(table, city="Paris") is None
    assert points(table, city="Rome") == 20  # row 1 fails whatever the age is
    assert points(table, age=3) is None  # row 2 may hold
    assert points(grades("unique", ["-", "Rome", 20], ["-", "Paris", 30]), age=3) is None


def test_a_column_that_speaks_of_missing_decides_it() -> None:
    table = grades("unique", ["< 18", "-", 10], [">= 18", "-", 20], ["missing", "-", 30])
    assert points(table, city="Rome") == 30
    assert points(table, age=18) == 20
    assert points(grades("first", ["not missing", "-", 10], ["-", "-", 20])) == 20


def test_nan_satisfies_no_constraint() -> None:
    inputs = (Input("x", "double"),)
    output = Output("points", "int")
    for cell, holds in (("not 5", False), ("> 1", False), ("-", True), ("not missing", True)):
        row = RowParser(inputs, (output,)).parse([cell, 1])
        table = Table("t", "first", inputs, (output,), (row,))
        assert points(table, x=float("nan")) == (1 if holds else None)


def test_a_table_whose_index_would_be_too_large_is_refused() -> None:
    inputs = tuple(Input(f"i{n}", "int") for n in range(3))
    parser = RowParser(inputs, (Output("o", "int"),))
    chosen = random.Random(1)
    rows = [
        parser.parse([f">= {chosen.randrange(2**40)}" for _ in inputs] + [n]) for n in range(60_000)
    ]
    table = Table("huge", "first", inputs, (Output("o", "int"),), tuple(rows))
    assert index_problem(table) == (
        "table huge: its index would take more than 64 MiB; split the table"
    )
    assert index_problem(grades("first", ["-", "-", 1])) is None
