"""Rows of a decision table from what stands in a file: text, or values as YAML gives them."""

from __future__ import annotations

from collections.abc import Sequence

from fenqi.policy.errors import Position
from fenqi.policy.tables.cells import Cell, CellError, Value, parse_cell
from fenqi.policy.tables.table import Input, Output, Row, output_value


class RowError(ValueError):
    """A row that cannot be read.

    `column` counts the row's values from 0 (None: the row as a whole), `offset` the characters of
    that value.
    """

    def __init__(self, column: int | None, offset: int, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.offset = offset
        self.message = message


class RowParser:
    """Parses rows whose values are the inputs' cells, then the outputs' values, in order.

    Cells that were read before are not read again: in a long table they repeat.
    """

    def __init__(self, inputs: Sequence[Input], outputs: Sequence[Output]) -> None:
        self._inputs = inputs
        self._outputs = outputs
        self._cells: dict[tuple[int, str], Cell] = {}

    def parse(self, raw: Sequence[Value | None], position: Position | None = None) -> Row:
        """One row. Raises RowError."""
        wanted = len(self._inputs) + len(self._outputs)
        if len(raw) != wanted:
            names = ", ".join([i.name for i in self._inputs] + [o.name for o in self._outputs])
            raise RowError(None, 0, f"a row has {wanted} values ({names}); this one has {len(raw)}")
        cells = tuple(self._cell(i, raw[i]) for i in range(len(self._inputs)))
        first = len(self._inputs)
        values = tuple(self._value(first + i, raw[first + i]) for i in range(len(self._outputs)))
        return Row(cells, values, position)

    def _cell(self, i: int, raw: Value | None) -> Cell:
        key = (i, raw) if isinstance(raw, str) else None
        if key is not None and (known := self._cells.get(key)) is not None:
            return known
        try:
            cell = parse_cell(raw, self._inputs[i].type)
        except CellError as error:
            raise RowError(i, error.offset, f"{self._inputs[i].name}: {error.message}") from error
        allowed = self._inputs[i].allowed
        if allowed is not None:
            for text in cell.texts:
                if not allowed.holds(text):
                    raise RowError(
                        i,
                        0,
                        f'{self._inputs[i].name}: "{text}" is not among the allowed values '
                        f"({allowed.text})",
                    )
        if key is not None:
            self._cells[key] = cell
        return cell

    def _value(self, column: int, raw: Value | None) -> Value | None:
        output = self._outputs[column - len(self._inputs)]
        try:
            return output_value(raw, output.type)
        except CellError as error:
            raise RowError(column, error.offset, f"{output.name}: {error.message}") from error
