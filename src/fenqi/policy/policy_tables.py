"""The policy's lists, lookups and decision tables, read and put into the program."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import cast

from fenqi.policy import schema
from fenqi.policy.errors import PolicyError, Problem
from fenqi.policy.expressions import Expressions
from fenqi.policy.lowered import ListName, LookupName, Scalar
from fenqi.policy.program import MISSING, Operand
from fenqi.policy.tables.analysis import analyse
from fenqi.policy.tables.cells import CellError, InputType, Value
from fenqi.policy.tables.csv import CsvFile, lookup, read_csv, table_rows, value_list
from fenqi.policy.tables.findings import findings
from fenqi.policy.tables.image import ListPart, LookupPart, TableResults, emit_table
from fenqi.policy.tables.index import index_problem
from fenqi.policy.tables.lookup import (
    EntryError,
    Lookup,
    LookupColumn,
    ValueList,
    parse_digests,
    parse_list,
)
from fenqi.policy.tables.rows import RowError, RowParser
from fenqi.policy.tables.table import (
    SINGLE,
    Input,
    Output,
    Row,
    ShapeError,
    Table,
    check_shape,
    output_value,
)
from fenqi.policy.yaml_file import Steps

_SCALARS = ("bool", "int", "uint", "double", "string")


def declare_lists(ex: Expressions) -> dict[str, ValueList]:
    """Reads the lists and declares each as `lists.<name>`."""
    read: dict[str, ValueList] = {}
    for name, part in ex.document.policy.lists.items():
        values = _read_list(ex, name, part)
        if values is not None:
            read[name] = values
        else:
            values = ValueList(name, part.type, parse_list([], part.type))
        ex.declare(f"lists.{name}", ListName(ListPart(values)), f"list({part.type})")
    return read


def declare_lookups(ex: Expressions) -> dict[str, Lookup]:
    """Reads the lookups and declares each column as `lookups.<name>.<column>`."""
    read: dict[str, Lookup] = {}
    for name, part in ex.document.policy.lookups.items():
        path = ("lookups", name)
        columns = [LookupColumn(column, of) for column, of in part.values.items()]
        found = Lookup(name, part.key.type, tuple(columns), ())
        file = _csv(ex, (*path, "csv"), part.csv)
        if file is not None:
            try:
                found = lookup(file, name, part.key.column, part.key.type, columns)
                read[name] = found
            except PolicyError as error:
                ex.problems += error.problems
        of_lookup = LookupPart(found)
        for column in columns:
            ex.declare(
                f"lookups.{name}.{column.name}",
                LookupName(of_lookup, column.name, column.type),
                f"map({part.key.type}, {column.type})",
            )
    return read


def lower_table(ex: Expressions, name: str) -> tuple[Table, TableResults] | None:
    """Adds a decision table to the program and declares its results; None where it is wrong."""
    table, operands = _read_table(ex, name)
    is_single = table.hit in SINGLE
    row_name, row_type = ("row", "int") if is_single else ("rows", "list(int)")
    results = None
    if operands is not None:
        place = ex.place(("tables", name), f"table {name}")
        results = emit_table(ex.builder, table, operands, place)
    # Also where it is wrong, so that what reads it is not reported too.
    row = results.row if results is not None else MISSING
    ex.declare(f"tables.{name}.{row_name}", Scalar(row, row_type), row_type)
    for output in table.outputs:
        of = table.result_type(output)
        kind = f"list({of})" if table.is_list else of
        operand = results.outputs[output.name][0] if results is not None else MISSING
        ex.declare(f"tables.{name}.{output.name}", Scalar(operand, kind), kind)
    return None if results is None else (table, results)


def _read_table(ex: Expressions, name: str) -> tuple[Table, list[Operand] | None]:
    """The table, and what its inputs read; None where something is wrong."""
    part = ex.document.policy.tables[name]
    path = ("tables", name)
    problems = len(ex.problems)
    lowered = [_input(ex, name, column, given) for column, given in part.inputs.items()]
    inputs = tuple(one[0] for one in lowered if one is not None)
    outputs = tuple(_outputs(ex, name, part))
    table = Table(name, part.hit, inputs, outputs, (), part.aggregate or "none")
    if len(ex.problems) == problems:
        rows = tuple(_rows(ex, name, part, inputs, outputs))
        table = dataclasses.replace(table, rows=rows)
    if len(ex.problems) == problems:
        try:
            check_shape(table)
        except ShapeError as error:
            kind = "inputs" if error.column in part.inputs else "outputs"
            at: Steps = path if error.column is None else (*path, kind, error.column)
            ex.report(at, f"table {name}: {error.message}")
    if len(ex.problems) == problems:
        _check_rows(ex, path, table, complete=part.complete)
    if len(ex.problems) > problems:
        return table, None
    return table, [one[1] for one in lowered if one is not None]


def _check_rows(ex: Expressions, path: Steps, table: Table, *, complete: bool) -> None:
    """Reports what the core would refuse and, in a table that is to be complete, what is amiss."""
    if (too_large := index_problem(table)) is not None:
        ex.report(path, too_large)
    if not complete:
        return
    for one in findings(table, analyse(table), complete):
        if one.severity == "error":
            message = f"table {table.name}: {one.message}"
            if one.position is None:
                ex.report(path, message)
            else:
                ex.problems.append(Problem(one.position, message))


def _input(
    ex: Expressions, table: str, name: str, given: schema.TableInput | str
) -> tuple[Input, Operand] | None:
    path: tuple[str | int, ...] = ("tables", table, "inputs", name)
    if isinstance(given, str):
        given = schema.TableInput(expr=given)
    else:
        path = (*path, "expr")
    value = ex.lower(path, given.expr, f"table {table}, input {name}")
    if value is None:
        return None
    if value.type not in _SCALARS:
        ex.report(path, f"a table's input is a number, a text, true or false; not {value.type}")
        return None
    if given.type is not None and given.type != value.type:
        ex.report(path, f"{name} is declared {given.type}; the expression is {value.type}")
        return None
    of = cast(InputType, value.type)
    allowed = None
    if given.allowed is not None:
        try:
            allowed = parse_list(given.allowed, of)
        except EntryError as error:
            at: Steps = ("tables", table, "inputs", name, "allowed", error.number)
            ex.report(at, error.message)
            return None
        written = ", ".join(str(value) for value in given.allowed)
        allowed = dataclasses.replace(allowed, text=written)
    return Input(name, of, allowed), value.operand


def _outputs(ex: Expressions, table: str, part: schema.DecisionTable) -> list[Output]:
    outputs = []
    for name, given in part.outputs.items():
        path = ("tables", table, "outputs", name)
        try:
            priority = [output_value(value, given.type) for value in given.priority or []]
            default = output_value(given.default, given.type) if given.default is not None else None
        except CellError as error:
            ex.report(path, f"{name}: {error.message}")
            priority, default = [], None
        known = tuple(value for value in priority if value is not None)
        outputs.append(Output(name, given.type, known, default))
    return outputs


def _rows(
    ex: Expressions,
    name: str,
    part: schema.DecisionTable,
    inputs: Sequence[Input],
    outputs: Sequence[Output],
) -> list[Row]:
    path = ("tables", name)
    if part.csv is not None:
        file = _csv(ex, (*path, "csv"), part.csv)
        if file is None:
            return []
        try:
            return table_rows(file, inputs, outputs)
        except PolicyError as error:
            ex.problems += error.problems
            return []
    parser = RowParser(inputs, outputs)
    rows = []
    for number, raw in enumerate(part.rows or []):
        at: Steps = (*path, "rows", number)
        try:
            rows.append(parser.parse(raw, ex.document.position(at)))
        except RowError as error:
            if error.column is None:
                ex.report(at, error.message)
            else:
                ex.report_in((*at, error.column), error.offset, error.message)
    return rows


def _read_list(ex: Expressions, name: str, part: schema.ValueList) -> ValueList | None:
    path = ("lists", name)
    salt = part.hashed.salt if part.hashed is not None else None
    if salt is not None and part.type != "string":
        ex.report(path, "a hashed list holds texts")
        return None
    if part.csv is not None:
        file = _csv(ex, (*path, "csv"), part.csv)
        if file is None:
            return None
        try:
            return value_list(file, name, part.type, part.column, salt)
        except PolicyError as error:
            ex.problems += error.problems
            return None
    try:
        values: list[Value] = list(part.values or [])
        if salt is not None:
            return ValueList(
                name, part.type, parse_list([], part.type), salt, parse_digests(values)
            )
        return ValueList(name, part.type, parse_list(values, part.type))
    except EntryError as error:
        ex.report_in((*path, "values", error.number), error.offset, error.message)
        return None


def _csv(ex: Expressions, path: Steps, name: str) -> CsvFile | None:
    file = ex.document.beside(path, name)
    try:
        return read_csv(file, name)
    except OSError as error:
        ex.report(path, f"{name} cannot be read: {error.strerror}")
    except PolicyError as error:
        ex.problems += error.problems
    return None
