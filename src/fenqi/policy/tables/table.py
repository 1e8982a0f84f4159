"""A decision table as it was written, and what it says of given inputs, found by going through it.

This is the definition; the core answers from an index (native/tables), and the two are tested
against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fenqi.policy.errors import Position
from fenqi.policy.tables.cells import NUMBERS, Cell, CellError, InputType, Value, parse_cell

Hit = Literal["unique", "any", "first", "priority", "rule_order", "output_order", "collect"]
Aggregate = Literal["none", "sum", "min", "max", "count"]
# Hit policies under which a table gives one row's values; the others give lists.
SINGLE: tuple[Hit, ...] = ("unique", "any", "first", "priority")
# Hit policies by which the order of an output's values matters.
BY_PRIORITY: tuple[Hit, ...] = ("priority", "output_order")

MOST_ROWS = 2**17
MOST_INPUTS = 64


@dataclass(frozen=True, slots=True)
class Input:
    """A column of conditions. `allowed`: the values that there are, for analysis and for checks."""

    name: str
    type: InputType
    allowed: Cell | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """A column of results.

    `priority`: its values from the most to the least preferred, for `priority` and `output_order`.
    `default`: where no row holds; None is missing.
    """

    name: str
    type: InputType
    priority: tuple[Value, ...] = ()
    default: Value | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """A cell for each input, a value for each output; None: this row gives no value."""

    cells: tuple[Cell, ...]
    values: tuple[Value | None, ...]
    position: Position | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """A decision table. Rows are numbered from 1 wherever a person sees a number."""

    name: str
    hit: Hit
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    rows: tuple[Row, ...]
    aggregate: Aggregate = "none"

    def result_type(self, output: Output) -> InputType:
        """The type of one value of `output`, as expressions see it."""
        return "int" if self.aggregate == "count" else output.type

    @property
    def is_list(self) -> bool:
        """Whether an output is a list of values."""
        return self.hit not in SINGLE and self.aggregate == "none"

    def columns_naming_missing(self) -> tuple[bool, ...]:
        """For each input whether some cell asks for its being missing."""
        return tuple(
            any(row.cells[i].names_missing for row in self.rows) for i in range(len(self.inputs))
        )

    def preference(self) -> list[int]:
        """Row numbers from 0, the most preferred first."""
        order = list(range(len(self.rows)))
        if self.hit in BY_PRIORITY:
            order.sort(key=self._rank)
        return order

    def _rank(self, row: int) -> tuple[int, ...]:
        """By the first output's priority, then the second's, ...; a value without one is last."""
        ranks = []
        for output, value in zip(self.outputs, self.rows[row].values, strict=True):
            known = [same(value, better) for better in output.priority]
            ranks.append(known.index(True) if True in known else len(known))
        return tuple(ranks)


class ShapeError(ValueError):
    """A table whose parts do not fit together; `column` names the output or input at fault."""

    def __init__(self, column: str | None, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


def check_shape(table: Table) -> None:
    """Raises ShapeError where hit policy, aggregate, outputs and their types do not go together."""
    names = [i.name for i in table.inputs] + [o.name for o in table.outputs]
    for name in names:
        if names.count(name) > 1:
            raise ShapeError(name, f"two columns are called {name}")
    if not table.outputs:
        raise ShapeError(None, "a table needs at least one output")
    if len(table.inputs) > MOST_INPUTS:
        raise ShapeError(None, f"a table has at most {MOST_INPUTS} inputs")
    if len(table.rows) > MOST_ROWS:
        raise ShapeError(None, f"a table has at most {MOST_ROWS} rows")
    if table.aggregate != "none" and table.hit != "collect":
        raise ShapeError(None, f"`aggregate` goes with `hit: collect`, not with {table.hit}")
    for output in table.outputs:
        _check_output(table, output)


def _check_output(table: Table, output: Output) -> None:
    if output.name == ("row" if table.hit in SINGLE else "rows"):
        raise ShapeError(
            output.name, f"an output cannot be called {output.name}: that is the number of the row"
        )
    if table.aggregate in ("sum", "min", "max") and output.type not in NUMBERS:
        raise ShapeError(output.name, f"a {table.aggregate} of {output.type} values there is not")
    if table.hit in BY_PRIORITY and not any(o.priority for o in table.outputs):
        raise ShapeError(
            output.name, f"`hit: {table.hit}` needs `priority`, an output's values from the best on"
        )
    if output.priority and table.hit not in BY_PRIORITY:
        raise ShapeError(
            output.name, "`priority` goes with `hit: priority` or `hit: output_order` only"
        )


def output_value(raw: Value | None, type: InputType) -> Value | None:
    """What a row says in an output of `type`: text, or a value as YAML gives it.

    The text `missing` gives None: the row says nothing. Raises CellError.
    """
    if isinstance(raw, str) and raw.strip() == "missing":
        return None
    if raw is None or (isinstance(raw, str) and raw.strip() == ""):
        raise CellError(0, "a value is wanted here; write `missing` where the row gives none")
    if type == "string" and isinstance(raw, str):
        text = raw.strip()
        quoted = len(text) >= 2 and text[0] in "'\"" and text[-1] == text[0]
        return text[1:-1].replace(text[0] * 2, text[0]) if quoted else text
    cell = parse_cell(raw, type)
    found: list[Value] = [*cell.texts, *cell.truths]
    found += [i.low for i in cell.intervals if i.low is not None and i.is_point]
    if len(found) != 1 or cell.negated or len(cell.intervals) + len(cell.truths) > 1:
        raise CellError(0, f"expected one {type}, found {raw!r}")
    return _of_type(found[0], type)


def _of_type(value: Value, type: InputType) -> Value:
    if type == "double":
        return float(value)
    if type in ("int", "uint"):
        low, high = (-(2**63), 2**63 - 1) if type == "int" else (0, 2**64 - 1)
        if not isinstance(value, int) or not low <= value <= high:
            raise CellError(0, f"{value} is no {type}")
    return value


def same(a: Value | None, b: Value | None) -> bool:
    """Equal in value and in type as far as bool and text go; 1 and 1.0 are the same number."""
    return isinstance(a, bool) == isinstance(b, bool) and a == b


class SeveralRows(ValueError):
    """More rows hold than the hit policy allows: `rows`, from 1."""

    def __init__(self, table: str, rows: list[int]) -> None:
        super().__init__(f"table {table}: rows {', '.join(map(str, rows))} hold")
        self.rows = rows


Inputs = Mapping[str, Value | None]
"""By an input's name; None is missing."""


