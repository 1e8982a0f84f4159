"""A policy's expressions on their way into the program, with what is wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.check import Checker, CheckFailure
from fenqi.policy.consent import DataUse
from fenqi.policy.document import Document
from fenqi.policy.errors import Problem
from fenqi.policy.hints import explained
from fenqi.policy.lower import Lowering
from fenqi.policy.lowered import Lowered, Scalar
from fenqi.policy.ordering import names_in
from fenqi.policy.program import Constant, Place, ProgramBuilder, Slot
from fenqi.policy.reads import reads_of
from fenqi.policy.row import DECIDED_AT
from fenqi.policy.yaml_file import Steps


@dataclass(slots=True)
class Expressions:
    """Checks and lowers expressions into one builder; every part of the compiler adds to it."""

    document: Document
    use: DataUse
    builder: ProgramBuilder = field(default_factory=ProgramBuilder)
    checker: Checker = field(default_factory=Checker)
    lowering: Lowering = field(init=False)
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    # Every expression as it was checked, by its path in the policy.
    checked: dict[tuple[str | int, ...], CheckedExpr] = field(default_factory=dict)
    # Names that an expression or a model reads.
    read: set[str] = field(default_factory=set)
    # Names that cost something: put into the program when they are first read.
    _waiting: dict[str, Callable[[], Scalar]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.lowering = Lowering(self.builder)
        self.lowering.gate = lambda path, value: self.use.gate_path(self.builder, path, value)
        self.declare_later("decision_time", "timestamp", self._decision_time)

    def declare(self, name: str, value: Lowered, type: str) -> None:
        """Makes `name` known to the expressions that follow."""
        self.checker.declare(name, type)
        self.lowering.names[name] = value

    def declare_later(self, name: str, type: str, make: Callable[[], Scalar]) -> None:
        """The same for a name that `make` puts into the program when it is first read."""
        self.checker.declare(name, type)
        self._waiting[name] = make

    def names_in(self, source: str) -> set[str]:
        """The names in an expression, whatever they stand for; none where it cannot be parsed."""
        try:
            return names_in(self.checker.parse(source).expr)
        except CheckFailure:
            return set()

    def lower(
        self, path: tuple[str | int, ...], source: str, owner: str, *, in_pack: bool = False
    ) -> Scalar | None:
        """The value of the expression that stands at `path`; None where it is wrong."""
        try:
            checked = self.checker.check(source)
        except CheckFailure as failure:
            self._report_failure(path, failure)
            return None
        self.checked[path] = checked
        reads = reads_of(checked)
        self.read |= reads.names
        for name in sorted(reads.names & self._waiting.keys()):
            self.lowering.names[name] = self._waiting.pop(name)()
        try:
            value = self.lowering.lower(checked, lambda *at: self._place(path, owner, *at))
        except CheckFailure as failure:
            self._report_failure(path, failure)
            return None
        forbidden = list(self.use.note(checked, reads, in_pack=in_pack))
        for expr, message in forbidden:
            self._report_failure(path, CheckFailure(*_position(checked, expr), message))
        return None if forbidden else value

    def condition(
        self, path: tuple[str | int, ...], source: str, owner: str, *, in_pack: bool = False
    ) -> Scalar | None:
        """The same, for what must be true or false."""
        value = self.lower(path, source, owner, in_pack=in_pack)
        if value is not None and value.type != "bool":
            self.report(path, f"a condition is true or false; this is of type {value.type}")
            return None
        return value

    def place(self, path: Steps, owner: str) -> Place:
        """Where `path` stands, for errors at run time."""
        at = self.document.position(path)
        return Place(at.file, at.line, at.column, owner)

    def report(self, path: Steps, message: str) -> None:
        """Notes a mistake at `path`."""
        self.problems.append(self.document.problem(self.document.position(path), message))

    def report_in(self, path: Steps, offset: int, message: str) -> None:
        """Notes a mistake at a character, from 0, of the text at `path`."""
        at = self.document.position_in(path, 1, offset + 1)
        self.problems.append(self.document.problem(at, message))

    def warn(self, path: Steps, message: str) -> None:
        """Notes what the author may want to look at."""
        self.warnings.append(self.document.problem(self.document.position(path), message))

    def _decision_time(self) -> Scalar:
        seconds, no_nanos = Slot(DECIDED_AT), Constant("int", 0)
        return Scalar(self.builder.emit(image.OP_MAKE_TIMESTAMP, seconds, no_nanos), "timestamp")

    def _place(self, path: Steps, owner: str, line: int, column: int) -> Place:
        at = self.document.position_in(path, line, column)
        return Place(at.file, at.line, at.column, owner)

    def _report_failure(self, path: Steps, failure: CheckFailure) -> None:
        names = [*self.lowering.names, *self._waiting]
        message = explained(failure.message, names, self.document.policy)
        if message is None and self.problems:
            return
        at = self.document.position_in(path, failure.line, failure.column)
        self.problems.append(self.document.problem(at, message or failure.message))


def _position(checked: CheckedExpr, expr: Expr) -> tuple[int, int]:
    """Line and column of a node in the expression's text, from 1."""
    offset = checked.source_info.positions.get(expr.id, 0)
    start, line = 0, 1
    for end in checked.source_info.line_offsets:
        if end > offset:
            break
        start, line = end, line + 1
    return line, offset - start + 1
