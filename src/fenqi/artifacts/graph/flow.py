"""What the cells of a native model are made from: which columns of the inputs, and how a margin
adds up from others, such as what a forest gives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from fenqi.artifacts.graph.tensors import BANKS
from fenqi.internal.v1 import native_model_pb2 as image

_RESULT_BANKS = {
    image.STEP_KIND_TO_FLOAT: "float",
    image.STEP_KIND_TO_DOUBLE: "double",
    **dict.fromkeys(
        (
            image.STEP_KIND_TO_INT64,
            image.STEP_KIND_TO_INT32,
            image.STEP_KIND_TO_BOOL,
            image.STEP_KIND_EQUAL,
            image.STEP_KIND_LESS,
            image.STEP_KIND_LESS_OR_EQUAL,
            image.STEP_KIND_IS_NAN,
            image.STEP_KIND_FIND,
            image.STEP_KIND_GROUP_ARG_MAX,
            image.STEP_KIND_GROUP_ARG_MIN,
        ),
        "int",
    ),
}
_BINARY = {
    image.STEP_KIND_ADD,
    image.STEP_KIND_SUBTRACT,
    image.STEP_KIND_MULTIPLY,
    image.STEP_KIND_DIVIDE,
    image.STEP_KIND_MIN,
    image.STEP_KIND_MAX,
    image.STEP_KIND_POWER,
    image.STEP_KIND_EQUAL,
    image.STEP_KIND_LESS,
    image.STEP_KIND_LESS_OR_EQUAL,
    image.STEP_KIND_AND,
    image.STEP_KIND_OR,
    image.STEP_KIND_XOR,
}
# An element of the result rests on one of a, whatever else it does with it.
_UNARY = {
    image.STEP_KIND_TO_FLOAT,
    image.STEP_KIND_TO_DOUBLE,
    image.STEP_KIND_TO_INT64,
    image.STEP_KIND_TO_INT32,
    image.STEP_KIND_TO_BOOL,
    image.STEP_KIND_ABS,
    image.STEP_KIND_NEGATE,
    image.STEP_KIND_EXP,
    image.STEP_KIND_LOG,
    image.STEP_KIND_SQRT,
    image.STEP_KIND_RECIPROCAL,
    image.STEP_KIND_FLOOR,
    image.STEP_KIND_CEIL,
    image.STEP_KIND_TANH,
    image.STEP_KIND_RELU,
    image.STEP_KIND_SIGMOID,
    image.STEP_KIND_LOGISTIC,
    image.STEP_KIND_IS_NAN,
    image.STEP_KIND_NOT,
}
_SOFTMAX = (image.STEP_KIND_GROUP_SOFTMAX, image.STEP_KIND_GROUP_SOFTMAX_ZERO)
_SUMS = (image.STEP_KIND_GROUP_SUM, image.STEP_KIND_GROUP_LANE_SUM)
_LOGISTIC = (image.STEP_KIND_SIGMOID, image.STEP_KIND_LOGISTIC)
# Change nothing where the second number is 1.
_BY_ONE = (image.STEP_KIND_MULTIPLY, image.STEP_KIND_DIVIDE)
_CASTS = (image.STEP_KIND_TO_FLOAT, image.STEP_KIND_TO_DOUBLE)

# A bank's name and the number of a cell.
Cell = tuple[str, int]


# Whether a sum ends at a cell.
Ends = Callable[[Cell], bool]


class NotASumError(Exception):
    """The margin is no weighted sum of the cells that it was to be one of; the message says why."""


@dataclass(frozen=True, slots=True)
class Affine:
    """constant + sum of weight x cell."""

    constant: float = 0.0
    weights: dict[Cell, float] = field(default_factory=dict)

    def scaled(self, factor: float) -> Affine:
        """This times `factor`."""
        return Affine(self.constant * factor, {k: w * factor for k, w in self.weights.items()})

    def plus(self, other: Affine) -> Affine:
        """The sum of both."""
        weights: dict[Cell, float] = defaultdict(float, self.weights)
        for key, weight in other.weights.items():
            weights[key] += weight
        return Affine(self.constant + other.constant, dict(weights))


class Flow:
    """Follows a native model's cells back to where they come from."""

    def __init__(self, model: image.NativeModel) -> None:
        self._model = model
        self._made_by: dict[Cell, tuple[image.ModelStep, int]] = {}
        for step in model.steps:
            if step.kind != image.STEP_KIND_REQUIRE:
                bank = _RESULT_BANKS.get(step.kind, BANKS[step.type])
                count = step.count * (step.size if step.kind in _SOFTMAX else 1)
                for i in range(count):
                    self._made_by[bank, step.result + i] = (step, i)
        self._columns: dict[Cell, frozenset[int]] = {}
        column = 0
        for tensor in model.inputs:
            for i in range(tensor.width):
                self._columns[BANKS[tensor.type], tensor.first_cell + i] = frozenset({column})
                column += 1

    def columns(self, cell: Cell) -> frozenset[int]:
        """The columns of the inputs, counted over all of them, that a cell rests on."""
        # Without recursion: graphs are as deep as whoever made them likes.
        pending = [cell]
        while pending:
            at = pending[-1]
            if at in self._columns:
                pending.pop()
                continue
            made = self._made_by.get(at)
            operands = [] if made is None else list(self._operands(*made))
            unknown = [operand for operand in operands if operand not in self._columns]
            if unknown:
                pending += unknown
            else:
                self._columns[at] = frozenset().union(*(self._columns[o] for o in operands))
        return self._columns[cell]

    def forest_row(self, forest: int) -> list[Cell]:
        """The cells of the row that a forest is asked about."""
        step = next(
            s for s in self._model.steps if s.kind == image.STEP_KIND_FOREST and s.index == forest
        )
        return [("float", step.a + i) for i in range(self._model.forests[forest].column_count)]

    def output(self, name: str, column: int) -> Cell:
        """The cell of an output's column; of the only one, whichever is asked for."""
        tensor = next(output for output in self._model.outputs if output.name == name)
        return BANKS[tensor.type], tensor.first_cell + (column if tensor.width > 1 else 0)

    def forest_at(self, cell: Cell) -> tuple[int, int] | None:
        """The forest and its target that give the cell."""
        step, i = self._made_by.get(cell, (None, 0))
        if step is None or step.kind != image.STEP_KIND_FOREST:
            return None
        return step.index, i

    def margin(self, cell: Cell, ends: Ends) -> Affine:
        """A margin's cell as a sum of cells at which `ends` holds. Raises NotASumError."""
        constant = self._constant(cell)
        if constant is not None:
            return Affine(constant)
        if ends(cell):
            return Affine(weights={cell: 1.0})
        step, i = self._step(cell)
        a, b, c = self._elementwise(step, i)
        match step.kind:
            case image.STEP_KIND_COPY:
                return self.margin(next(iter(self._operands(step, i))), ends)
            case _ if step.kind in _CASTS:
                return self.margin(a, ends)
            case image.STEP_KIND_NEGATE:
                return self.margin(a, ends).scaled(-1.0)
            case image.STEP_KIND_ADD:
                return self.margin(a, ends).plus(self.margin(b, ends))
            case image.STEP_KIND_SUBTRACT:
                return self.margin(a, ends).plus(self.margin(b, ends).scaled(-1.0))
            case image.STEP_KIND_MULTIPLY:
                return _product(self.margin(a, ends), self.margin(b, ends))
            case image.STEP_KIND_DIVIDE:
                return self.margin(a, ends).scaled(1.0 / _constant(self.margin(b, ends)))
            case _ if step.kind in _SUMS:
                total = Affine()
                for operand in self._operands(step, i):
                    total = total.plus(self.margin(operand, ends))
                return total
            case image.STEP_KIND_MATRIX:
                total = self.margin(c, ends)
                for k in range(step.size):
                    given = self.margin((a[0], step.a + k), ends)
                    factor = self.margin((a[0], step.b + k * step.count + i), ends)
                    total = total.plus(_product(given, factor))
                return total
        raise NotASumError(f"it passes through {_name(step)}")

    def log_odds(self, cell: Cell, ends: Ends) -> Affine:
        """The same for a probability's cell: its log-odds. Raises NotASumError."""
        step, i = self._step(cell)
        a, b, c = self._elementwise(step, i)
        if step.kind in _LOGISTIC:
            return self.margin(a, ends)
        if step.kind == image.STEP_KIND_GROUP_SOFTMAX and step.size == 2:
            own, other = step.a + i, step.a + (i ^ 1)
            bank = BANKS[step.type]
            return self.margin((bank, own), ends).plus(self.margin((bank, other), ends).scaled(-1))
        if step.kind == image.STEP_KIND_COPY:
            return self.log_odds(next(iter(self._operands(step, i))), ends)
        if step.kind in _CASTS:
            return self.log_odds(a, ends)
        if step.kind == image.STEP_KIND_SUBTRACT and self._is_one(a):
            return self.log_odds(b, ends).scaled(-1.0)
        if step.kind in _BY_ONE and self._is_one(b):
            return self.log_odds(a, ends)
        if step.kind == image.STEP_KIND_SELECT and self._is_share(c, of=b):
            return self._log_odds_of_share(b, c, ends)
        raise NotASumError(f"the probability comes from {_name(step)}")

    def _is_share(self, cell: Cell, of: Cell) -> bool:
        """Whether a cell is `of` divided by the absolute sum of a row, as Normalizer makes it."""
        step, i = self._made_by.get(cell, (None, 0))
        return (
            step is not None
            and step.kind == image.STEP_KIND_DIVIDE
            and self._elementwise(step, i)[0] == of
        )

    def _log_odds_of_share(self, cell: Cell, share: Cell, ends: Ends) -> Affine:
        """Of p / (p + q), which is p where q is 1 - p: where their log-odds are opposite."""
        (step, i) = self._made_by[share]
        summed, which = self._step(self._elementwise(step, i)[1])
        if summed.kind in _SUMS:
            row = [self._absolute(operand) for operand in self._operands(summed, which)]
            if len(row) == 2 and cell in row:
                other = row[1 - row.index(cell)]
                own, rest = self.log_odds(cell, ends), self.log_odds(other, ends)
                total = own.plus(rest)
                if total.constant == 0.0 and not any(total.weights.values()):
                    return own
        raise NotASumError("the probability is a share of others that are not its complement")

    def _absolute(self, cell: Cell) -> Cell:
        """The cell whose absolute value this one is."""
        step, i = self._step(cell)
        return self._elementwise(step, i)[0] if step.kind == image.STEP_KIND_ABS else cell

    def _is_one(self, cell: Cell) -> bool:
        return self._constant(cell) == 1.0

    def _constant(self, cell: Cell) -> float | None:
        bank, number = cell
        model = self._model
        constants: Mapping[str, Sequence[float]] = {
            "float": model.float_constants,
            "double": model.double_constants,
            "int": model.int_constants,
        }
        known = constants.get(bank, ())
        return float(known[number]) if number < len(known) else None

    def _step(self, cell: Cell) -> tuple[image.ModelStep, int]:
        if cell not in self._made_by:
            raise NotASumError("it rests on an input as it is")
        return self._made_by[cell]

    @staticmethod
    def _elementwise(step: image.ModelStep, i: int) -> tuple[Cell, Cell, Cell]:
        """The operands of element i where the step has one for each."""
        bank = BANKS[step.type]
        first = "int" if step.kind in (image.STEP_KIND_SELECT, image.STEP_KIND_TAKE) else bank
        return (
            (first, step.a + (0 if step.single & 1 else i)),
            (bank, step.b + (0 if step.single & 2 else i)),
            (bank, step.c + (0 if step.single & 4 else i)),
        )

    def _operands(self, step: image.ModelStep, i: int) -> Iterator[Cell]:
        """What element i of the result rests on."""
        bank = BANKS[step.type]
        a, b, c = self._elementwise(step, i)
        match step.kind:
            case image.STEP_KIND_COPY:
                yield bank, self._model.copied_cells[step.index + i]
            case image.STEP_KIND_MULTIPLY if 0.0 in (self._constant(a), self._constant(b)):
                # How converters make constants: whatever the other number is.
                return
            case image.STEP_KIND_SELECT:
                yield from (a, b, c)
            case image.STEP_KIND_TAKE | image.STEP_KIND_FIND:
                yield a
                yield from ((bank, step.b + k) for k in range(step.size))
            case image.STEP_KIND_MATRIX:
                yield from ((bank, step.a + k) for k in range(step.size))
                yield from ((bank, step.b + k * step.count + i) for k in range(step.size))
                yield c
            case image.STEP_KIND_FOREST:
                columns = self._model.forests[step.index].column_count
                yield from ((bank, step.a + k) for k in range(columns))
            case _ if step.kind in _BINARY:
                yield from (a, b)
            case _ if step.kind in _UNARY:
                yield a
            case _:
                # Groups of neighbours.
                group = i // step.size if step.kind in _SOFTMAX else i
                yield from ((bank, step.a + group * step.size + k) for k in range(step.size))


def _product(a: Affine, b: Affine) -> Affine:
    return a.scaled(_constant(b)) if not b.weights else b.scaled(_constant(a))


def _constant(value: Affine) -> float:
    if value.weights:
        raise NotASumError("it multiplies or divides by what depends on the inputs")
    return value.constant


def _name(step: image.ModelStep) -> str:
    return image.StepKind.Name(step.kind).removeprefix("STEP_KIND_").lower().replace("_", " ")