def rows_that_hold(table: Table, inputs: Inputs) -> tuple[list[int], list[int]]:
    """The rows that hold, and those that may where a missing input were known; from 1, in order."""
    naming = table.columns_naming_missing()
    certain: list[int] = []
    possible: list[int] = []
    for number, row in enumerate(table.rows, start=1):
        verdicts = [_verdict(table, row, i, inputs, naming) for i in range(len(table.inputs))]
        if all(verdicts):
            certain.append(number)
        elif False not in verdicts:
            possible.append(number)
    return certain, possible


def _verdict(
    table: Table, row: Row, i: int, inputs: Inputs, naming: tuple[bool, ...]
) -> bool | None:
    value = inputs.get(table.inputs[i].name)
    if value is None:
        return row.cells[i].holds_for_missing(naming[i])
    return row.cells[i].holds(value)


def find(table: Table, inputs: Inputs) -> int | list[int] | None:
    """The row that holds, from 1, or 0; under the other hit policies the list of all that do.

    None: that depends on a missing input. Raises SeveralRows.
    """
    certain, possible = rows_that_hold(table, inputs)
    place = {row + 1: at for at, row in enumerate(table.preference())}
    certain.sort(key=place.__getitem__)
    if table.hit in ("first", "priority"):
        best = min(possible, key=place.__getitem__, default=None)
        if best is not None and (not certain or place[best] < place[certain[0]]):
            return None
        return certain[0] if certain else 0
    if possible:
        return None
    if table.hit not in SINGLE:
        return certain
    if len(certain) > 1 and (table.hit == "unique" or not rows_agree(table, certain)):
        raise SeveralRows(table.name, sorted(certain))
    return certain[0] if certain else 0


def rows_agree(table: Table, rows: list[int]) -> bool:
    """Whether rows, from 1, say the same in all outputs."""
    first = table.rows[rows[0] - 1].values
    return all(
        same(a, b) for row in rows for a, b in zip(table.rows[row - 1].values, first, strict=True)
    )


Result = Value | list[Value] | None


def evaluate(table: Table, inputs: Inputs) -> dict[str, Result]:
    """What the table says for each output; None is missing.

    Raises SeveralRows, and OverflowError where a sum leaves its type.
    """
    found = find(table, inputs)
    return {
        output.name: None if found is None else _said(table, i, output, found)
        for i, output in enumerate(table.outputs)
    }


def _said(table: Table, i: int, output: Output, found: int | list[int]) -> Result:
    if isinstance(found, int):
        return table.rows[found - 1].values[i] if found else output.default
    if not found:
        is_one = table.is_list and output.default is not None
        return [output.default] if is_one and output.default is not None else output.default
    if table.aggregate == "count":
        return len(found)
    values = [table.rows[row - 1].values[i] for row in found]
    known = [value for value in values if value is not None]
    if len(known) < len(values):
        return None
    if table.aggregate == "none":
        return known
    numbers = [value for value in known if not isinstance(value, str)]
    if table.aggregate == "sum":
        return _sum(numbers, output.type)
    return min(numbers) if table.aggregate == "min" else max(numbers)


def _sum(numbers: list[bool | int | float], type: InputType) -> Value:
    total: int | float = numbers[0]
    for number in numbers[1:]:
        total += number
        if type != "double" and not (-(2**63) if type == "int" else 0) <= total < (
            2**63 if type == "int" else 2**64
        ):
            raise OverflowError(f"a sum leaves the range of {type}")
    return total
