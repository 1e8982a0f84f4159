"""Which data a policy may read, and on what condition: consent, forbidden sources, protected fields
(R13, R33)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.internal.v1.checked_expr_pb2 import CheckedExpr, Expr
from fenqi.policy.document import Document
from fenqi.policy.errors import Problem
from fenqi.policy.program import Constant, Operand, ProgramBuilder, Slot
from fenqi.policy.reads import (
    FieldPath,
    ProtectedField,
    Reads,
    protected_field,
    protected_reads,
    source_of,
)
from fenqi.policy.row import CONSENTS, RowSlot, Step
from fenqi.policy.schema import RulePack
from fenqi.v1 import application_pb2

PROTECTED_ATTRIBUTES = "application.protected_attributes"
_NUMBERS = {
    name.removeprefix("DATA_SOURCE_").lower(): number
    for name, number in application_pb2.DataSource.items()
    if number
}


@dataclass(slots=True)
class DataUse:
    """What a policy may read. Sources are the contract's, in the policy's words."""

    # Those that need the applicant's consent.
    gated: frozenset[str]
    forbidden: frozenset[str]
    protected: list[ProtectedField]
    # Each of the policy's own names of sources.
    declared: dict[str, str]
    jurisdiction: str
    # What something reads.
    read: set[str] = field(default_factory=set)

    def note(
        self, checked: CheckedExpr, reads: Reads, *, in_pack: bool
    ) -> Iterator[tuple[Expr, str]]:
        """Notes the sources of what an expression reads, and gives what it must not read.

        A pack's own rules may ask what no policy may; protected attributes nobody may ask.
        """
        protected = self.protected[:1] if in_pack else self.protected
        for expr, part in protected_reads(checked, reads, protected):
            path = ".".join(part.path)
            if path == PROTECTED_ATTRIBUTES:
                yield expr, "a policy must not read protected attributes"
            else:
                yield expr, f"a policy must not read {path}: it is protected in {self.jurisdiction}"
        for place in reads.places:
            source = source_of(place.path)
            if source is not None:
                self.read.add(source)
            if source in self.forbidden:
                yield place.expr, self.why_forbidden(source)

    def why_forbidden(self, source: str) -> str:
        """A sentence for whoever reads a forbidden source."""
        return f"{source} data must not be used in {self.jurisdiction}"

    def gate(self, builder: ProgramBuilder, value: Operand, sources: Iterable[str]) -> Operand:
        """`value`, missing where one of the contract's `sources` needs consent and has none."""
        sources = set(sources)
        self.read |= sources
        mask = sum(1 << _NUMBERS[source] for source in sources & self.gated)
        if mask == 0:
            return value
        return builder.emit(image.OP_WITH_CONSENT, Slot(CONSENTS), value, Constant("int", mask))

    def gate_path(self, builder: ProgramBuilder, path: tuple[Step, ...], value: Operand) -> Operand:
        """What is read from the request at `path`, missing where its source needs consent and has
        none.
        """
        source = source_of(_field_path(path)) if path else None
        return value if source is None else self.gate(builder, value, [source])

    def note_slot(self, slot: RowSlot) -> None:
        """Notes what the core itself reads."""
        source = source_of(_field_path(slot.path))
        if source is not None:
            self.read.add(source)

    @property
    def withheld(self) -> list[str]:
        """Sources that the policy reads and that need consent, in the contract's order."""
        return sorted(self.gated & self.read, key=_NUMBERS.__getitem__)

    def add_gates(self, row: image.Row, slots: dict[RowSlot, int]) -> None:
        """Tells the row which of its slots are missing without consent."""
        resting: dict[str, list[int]] = {source: [] for source in self.withheld}
        for slot, number in slots.items():
            source = source_of(_field_path(slot.path))
            if source in resting:
                resting[source].append(number)
        for source, numbers in resting.items():
            row.consent_gates.add(source=_NUMBERS[source], slots=numbers)


def data_use(document: Document) -> tuple[DataUse, list[Problem]]:
    """What the policy's `sources` and its jurisdiction's pack say, with what is wrong in it."""
    problems: list[Problem] = []
    pack = document.pack
    required: frozenset[str] = frozenset(pack.consent_required if pack is not None else [])
    gated: set[str] = set(required)
    declared: dict[str, str] = {}
    for name, source in document.policy.sources.items():
        of = source.data_source or name
        if of not in _NUMBERS:
            message = f"{name}: say with `data_source` which of the contract's sources it is"
            at = document.position(("sources", name))
            problems.append(document.problem(at, message))
            continue
        declared[name] = of
        if source.consent == "required":
            gated.add(of)
        elif of in required and pack is not None:
            at = document.position(("sources", name, "consent"))
            message = (
                f"{name}: {pack.jurisdiction} requires the applicant's consent for {of} data; a "
                "policy cannot do without it"
            )
            problems.append(document.problem(at, message))
    use = DataUse(
        frozenset(gated),
        frozenset(pack.forbidden_sources if pack is not None else []),
        _protected(pack),
        declared,
        pack.jurisdiction if pack is not None else "",
    )
    return use, problems


def _protected(pack: RulePack | None) -> list[ProtectedField]:
    fields = []
    for path in (PROTECTED_ATTRIBUTES, *(pack.protected_fields if pack is not None else [])):
        found = protected_field(path)
        if found is None:
            raise ValueError(f"the rule pack protects {path}, which is no field of the contract")
        fields.append(found)
    return fields


def _field_path(path: tuple[Step, ...]) -> FieldPath:
    names = tuple(step for step in path if isinstance(step, str))
    return names if names[0] == "application" else ("request", *names)
