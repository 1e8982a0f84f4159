"""Decision tables as the core runs them: expressions and tables, compiled without a policy file.

fragment = Fragment()
fragment.feature("half", 'application.signals["x"] / 2.0')
fragment.table(table, {"half": "half"})
fragment.trace(request)["tables.t.grade"]
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from fenqi import _native
from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.offers.texts import DEFAULT, read_texts
from fenqi.policy.check import Checker
from fenqi.policy.lower import REQUEST, Lowering
from fenqi.policy.lowered import ListName, LookupName, Scalar
from fenqi.policy.program import Operand, Place, ProgramBuilder, Slot
from fenqi.policy.row import REQUEST_ID, STAGE, build_row
from fenqi.policy.tables.image import ListPart, LookupPart, emit_table
from fenqi.policy.tables.lookup import Lookup, ValueList
from fenqi.policy.tables.table import SINGLE, Table
from fenqi.v1 import scoring_pb2


class Fragment:
    """Named expressions and tables, each reading the request and what was named before."""

    def __init__(self) -> None:
        self.builder = ProgramBuilder()
        self.lowering = Lowering(self.builder)
        self.checker = Checker()
        self.named: dict[str, Operand] = {}
        self._engine: _native.Engine | None = None

    def expression(self, source: str) -> Scalar:
        checked = self.checker.check(source)
        return self.lowering.lower(checked, lambda line, column: Place("t", line, column, source))

    def feature(self, name: str, source: str) -> None:
        self._name(name, self.expression(source))

    def table(self, table: Table, inputs: Mapping[str, str]) -> None:
        """`inputs`: an expression for each input of the table, of its type."""
        values = [self.expression(inputs[column.name]) for column in table.inputs]
        place = Place("t", 1, 1, f"table {table.name}")
        results = emit_table(self.builder, table, [value.operand for value in values], place)
        rows = "row" if table.hit in SINGLE else "rows"
        kind = "int" if table.hit in SINGLE else "list(int)"
        self._name(f"tables.{table.name}.{rows}", Scalar(results.row, kind))
        for name, (operand, of) in results.outputs.items():
            self._name(f"tables.{table.name}.{name}", Scalar(operand, of))

    def _name(self, name: str, value: Scalar) -> None:
        self.named[name] = value.operand
        self.lowering.names[name] = value
        self.checker.declare(name, value.type)

    def list(self, values: ValueList) -> None:
        """Declares `lists.<name>`."""
        self.lowering.names[f"lists.{values.name}"] = ListName(ListPart(values))
        self.checker.declare(f"lists.{values.name}", f"list({values.type})")

    def lookup(self, lookup: Lookup) -> None:
        """Declares `lookups.<name>.<column>`."""
        part = LookupPart(lookup)
        for column in lookup.columns:
            name = f"lookups.{lookup.name}.{column.name}"
            self.lowering.names[name] = LookupName(part, column.name, column.type)
            self.checker.declare(name, lookup.expression_type(column))

    def image(self) -> bytes:
        wanted = [REQUEST_ID, STAGE, *self.builder.slots()]
        wanted += [operand.slot for operand in self.named.values() if isinstance(operand, Slot)]
        row, slots = build_row(REQUEST, wanted)
        program, registers = self.builder.lay_out(slots, [], list(self.named.values()))
        for name, operand in self.named.items():
            program.named.add(name=name, register=registers.of(operand))
        built = image.ReleaseImage(
            format=2, policy="t", policy_version="1", row=row, program=program
        )
        built.disclosure_texts.CopyFrom(read_texts(DEFAULT))
        built.content_hash = hashlib.sha256(built.SerializeToString(deterministic=True)).hexdigest()
        return built.SerializeToString(deterministic=True)

    def trace(self, request: scoring_pb2.ScoreRequest) -> dict[str, object]:
        if self._engine is None:
            self._engine = _native.Engine()
            self._engine.deploy(_native.Release(self.image()))
        return self._engine.trace(request.SerializeToString())
