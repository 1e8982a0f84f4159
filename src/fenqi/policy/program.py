"""Collects a policy's instructions; equal ones are kept once, whatever they belong to.

A comprehension has a block: instructions that run once for each element. An instruction lands in
the innermost block whose variables it depends on, so that what does not change from element to
element is computed once, outside.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from fenqi.internal.v1 import release_image_pb2 as image
from fenqi.policy.messages import MessageTable
from fenqi.policy.row import RowSlot

# The machine's registers are numbers of 32 bits; a policy this long would answer slowly anyway.
MOST_INSTRUCTIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class Slot:
    """A value of the row."""

    slot: RowSlot


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant: `value` with its type, because 1, 1u, 1.0 and true are equal in Python.

    Values by type: bool, int, uint, double, string, bytes, null (None), type (its name), timestamp
    and duration (seconds and nanoseconds from 0), list and optional (Constants), map (Constants:
    key, value, key, value), message (its full name and bytes).
    """

    type: str
    value: Any

    def key(self) -> tuple[str, object]:
        """Equal for the same constant; tells 0.0 from -0.0."""
        if isinstance(self.value, tuple):
            parts = (part.key() if isinstance(part, Constant) else part for part in self.value)
            return self.type, tuple(parts)
        return self.type, repr(self.value)


# A value that is not there.
MISSING = Constant("missing", None)


@dataclass(frozen=True, slots=True)
class CoreOutput:
    """What the core writes between the two parts of a program: `<slot>.score` of a model, ..."""

    name: str


@dataclass(frozen=True, slots=True)
class Temporary:
    """What an instruction writes."""

    number: int


@dataclass(frozen=True, slots=True)
class BlockVariable:
    """What a comprehension writes before its block runs."""

    block: int
    name: Literal["first", "second", "accumulator"]


Operand = Slot | Constant | CoreOutput | Temporary | BlockVariable


@dataclass(frozen=True, slots=True)
class ConstantSet:
    """The right side of `in`: sorted, distinct values of one type."""

    type: str
    values: tuple[bool | int | float | str, ...]


