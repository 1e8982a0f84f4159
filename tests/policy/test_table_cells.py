"""Cells of decision tables, as text."""

from __future__ import annotations

import json
import re

import pytest

from fenqi.policy.tables.cells import ANY, Cell, CellError, InputType, Interval, Value, parse_cell
from fenqi.policy.tables.table import output_value, same
from tests.policy.decision_table_cases import read_tables, to_cell
from tests.policy.test_decision_table_conformance import FOLDER

HELD: list[tuple[str, InputType, list[Value], list[Value]]] = [
    ("5", "int", [5], [4, 6]),
    ("= 5", "double", [5.0], [5.1]),
    ("!= 5", "int", [4], [5]),
    ("not 5, 6", "int", [4], [5, 6]),
    ("< 5", "int", [4], [5]),
    ("<= -2.5", "double", [-2.5], [-2.4]),
    ("> 1e3", "int", [1001], [1000]),
    (">=5", "int", [5], [4]),
    ("[18..25)", "int", [18, 24], [17, 25]),
    ("(18..25]", "int", [19, 25], [18, 26]),
    ("]18..25[", "int", [19, 24], [18, 25]),
    ("[ 0.5 .. 1.5 ]", "double", [0.5, 1.5], [0.4, 1.6]),
    ("18..25", "int", [18, 25], [17, 26]),
    ("1.5..2", "double", [1.5, 2.0], [1.4]),
    ("1, 3, > 10", "int", [1, 3, 11], [2, 10]),
    ("1_000_000", "int", [1_000_000], [1]),
    ("+5", "int", [5], [-5]),
    ("true", "bool", [True], [False]),
    ("not true", "bool", [False], [True]),
    ("red", "string", ["red"], ["Red", "red "]),
    ("red, light blue", "string", ["red", "light blue"], ["light"]),
    ('"a, b"', "string", ["a, b"], ["a", "b"]),
    ("'it''s', x", "string", ["it's", "x"], ["its"]),
    ('""', "string", [""], ["a"]),
    ('"not x"', "string", ["not x"], ["x"]),
    ("ab*", "string", ["ab", "abc"], ["a", "b"]),
    ('"a "*', "string", ["a b"], ["ab"]),
    ("not ab*, x", "string", ["a"], ["abc", "x"]),
    ("北京*, 上海", "string", ["北京市", "上海"], ["上海市"]),
    ("notable", "string", ["notable"], ["able"]),
    ("> 9007199254740993", "int", [9007199254740994], [9007199254740993]),
    ("18446744073709551615", "uint", [2**64 - 1], [2**64 - 2]),
]


@pytest.mark.parametrize(("text", "type", "held", "not_held"), HELD)
def test_a_cell_holds_for(
    text: str, type: InputType, held: list[Value], not_held: list[Value]
) -> None:
    cell = parse_cell(text, type)
    assert [value for value in [*held, *not_held] if cell.holds(value)] == held
    assert cell.holds_for_missing(column_names_missing=False) is None
    assert cell.holds_for_missing(column_names_missing=True) is False


@pytest.mark.parametrize("raw", ["", "-", " - ", None])
def test_an_empty_cell_asks_nothing(raw: str | None) -> None:
    cell = parse_cell(raw, "int")
    assert cell == ANY and cell.is_any and cell.holds(1) and cell.holds_for_missing(False)


def test_cells_ask_for_missing() -> None:
    missing = parse_cell("missing", "string")
    assert missing.holds_for_missing(True) and not missing.holds("missing")
    present = parse_cell("not missing", "int")
    assert present.holds_for_missing(True) is False and present.holds(1)
    either = parse_cell("missing, < 3", "int")
    assert either.holds_for_missing(True) and either.holds(2) and not either.holds(3)
    assert parse_cell('"missing"', "string").holds("missing")


@pytest.mark.parametrize(("raw", "type"), [(18, "int"), (0.5, "double"), (True, "bool")])
def test_values_of_yaml_are_cells(raw: Value, type: InputType) -> None:
    assert parse_cell(raw, type).holds(raw)


WRONG: list[tuple[Value, InputType, int, str]] = [
    ("abc", "int", 0, "expected a number, found 'abc'"),
    ("1, x", "int", 3, "expected a number, found 'x'"),
    ("1 2", "int", 2, "expected a comma or the end, found '2'"),
    ("1,, 2", "int", 2, "an alternative is missing here"),
    ("1,", "int", 2, "an alternative is missing here"),
    ("< ", "int", 2, "expected a number"),
    ("[1, 2]", "int", 2, "expected `..` between the bounds"),
    ("[1..2", "int", 5, "a range ends with"),
    ("[2..1]", "int", 0, "runs backward"),
    ("[1..1)", "int", 0, "holds no number"),
    ("< b", "string", 0, "`<` compares numbers; this input is a string"),
    ("yes", "bool", 0, "expected true or false, found 'yes'"),
    ("'abc", "string", 0, "the quote that begins here does not end"),
    ("!= 1, 2", "int", 4, "`!=` stands alone"),
    ("1, != 2", "int", 7, "`!=` stands alone"),
    ("99999999999999999999", "int", 0, "too large for an integer; write it as 1e+20"),
    ("1e999", "double", 0, "too large for a number"),
    (5, "string", 0, "write 5 in quotes"),
]


@pytest.mark.parametrize(("raw", "type", "offset", "message"), WRONG)
def test_a_wrong_cell_says_what_and_where(
    raw: Value, type: InputType, offset: int, message: str
) -> None:
    with pytest.raises(CellError, match=re.escape(message)) as it:
        parse_cell(raw, type)
    assert it.value.offset == offset


@pytest.mark.skipif(not FOLDER.is_dir(), reason=f"there are no cases in {FOLDER}")
def test_cells_mean_what_their_authors_say_they_mean() -> None:
    """`when_text` is the cell in the notation of its source, `when` what it means.

    Zen also joins two comparisons by `and`, which is written as a range here.
    """
    types: dict[str, InputType] = {"number": "double", "string": "string", "boolean": "bool"}
    read = 0
    for table in read_tables(FOLDER):
        for rule in table["rules"]:
            for column, text, when in zip(
                table["inputs"], rule["when_text"], rule["when"], strict=True
            ):
                if column["type"] in types and " and " not in text:
                    parsed = parse_cell(text, types[column["type"]])
                    assert parsed == to_cell(when), json.dumps([table["id"], text, when])
                    read += 1
    assert read > 0


def test_outputs_are_values_of_their_type() -> None:
    assert output_value("A", "string") == "A"
    assert output_value("'a, b'", "string") == "a, b"
    assert output_value("missing", "double") is None
    assert same(output_value("3", "double"), 3.0)
    assert isinstance(output_value(3, "double"), float)
    for wrong, type in (
        ("", "int"),
        (None, "int"),
        ("1..2", "int"),
        ("x", "int"),
        ("not 1", "int"),
    ):
        with pytest.raises(CellError):
            output_value(wrong, type)  # type: ignore[arg-type]
    with pytest.raises(CellError, match=r"1\.5 is no int"):
        output_value("1.5", "int")
    with pytest.raises(CellError, match="-1 is no uint"):
        output_value("-1", "uint")


def test_an_interval_of_one_number_is_a_point() -> None:
    assert Interval(1, 1.0).is_point and not Interval(1, 1, True).is_point
    assert Cell(intervals=(Interval(1, 1),)) == Cell(intervals=(Interval(1.0, 1.0),))
