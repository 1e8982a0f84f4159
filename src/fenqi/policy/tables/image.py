"""Tables, lookups and lists as the core loads them, and the instructions that use them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.program import Operand, Part, Place, ProgramBuilder
from fenqi.policy.tables.cells import Cell, Interval, Value
from fenqi.policy.tables.lookup import Lookup, ValueList, is_other, specificity
from fenqi.policy.tables.table import SINGLE, Table

_KEY_KINDS = {
    "bool": image.KEY_KIND_BOOL,
    "int": image.KEY_KIND_INT,
    "uint": image.KEY_KIND_UINT,
    "double": image.KEY_KIND_DOUBLE,
    "string": image.KEY_KIND_STRING,
}
_HIT_POLICIES = {
    "unique": image.HIT_POLICY_UNIQUE,
    "any": image.HIT_POLICY_ANY,
    "first": image.HIT_POLICY_FIRST,
    "priority": image.HIT_POLICY_FIRST,
}
_COLLECT = {
    "none": image.OP_TABLE_OUTPUTS,
    "sum": image.OP_TABLE_SUM,
    "min": image.OP_TABLE_MIN,
    "max": image.OP_TABLE_MAX,
    "count": image.OP_TABLE_COUNT,
}
_WHEN_MISSING = {
    None: image.WHEN_MISSING_UNKNOWN,
    True: image.WHEN_MISSING_HOLDS,
    False: image.WHEN_MISSING_FAILS,
}


@dataclass(frozen=True, slots=True)
class TableResults:
    """Where a table's results are: `row` (or, under hit policies that give several, the list
    `rows`) and one operand with its type for each output; `list(T)` is the type of a list."""

    row: Operand
    outputs: dict[str, tuple[Operand, str]]


def emit_table(
    builder: ProgramBuilder, table: Table, inputs: Sequence[Operand], place: Place
) -> TableResults:
    """The instructions that find a table's rows and read its outputs.

    `inputs` are the values of the table's inputs, of their types, in order.
    """
    constrained = [
        i for i in range(len(table.inputs)) if not all(row.cells[i].is_any for row in table.rows)
    ]
    part = TablePart(table, tuple(constrained), tuple(inputs[i] for i in constrained))
    is_single = table.hit in SINGLE
    row = builder.emit(
        image.OP_TABLE_ROW if is_single else image.OP_TABLE_ROWS, 0, part, place=place
    )
    op = image.OP_TABLE_OUTPUT if is_single else _COLLECT[table.aggregate]
    outputs: dict[str, tuple[Operand, str]] = {}
    for column, output in enumerate(table.outputs):
        value = builder.emit(op, row, part, column, place=place)
        of = table.result_type(output)
        outputs[output.name] = value, f"list({of})" if table.is_list else of
    return TableResults(row, outputs)


def emit_lookup(
    builder: ProgramBuilder, part: LookupPart, column: str, key: Operand, place: Place
) -> Operand:
    """`lookups.name.column[key]`."""
    number = [c.name for c in part.lookup.columns].index(column)
    return builder.emit(image.OP_LOOKUP, key, part, number, place=place)


def emit_in_lookup(
    builder: ProgramBuilder, part: LookupPart, key: Operand, place: Place
) -> Operand:
    """`key in lookups.name.column`."""
    return builder.emit(image.OP_IN_LOOKUP, key, part, place=place)


def emit_in_list(builder: ProgramBuilder, part: ListPart, value: Operand, place: Place) -> Operand:
    """`value in lists.name`."""
    return builder.emit(image.OP_IN_LIST, value, part, place=place)


@dataclass(frozen=True, eq=False, slots=True)
class TablePart(Part):
    """A decision table with what its inputs read; `constrained` are the inputs that rows ask of."""

    table: Table
    constrained: tuple[int, ...]
    operands: tuple[Operand, ...]

    def add_to(self, program: image.Program, registers: list[int]) -> int:
        """Writes the table as the program's next one and gives its number."""
        program.tables.append(table_image(self.table, self.constrained, registers))
        return len(program.tables) - 1


@dataclass(frozen=True, eq=False, slots=True)
class LookupPart(Part):
    """A lookup."""

    lookup: Lookup
    operands: tuple[Operand, ...] = ()

    def add_to(self, program: image.Program, registers: list[int]) -> int:
        """Writes the lookup as the program's next one and gives its number."""
        program.lookups.append(lookup_image(self.lookup))
        return len(program.lookups) - 1