class Part(ABC):
    """A table, lookup or list of the policy; instructions name it by its number in the program."""

    __slots__ = ()

    @property
    @abstractmethod
    def operands(self) -> tuple[Operand, ...]:
        """What it reads by itself, whatever the instruction: a table's inputs."""

    @abstractmethod
    def add_to(self, program: image.Program, registers: list[int]) -> int:
        """Writes it into `program`, its operands being in `registers`; gives its number."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """More operands than an instruction has words; numbers among them are written as they are."""

    items: tuple[Operand | int, ...]


@dataclass(frozen=True, slots=True)
class MessageType:
    """A message, by its full name."""

    name: str


@dataclass(frozen=True, slots=True)
class _BlockReference:
    number: int


# What an instruction's words stand for; a number is written as it is.
Word = Operand | ConstantSet | Arguments | MessageType | Part | _BlockReference | int


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
    words: tuple[Word, ...]
    place: Place
    after_models: bool
    block: int | None


@dataclass(slots=True)
class _Block:
    """Instructions by number, in order, and what comes of them."""

    depth: int
    has_second: bool
    code: list[int] = field(default_factory=list)
    condition_instructions: int = 0
    condition: Operand = Constant("bool", True)
    step: Operand = Constant("bool", True)
    # The same for two blocks that compute the same, with what is outside as it is.
    signature: tuple[object, ...] = ()


@dataclass(slots=True)
class ProgramBuilder:
    """Takes instructions in any order of owners and lays them out as one program."""

    messages: MessageTable = field(default_factory=MessageTable)
    _instructions: list[_Instruction] = field(default_factory=list)
    _code: list[int] = field(default_factory=list)
    _blocks: list[_Block] = field(default_factory=list)
    _known: dict[tuple[object, ...], Temporary] = field(default_factory=dict)
    _dropped: int = 0

    def __len__(self) -> int:
        return len(self._instructions) - self._dropped

    def emit(
        self,
        op: int,
        *words: Word,
        members: ConstantSet | None = None,
        place: Place = NOWHERE,
    ) -> Temporary:
        """The result of `op`; the same temporary where it was asked for before."""
        if members is not None:
            words = (*words, members)
        key = (op, *(_key(word) for word in words))
        if (known := self._known.get(key)) is not None:
            return known
        result = self._add(op, words, list(_operands(words)), place)
        self._known[key] = result
        return result

    def _add(
        self, op: int, words: tuple[Word, ...], reads: list[Operand], place: Place
    ) -> Temporary:
        after = any(self.is_after_models(operand) for operand in reads)
        home = self._innermost(reads)
        result = Temporary(len(self._instructions))
        self._instructions.append(_Instruction(op, words, place, after, home))
        (self._code if home is None else self._blocks[home].code).append(result.number)
        return result

    def _innermost(self, operands: Iterable[Operand]) -> int | None:
        homes = [home for o in operands if (home := self._home(o)) is not None]
        return max(homes, key=lambda home: self._blocks[home].depth, default=None)

    def _home(self, operand: Operand) -> int | None:
        match operand:
            case Temporary(number):
                return self._instructions[number].block
            case BlockVariable(block):
                return block
            case _:
                return None

    # --- comprehensions ---

    def open_block(self, depth: int, *, has_second: bool) -> int:
        """A new block, with a second variable or not; `depth` comprehensions surround it."""
        self._blocks.append(_Block(depth, has_second))
        return len(self._blocks) - 1

    def end_condition(self, block: int, condition: Operand) -> None:
        """What was emitted into `block` so far decides, as `condition`, whether to go on."""
        self._blocks[block].condition = condition
        self._blocks[block].condition_instructions = len(self._blocks[block].code)

    def fold(
        self, over: Operand, first: Operand, number: int, step: Operand, place: Place
    ) -> Temporary:
        """The last accumulator of block `number` over a list or map, beginning with `first`.

        The block is closed: nothing may be emitted into it afterwards.
        """
        block = self._blocks[number]
        block.step = step
        local: dict[object, object] = {
            BlockVariable(number, name): (block.depth, name)
            for name in ("first", "second", "accumulator")
        }
        local |= {Temporary(t): (block.depth, i) for i, t in enumerate(block.code)}
        outside: list[Operand] = []
        code = tuple(
            _rename((i.op, *(self._signed(word) for word in i.words)), local, outside)
            for i in (self._instructions[t] for t in block.code)
        )
        ends = _rename((_key(block.condition), _key(step)), local, outside)
        block.signature = (block.has_second, block.condition_instructions, code, ends)
        key = (image.OP_FOLD, _key(over), _key(first), block.signature)
        if (known := self._known.get(key)) is not None:
            self._dropped += self._size(block)
            return known
        words = (over, first, _BlockReference(number))
        result = self._add(image.OP_FOLD, words, [over, first, *outside], place)
        self._known[key] = result
        return result

    def _signed(self, word: Word) -> object:
        return (
            self._blocks[word.number].signature if isinstance(word, _BlockReference) else _key(word)
        )

    def _reads(self, block: _Block) -> Iterator[Operand]:
        """Every operand that the block or a block inside it reads."""
        yield from (block.condition, block.step)
        for number in block.code:
            words = self._instructions[number].words
            yield from _operands(words)
            for word in words:
                if isinstance(word, _BlockReference):
                    yield from self._reads(self._blocks[word.number])

    def _size(self, block: _Block) -> int:
        inner = (
            self._size(self._blocks[word.number])
            for number in block.code
            for word in self._instructions[number].words
            if isinstance(word, _BlockReference)
        )
        return len(block.code) + sum(inner)

    # --- the whole ---

    def made(self, temporary: Temporary) -> tuple[int, tuple[Word, ...]]:
        """The operation that makes `temporary`, and its words."""
        instruction = self._instructions[temporary.number]
        return instruction.op, instruction.words

    def is_after_models(self, operand: Operand) -> bool:
        """Whether the operand has its value only once the models have run."""
        if isinstance(operand, Temporary):
            return self._instructions[operand.number].after_models
        return isinstance(operand, CoreOutput)

    def _all_reads(self) -> Iterator[Operand]:
        for number in self._code:
            words = self._instructions[number].words
            yield from _operands(words)
            for word in words:
                if isinstance(word, _BlockReference):
                    yield from self._reads(self._blocks[word.number])

    def slots(self) -> list[RowSlot]:
        """Everything that instructions read from the row, in their order."""
        return [operand.slot for operand in self._all_reads() if isinstance(operand, Slot)]

    def lay_out(
        self, slots: dict[RowSlot, int], core_outputs: list[str], extra: list[Operand]
    ) -> tuple[image.Program, Registers]:
        """The program, and the register of every operand; `extra` are constants used elsewhere."""
        constants: dict[tuple[str, object], Constant] = {}
        for operand in (*self._all_reads(), *extra):
            if isinstance(operand, Constant):
                constants.setdefault(operand.key(), operand)
        base = len(slots)
        models = base + len(constants)
        registers = Registers(
            slots=slots,
            constants={key: base + i for i, key in enumerate(constants)},
            core_outputs={name: models + i for i, name in enumerate(core_outputs)},
            next=models + len(core_outputs),
        )
        program = image.Program(constant_base=base)
        for constant in constants.values():
            self._add_constant(program.constants.add(), constant)
        self._write_code(program, registers)
        program.register_count = registers.next
        self.messages.write(program)
        return program, registers

    def _write_code(self, program: image.Program, registers: Registers) -> None:
        before = [t for t in self._code if not self._instructions[t].after_models]
        after = [t for t in self._code if self._instructions[t].after_models]
        program.instructions_before_models = len(before)
        writer = _Writer(program, registers, self.messages)
        for number in (*before, *after):
            program.code.extend(self._words(number, writer))
        writer.finish()

    def _words(self, number: int, writer: _Writer) -> list[int]:
        instruction = self._instructions[number]
        words = [
            self._write_block(word.number, writer)
            if isinstance(word, _BlockReference)
            else writer.word(word)
            for word in instruction.words
        ]
        words += [0] * (3 - len(words))
        to = writer.registers.add(Temporary(number))
        return [instruction.op, to, *words, writer.place(instruction.place)]

    def _write_block(self, number: int, writer: _Writer) -> int:
        block = self._blocks[number]
        registers = writer.registers
        built = image.Block(
            first=registers.add(BlockVariable(number, "first")),
            accumulator=registers.add(BlockVariable(number, "accumulator")),
            condition_instructions=block.condition_instructions,
        )
        if block.has_second:
            built.second_plus_one = registers.add(BlockVariable(number, "second")) + 1
        for temporary in block.code:
            built.code.extend(self._words(temporary, writer))
        built.condition = registers.of(block.condition)
        built.step = registers.of(block.step)
        writer.program.blocks.append(built)
        return len(writer.program.blocks) - 1

    def _add_constant(self, added: image.Constant, constant: Constant) -> None:
        write_constant(added, constant, self.messages)


@dataclass(slots=True)
class Registers:
    """Which register holds which operand."""

    slots: dict[RowSlot, int]
    constants: dict[tuple[str, object], int]
    core_outputs: dict[str, int]
    next: int
    _others: dict[Operand, int] = field(default_factory=dict)

    def add(self, operand: Operand) -> int:
        """Gives a temporary or a block's variable its register."""
        self._others[operand] = self.next
        self.next += 1
        return self.next - 1

    def of(self, operand: Operand) -> int:
        """The operand's register."""
        match operand:
            case Slot(slot):
                return self.slots[slot]
            case Constant():
                return self.constants[operand.key()]
            case CoreOutput(name):
                return self.core_outputs[name]
            case _:
                return self._others[operand]


