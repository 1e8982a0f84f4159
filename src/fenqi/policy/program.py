"""Collects a policy's instructions; equal ones are kept once, whatever they belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.row import RowSlot

# The machine's registers are numbers of 32 bits; a policy this long would answer slowly anyway.
MOST_INSTRUCTIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A value of the row."""

    slot: RowSlot


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant: `value` with its type, because 1, 1u, 1.0 and true are equal in Python."""

    type: str
    value: bool | int | float | str

    def key(self) -> tuple[str, str]:
        """Equal for the same constant; tells 0.0 from -0.0."""
        return self.type, repr(self.value)


@dataclass(frozen=True, slots=True)
class ModelOutput:
    """What a model writes: `probability_of_default` or `score` of the deciding one."""

    name: str


@dataclass(frozen=True, slots=True)
class Temporary:
    """What an instruction writes."""

    number: int


Operand = Slot | Constant | ModelOutput | Temporary


@dataclass(frozen=True, slots=True)
class ConstantSet:
    """The right side of `in`: sorted, distinct values of one type."""

    type: str
    values: tuple[bool | int | float | str, ...]


class Part(Protocol):
    """A table, lookup or list of the policy; instructions name it by its number in the program."""

    @property
    def operands(self) -> tuple[Operand, ...]:
        """What it reads by itself, whatever the instruction: a table's inputs."""

    def add_to(self, program: image.Program, registers: list[int]) -> int:
        """Writes it into `program`, its operands being in `registers`; gives its number."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a policy an instruction comes from."""

    file: str
    line: int
    column: int
    owner: str


NOWHERE = Place("", 0, 0, "")


@dataclass(frozen=True, slots=True)
class _Instruction:
    op: int
    operands: tuple[Operand, ...]
    set: ConstantSet | None
    part: Part | None
    # Of the part.
    column: int
    place: Place
    after_models: bool

    @property
    def reads(self) -> tuple[Operand, ...]:
        return self.operands if self.part is None else (*self.operands, *self.part.operands)


@dataclass(slots=True)
class ProgramBuilder:
    """Takes instructions in any order of owners and lays them out as one program."""

    _instructions: list[_Instruction] = field(default_factory=list)
    _known: dict[tuple[object, ...], Temporary] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._instructions)

    def emit(
        self,
        op: int,
        *operands: Operand,
        members: ConstantSet | None = None,
        part: Part | None = None,
        column: int = 0,
        place: Place = NOWHERE,
    ) -> Temporary:
        """The result of `op`; the same temporary where it was asked for before."""
        key = (op, *(_key(operand) for operand in operands), members, part, column)
        if (known := self._known.get(key)) is not None:
            return known
        reads = operands if part is None else (*operands, *part.operands)
        after = any(self.is_after_models(operand) for operand in reads)
        result = Temporary(len(self._instructions))
        self._instructions.append(_Instruction(op, operands, members, part, column, place, after))
        self._known[key] = result
        return result

    def is_after_models(self, operand: Operand) -> bool:
        """Whether the operand has its value only once the models have run."""
        if isinstance(operand, Temporary):
            return self._instructions[operand.number].after_models
        return isinstance(operand, ModelOutput)

    def slots(self) -> list[RowSlot]:
        """Everything that instructions read from the row, in their order."""
        return [
            operand.slot
            for instruction in self._instructions
            for operand in instruction.reads
            if isinstance(operand, Slot)
        ]

    def lay_out(
        self, slots: dict[RowSlot, int], model_outputs: list[str], extra: list[Operand]
    ) -> tuple[image.Program, Registers]:
        """The program, and the register of every operand; `extra` are constants used elsewhere."""
        constants: dict[tuple[str, str], Constant] = {}
        for operand in (
            *(o for instruction in self._instructions for o in instruction.reads),
            *extra,
        ):
            if isinstance(operand, Constant):
                constants.setdefault(operand.key(), operand)
        base = len(slots)
        models = base + len(constants)
        temporaries = models + len(model_outputs)
        registers = Registers(
            slots=slots,
            constants={key: base + i for i, key in enumerate(constants)},
            model_outputs={name: models + i for i, name in enumerate(model_outputs)},
            first_temporary=temporaries,
        )
        program = image.Program(
            register_count=temporaries + len(self._instructions), constant_base=base
        )
        for constant in constants.values():
            _add_constant(program, constant)
        self._write_code(program, registers)
        return program, registers

    def _write_code(self, program: image.Program, registers: Registers) -> None:
        sets: dict[ConstantSet, int] = {}
        parts: dict[Part, int] = {}
        places: dict[Place, int] = {NOWHERE: 0}
        numbered = list(enumerate(self._instructions))
        before = [pair for pair in numbered if not pair[1].after_models]
        after = [pair for pair in numbered if pair[1].after_models]
        program.instructions_before_models = len(before)
        for number, instruction in (*before, *after):
            reads = [registers.of(operand) for operand in instruction.operands]
            if instruction.set is not None:
                reads.append(sets.setdefault(instruction.set, len(sets)))
            if (part := instruction.part) is not None:
                if part not in parts:
                    parts[part] = part.add_to(program, [registers.of(o) for o in part.operands])
                reads = [*(reads or [0]), parts[part], instruction.column]
            reads += [0] * (3 - len(reads))
            place = places.setdefault(instruction.place, len(places))
            program.code.extend([instruction.op, registers.first_temporary + number, *reads, place])
        for members in sets:
            _add_set(program, members)
        for at in places:
            program.places.add(file=at.file, line=at.line, column=at.column, owner=at.owner)


@dataclass(frozen=True, slots=True)
class Registers:
    """Which register holds which operand."""

    slots: dict[RowSlot, int]
    constants: dict[tuple[str, str], int]
    model_outputs: dict[str, int]
    first_temporary: int

    def of(self, operand: Operand) -> int:
        """The operand's register."""
        match operand:
            case Slot(slot):
                return self.slots[slot]
            case Constant():
                return self.constants[operand.key()]
            case ModelOutput(name):
                return self.model_outputs[name]
            case Temporary(number):
                return self.first_temporary + number


def _key(operand: Operand) -> object:
    return operand.key() if isinstance(operand, Constant) else operand


def _add_constant(program: image.Program, constant: Constant) -> None:
    added = program.constants.add()
    setattr(added, f"{constant.type}_value", constant.value)


def _add_set(program: image.Program, members: ConstantSet) -> None:
    added = program.sets.add()
    getattr(added, f"{members.type}s").extend(members.values)
