"""What a person is told of a table's answer."""

from __future__ import annotations

from fenqi.policy.tables.explain import explain
from fenqi.policy.tables.rows import RowParser
from fenqi.policy.tables.table import Hit, Input, Output, Table

INPUTS = (Input("age", "int"), Input("city", "string"))


def table(hit: Hit) -> Table:
    outputs = (Output("grade", "string", ("A", "B") if hit == "priority" else ()),)
    parser = RowParser(INPUTS, outputs)
    rows = (["< 18", "-", "B"], [">= 18", "Paris, Rome", "B"], ["-", "not Rome", "A"])
    return Table("t", hit, INPUTS, outputs, tuple(parser.parse(row) for row in rows))


def test_each_row_above_says_which_cell_failed() -> None:
    told = explain(table("first"), {"age": 20, "city": "Oslo"})
    assert told.found == 3
    assert [str(reason) for reason in told.reasons] == [
        "row 1 does not hold: age is 20, the row asks < 18",
        'row 2 does not hold: city is "Oslo", the row asks Paris, Rome',
        "row 3 holds",
    ]


def test_rows_below_the_one_that_holds_do_not_matter() -> None:
    told = explain(table("first"), {"age": 3, "city": "Oslo"})
    assert [str(reason) for reason in told.reasons] == ["row 1 holds"]


def test_the_most_preferred_row_comes_first() -> None:
    told = explain(table("priority"), {"age": 3, "city": "Rome"})
    assert [str(reason) for reason in told.reasons] == [
        'row 3 does not hold: city is "Rome", the row asks not Rome',
        "row 1 holds",
    ]


def test_a_missing_input_is_said_to_leave_it_open() -> None:
    told = explain(table("first"), {"city": "Oslo"})
    assert told.found is None
    assert str(told.reasons[0]) == "row 1 may hold: age is missing, the row asks < 18"
    # Row 2 fails for the city, whatever the age is.
    assert str(told.reasons[1]) == 'row 2 does not hold: city is "Oslo", the row asks Paris, Rome'


def test_rows_that_hold_together_are_named() -> None:
    told = explain(table("unique"), {"age": 3, "city": "Oslo"})
    assert told.found is None and told.several == [1, 3]