@dataclass(slots=True)
class _Writer:
    """What instructions refer to by number, filled as they are written."""

    program: image.Program
    registers: Registers
    messages: MessageTable
    sets: dict[ConstantSet, int] = field(default_factory=dict)
    parts: dict[Part, int] = field(default_factory=dict)
    places: dict[Place, int] = field(default_factory=lambda: {NOWHERE: 0})

    def word(self, word: Word) -> int:
        match word:
            case int():
                return word
            case ConstantSet():
                return self.sets.setdefault(word, len(self.sets))
            case MessageType(name):
                return self.messages.index(name)
            case Part():
                if word not in self.parts:
                    registers = [self.registers.of(operand) for operand in word.operands]
                    self.parts[word] = word.add_to(self.program, registers)
                return self.parts[word]
            case Arguments(items):
                start = len(self.program.arguments)
                self.program.arguments.extend(
                    item if isinstance(item, int) else self.registers.of(item) for item in items
                )
                return start
            case _BlockReference():
                raise TypeError("blocks are written by their builder")
            case _:
                return self.registers.of(word)

    def place(self, place: Place) -> int:
        return self.places.setdefault(place, len(self.places))

    def finish(self) -> None:
        for members in self.sets:
            getattr(self.program.sets.add(), f"{members.type}s").extend(members.values)
        for at in self.places:
            self.program.places.add(file=at.file, line=at.line, column=at.column, owner=at.owner)


def _operands(words: Iterable[Word]) -> Iterator[Operand]:
    for word in words:
        if isinstance(word, Slot | Constant | CoreOutput | Temporary | BlockVariable):
            yield word
        elif isinstance(word, Arguments):
            yield from (item for item in word.items if not isinstance(item, int))
        elif isinstance(word, Part):
            yield from word.operands


def _key(word: Word) -> object:
    if isinstance(word, Constant):
        return ("constant", *word.key())
    if isinstance(word, Arguments):
        return tuple(item if isinstance(item, int) else _key(item) for item in word.items)
    return word


def _rename(tree: Any, local: dict[object, object], outside: list[Operand]) -> Any:
    """`tree` with what is local named by its place, and collects the operands from outside."""
    if isinstance(tree, tuple):
        return tuple(_rename(part, local, outside) for part in tree)
    if isinstance(tree, Temporary | BlockVariable | CoreOutput):
        if tree in local:
            return local[tree]
        outside.append(tree)
    return tree


def write_constant(added: image.Constant, constant: Constant, messages: MessageTable) -> None:
    """Fills `added`."""
    match constant.type:
        case "list" | "map" | "optional":
            values: image.ConstantList = getattr(added, f"{constant.type}_value")
            values.SetInParent()
            for value in constant.value:
                write_constant(values.values.add(), value, messages)
        case "timestamp" | "duration":
            moment: image.Moment = getattr(added, f"{constant.type}_value")
            moment.seconds, moment.nanos = constant.value
        case "null" | "missing":
            setattr(added, "null_value" if constant.type == "null" else "missing", True)
        case "message":
            name, content = constant.value
            added.message_value.message_type = messages.index(name)
            added.message_value.bytes = content
        case _:
            setattr(added, f"{constant.type}_value", constant.value)
