"""Why a table said what it said: the row that holds, and why each row above it does not."""

from __future__ import annotations

from dataclasses import dataclass

from fenqi.policy.tables.cells import Value
from fenqi.policy.tables.table import (
    SINGLE,
    Inputs,
    SeveralRows,
    Table,
    find,
    rows_that_hold,
)


@dataclass(frozen=True, slots=True)
class RowReason:
    """What one row, from 1, makes of the inputs. `failing` names the input whose cell decides it.

    `holds`: None where an input that is missing leaves it open.
    """

    row: int
    holds: bool | None
    failing: str | None = None
    cell: str = ""
    value: Value | None = None

    def __str__(self) -> str:
        if self.holds:
            return f"row {self.row} holds"
        value = "missing" if self.value is None else _written(self.value)
        if self.holds is None:
            return f"row {self.row} may hold: {self.failing} is missing, the row asks {self.cell}"
        return f"row {self.row} does not hold: {self.failing} is {value}, the row asks {self.cell}"


@dataclass(frozen=True, slots=True)
class Explanation:
    """`found` is what `find` gives: a row, 0 for none, a list of rows, or None where a missing
    input leaves it open; `several` the rows that hold where only one may. `reasons` go from the
    first row in the order of preference to the last one that matters."""

    found: int | list[int] | None
    several: list[int]
    reasons: list[RowReason]


def explain(table: Table, inputs: Inputs) -> Explanation:
    """Goes through the rows, the most preferred first, up to the one that decides."""
    several: list[int] = []
    found: int | list[int] | None = None
    try:
        found = find(table, inputs)
    except SeveralRows as error:
        several = error.rows
    certain, possible = rows_that_hold(table, inputs)
    decisive = set(certain) if table.hit in SINGLE and not several else set()
    naming = table.columns_naming_missing()
    reasons = []
    for row in table.preference():
        reasons.append(_reason(table, row, inputs, naming, row + 1 in possible))
        if row + 1 in decisive:
            break
    return Explanation(found, several, reasons)


def _reason(
    table: Table, row: int, inputs: Inputs, naming: tuple[bool, ...], is_possible: bool
) -> RowReason:
    for column, cell, names_missing in zip(
        table.inputs, table.rows[row].cells, naming, strict=True
    ):
        value = inputs.get(column.name)
        holds = cell.holds_for_missing(names_missing) if value is None else cell.holds(value)
        if holds is False or (holds is None and is_possible):
            return RowReason(row + 1, holds, column.name, cell.text, value)
    return RowReason(row + 1, True)


def _written(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f'"{value}"' if isinstance(value, str) else repr(value)
