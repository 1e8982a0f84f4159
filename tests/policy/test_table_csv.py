"""Tables, lookups and lists from CSV files."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from fenqi.policy.errors import PolicyError
from fenqi.policy.tables import csv
from fenqi.policy.tables.lookup import LookupColumn
from fenqi.policy.tables.table import Input, Output

INPUTS = (Input("age", "int"), Input("city", "string"))
OUTPUTS = (Output("grade", "string"),)


def read(tmp_path: Path, text: str | bytes) -> csv.CsvFile:
    path = tmp_path / "x.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return csv.read_csv(path, "tables/x.csv")


def problems(tmp_path: Path, text: str | bytes) -> list[str]:
    with pytest.raises(PolicyError) as refused:
        csv.table_rows(read(tmp_path, text), INPUTS, OUTPUTS)
    return [str(problem).split("\n")[0] for problem in refused.value.problems]


def test_columns_stand_in_any_order_and_line_ends_do_not_matter(tmp_path: Path) -> None:
    text = '\ufeffgrade,city,age\r\nA,"Paris, ""Lyon*""",>= 18\r\n\r\n"B",-,-\r\n'
    rows = csv.table_rows(read(tmp_path, text), INPUTS, OUTPUTS)
    assert [row.values for row in rows] == [("A",), ("B",)]
    assert rows[0].cells[1].texts == ("Paris", "Lyon*")
    assert [row.position.line for row in rows if row.position] == [2, 4]


def test_a_wrong_cell_has_file_line_and_column(tmp_path: Path) -> None:
    text = 'age,city,grade\n18,-,A\n"[1..2, 5",x,B\n  <,"y\nz",C\n3,-,\n'
    assert problems(tmp_path, text) == [
        "tables/x.csv:3:7: age: a range ends with ] (its bound inside) or ) (outside)",
        "tables/x.csv:4:4: age: expected a number, found ''",
        "tables/x.csv:6:5: grade: a value is wanted here; write `missing` where the row gives none",
    ]


def test_columns_must_be_those_of_the_table(tmp_path: Path) -> None:
    assert problems(tmp_path, "age,cty,grade\n") == [
        "tables/x.csv:1:1: there is no column city; did you mean `cty`?"
    ]
    assert problems(tmp_path, "age,city,grade,note\n1,2,3,4\n") == [
        "tables/x.csv:1:16: the policy does not speak of a column note"
    ]
    assert problems(tmp_path, "age,age,grade\n") == ["tables/x.csv:1:5: two columns are called age"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"", "tables/x.csv:1:1: the first line must name the columns"),
        (b"age\n1,2\n", "tables/x.csv:2:1: this line has 2 fields, the first line has 1"),
        (b"age\n\xff\n", "tables/x.csv:2:1: not UTF-8; save the file in that encoding"),
        (b'age\n"1\n', "tables/x.csv:2:1: not CSV: unexpected end of data"),
    ],
)
def test_what_is_no_csv_file_is_refused(tmp_path: Path, text: bytes, message: str) -> None:
    assert problems(tmp_path, text) == [message]


def test_a_flood_of_problems_is_cut(tmp_path: Path) -> None:
    found = problems(tmp_path, "age,city,grade\n" + "x,-,A\n" * 100)
    assert len(found) == 21
    assert found[-1].endswith("(and 79 more problems)")


def test_a_key_that_is_there_twice_and_ranges_that_overlap_are_refused(tmp_path: Path) -> None:
    columns = [LookupColumn("v", "int")]
    with pytest.raises(PolicyError, match=r"tables/x.csv:3:1: the key a is there twice"):
        csv.lookup(read(tmp_path, "k,v\na,1\na,2\n"), "l", "k", "string", columns)
    with pytest.raises(PolicyError, match=r"x.csv:4:1: the ranges 5\.\.9 and \[1\.\.5\] overlap"):
        csv.lookup(read(tmp_path, "k,v\n1..5,1\n7,2\n5..9,2\n"), "l", "k", "int", columns)
    csv.lookup(read(tmp_path, "k,v\n[1..5),1\n5..9,2\n7,3\n*,4\n"), "l", "k", "int", columns)


def test_entries_of_lists_are_taken_as_they_stand(tmp_path: Path) -> None:
    text = 'name\n"Smith, John"\n< 5\nmissing\nab*\n"""x*"""\n'
    entries = csv.value_list(read(tmp_path, text), "l", "string", None, None)
    assert entries.values.texts == ("Smith, John", "< 5", "missing", "x*")
    assert entries.values.prefixes == ("ab",)


def test_a_hashed_list_holds_digests_only(tmp_path: Path) -> None:
    digest = hashlib.sha256(b"saltCustomer 1").hexdigest()
    entries = csv.value_list(read(tmp_path, f"id\n{digest}\n"), "l", "string", "id", "salt")
    assert entries.holds("Customer 1") and not entries.holds("Customer 2")
    with pytest.raises(PolicyError, match="2:1: an entry of a hashed list is a SHA-256"):
        csv.value_list(read(tmp_path, "id\nCustomer 1\n"), "l", "string", "id", "salt")