@dataclass(frozen=True, eq=False, slots=True)
class ListPart(Part):
    """A list."""

    values: ValueList
    operands: tuple[Operand, ...] = ()

    def add_to(self, program: image.Program, registers: list[int]) -> int:
        """Writes the list as the program's next one and gives its number."""
        program.lists.append(list_image(self.values))
        return len(program.lists) - 1


# --- tables ---


def table_image(
    table: Table, constrained: Sequence[int], registers: Sequence[int]
) -> image.DecisionTable:
    """The table, its constrained inputs read from `registers`."""
    built = image.DecisionTable(
        name=table.name,
        hit_policy=_HIT_POLICIES.get(table.hit, image.HIT_POLICY_ALL),
        row_count=len(table.rows),
    )
    order = table.preference()
    if order != list(range(len(order))):
        built.preference.extend(order)
    naming = table.columns_naming_missing()
    for i, register in zip(constrained, registers, strict=True):
        added = built.inputs.add(register=register, kind=_KEY_KINDS[table.inputs[i].type])
        _add_cells(added, (row.cells[i] for row in table.rows), naming[i])
    for i, output in enumerate(table.outputs):
        if table.aggregate == "count":
            # What rows say does not count, and need not be of the count's type.
            values: list[Value | None] = [None] * len(table.rows)
            _add_values(built.outputs.add(), "int", values, output.default)
        else:
            values = [row.values[i] for row in table.rows]
            _add_values(built.outputs.add(), output.type, values, output.default)
    return built


def _add_cells(added: image.TableInput, cells: Iterable[Cell], column_names_missing: bool) -> None:
    numbers: dict[Cell, int] = {}
    added.cell_of_row.extend([numbers.setdefault(cell, len(numbers)) for cell in cells])
    for cell in numbers:
        of = added.cells.add(
            present=cell.negated and not cell.asks_value,
            when_missing=_WHEN_MISSING[cell.holds_for_missing(column_names_missing)],
        )
        _fill(of.values, cell)


def _fill(values: image.ValueSet, cell: Cell) -> None:
    for interval in cell.intervals:
        if interval.low is not None and interval.is_point:
            _add_number(values, interval.low)
        else:
            _add_interval(values.intervals.add(), interval)
    values.strings.extend(cell.texts)
    values.prefixes.extend(cell.prefixes)
    values.bools.extend(cell.truths)
    values.complement = cell.negated


def _add_number(values: image.ValueSet, number: int | float) -> None:
    if isinstance(number, float):
        values.doubles.append(number)
    elif number < 2**63:
        values.ints.append(number)
    else:
        values.uints.append(number)


def _add_interval(added: image.Interval, interval: Interval) -> None:
    if interval.low is not None:
        _set_number(added.low, interval.low)
    if interval.high is not None:
        _set_number(added.high, interval.high)
    added.low_open = interval.low_open
    added.high_open = interval.high_open


def _set_number(constant: image.Constant, number: int | float) -> None:
    if isinstance(number, float):
        constant.double_value = number
    elif number < 2**63:
        constant.int_value = number
    else:
        constant.uint_value = number


def _add_values(
    added: image.TableOutput, of: str, values: Iterable[Value | None], default: Value | None
) -> None:
    numbers: dict[Value | None, int] = {}
    added.value_of_row.extend([numbers.setdefault(value, len(numbers)) for value in values])
    for value in numbers:
        _set_constant(added.values.add(), of, value)
    if default is not None:
        _set_constant(added.default, of, default)


def _set_constant(constant: image.Constant, of: str, value: Value | None) -> None:
    if value is None:
        constant.missing = True
    else:
        setattr(constant, f"{of}_value", value)


# --- lookups and lists ---


def lookup_image(lookup: Lookup) -> image.Lookup:
    """The lookup; the core takes the last key that holds, so the most specific go last."""
    built = image.Lookup(name=lookup.name, kind=_KEY_KINDS[lookup.key_type])
    rows = sorted(lookup.rows, key=lambda row: specificity(row.key))
    for row in rows:
        key = built.keys.add()
        if not is_other(row.key):
            _fill(key, row.key)
    if rows and is_other(rows[0].key):
        built.other_row_plus_one = 1
    for i, column in enumerate(lookup.columns):
        _add_values(built.columns.add(), column.type, (row.values[i] for row in rows), None)
    return built


def list_image(values: ValueList) -> image.ValueList:
    """The list."""
    built = image.ValueList(name=values.name, kind=_KEY_KINDS[values.type])
    if values.salt is None:
        _fill(built.values, values.values)
    else:
        built.salt = values.salt.encode()
        built.digests = b"".join(sorted(values.digests))
    return built
