"""Puts a NativeModel together: cells, constants and steps (native_model.proto)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.graph.tensors import (
    BANKS,
    NUMPY_TYPES,
    STRING,
    TENSOR_TYPES,
    NotNativeError,
    Tensor,
)
from fenqi.internal.v1 import native_model_pb2 as image

Cells = NDArray[np.int64]

# The core's limit on cells of one bank.
MOST_CELLS = 1 << 22
# Variables are numbered from here while constants are still being added; see `finish`.
_VARIABLES = 1 << 40


class _Bank:
    """The cells of one bank."""

    def __init__(self) -> None:
        self.constants: list[Any] = []
        self.variables = 0
        # Where a block of constants, or of copies, stands that is wanted again.
        self.blocks: dict[tuple[Any, ...], int] = {}
        self.copies: dict[bytes, int] = {}


class ModelBuilder:
    """A native model in the making."""

    def __init__(self) -> None:
        self.model = image.NativeModel()
        self._banks = {name: _Bank() for name in ("float", "double", "int", "text")}
        self._copied: list[tuple[str, Cells]] = []
        # Fields of steps and tensors that hold a cell, with its bank.
        self._steps: list[tuple[image.ModelStep, dict[str, tuple[str, int]]]] = []

    # --- cells ---

    def new_cells(self, dtype: int, shape: Sequence[int]) -> Tensor:
        """A tensor of cells that nothing has written yet."""
        bank = self._bank(dtype)
        count = int(np.prod(shape, dtype=np.int64))
        first = _VARIABLES + bank.variables
        bank.variables += count
        if bank.variables > MOST_CELLS:
            raise NotNativeError("it works on more values at a time than the core keeps")
        return Tensor(dtype, cells=np.arange(first, first + count, dtype=np.int64).reshape(shape))

    def cells_of(self, tensor: Tensor) -> Cells:
        """The cell of each element; those of a constant are made."""
        if tensor.cells is not None:
            return tensor.cells
        assert tensor.value is not None
        flat = tensor.value.ravel()
        first = self._constants(tensor.dtype, flat)
        return np.arange(first, first + flat.size, dtype=np.int64).reshape(tensor.shape)

    def _bank(self, dtype: int) -> _Bank:
        return self._banks[BANKS[TENSOR_TYPES[dtype]]]

    def _constants(self, dtype: int, flat: NDArray[Any]) -> int:
        """Where `flat` stands among the constants, as a block."""
        bank = self._bank(dtype)
        # NaN and -0 are told apart by their bytes.
        bits = tuple(flat) if dtype == STRING else (flat.dtype.str, flat.tobytes())
        if bits not in bank.blocks:
            bank.blocks[bits] = len(bank.constants)
            bank.constants += flat.tolist()
            if len(bank.constants) > MOST_CELLS:
                raise NotNativeError("it has more constants than the core keeps")
        return bank.blocks[bits]

    # --- steps ---

    def operand(self, tensor: Tensor, shape: Sequence[int] | None = None) -> tuple[int, bool]:
        """The first cell of `tensor`, broadcast to `shape`, and whether it is one for all.

        Elements that are not neighbours are copied side by side first.
        """
        if shape is not None and tensor.size > 1:
            tensor = tensor.moved(lambda array: np.broadcast_to(array, shape))
        if tensor.size == 1 and shape is not None and np.prod(shape, dtype=np.int64) > 1:
            return int(self.cells_of(tensor).ravel()[0]), True
        cells = self.cells_of(tensor).ravel()
        if cells.size > 1 and (np.diff(cells) != 1).any():
            if (cells == cells[0]).all() and shape is not None:
                return int(cells[0]), True
            return self._copy(tensor.dtype, cells), False
        return int(cells[0]), False

    def _copy(self, dtype: int, cells: Cells) -> int:
        bank = self._bank(dtype)
        known = bank.copies.get(cells.tobytes())
        if known is not None:
            return known
        if (cells < _VARIABLES).all():
            values = np.array([bank.constants[i] for i in cells], dtype=NUMPY_TYPES[dtype])
            first = self._constants(dtype, values)
        else:
            result = self.new_cells(dtype, [cells.size])
            index = sum(len(copied) for _, copied in self._copied)
            self._copied.append((BANKS[TENSOR_TYPES[dtype]], cells))
            self._add(image.STEP_KIND_COPY, dtype, result, count=cells.size, index=index)
            first = int(self.cells_of(result)[0])
        bank.copies[cells.tobytes()] = first
        return first

    def step(
        self,
        kind: image.StepKind,
        result: Tensor | None,
        operands: Sequence[Tensor],
        *,
        count: int | None = None,
        size: int = 0,
        index: int = 0,
        dtype: int | None = None,
    ) -> Tensor | None:
        """Adds a step that writes `result`, and gives it back.

        `operands` are a, b, c; where `count` is None each is broadcast to the result's shape.
        `dtype` is the operands' type: the first one's unless it is said.
        """
        shape = None if count is not None or result is None else result.shape
        places = [self.operand(operand, shape) for operand in operands]
        fields = {
            name: (BANKS[TENSOR_TYPES[operand.dtype]], place)
            for name, operand, (place, _) in zip("abc", operands, places, strict=False)
        }
        single = sum(1 << i for i, (_, one) in enumerate(places) if one)
        if count is None:
            count = operands[0].size if result is None else result.size
        kind_of_operands = operands[0].dtype if dtype is None else dtype
        self._add(
            kind, kind_of_operands, result, fields, count=count, single=single, size=size,
            index=index,
        )  # fmt: skip
        return result

    def _add(
        self,
        kind: image.StepKind,
        dtype: int,
        result: Tensor | None,
        fields: dict[str, tuple[str, int]] | None = None,
        **numbers: int,
    ) -> None:
        step = image.ModelStep(kind=kind, type=TENSOR_TYPES[dtype], **numbers)
        places = dict(fields or {})
        if result is not None:
            first = int(self.cells_of(result).ravel()[0])
            places["result"] = (BANKS[TENSOR_TYPES[result.dtype]], first)
        self._steps.append((step, places))

    # --- the model ---

    def add_input(self, name: str, dtype: int, width: int) -> Tensor:
        """An input tensor of shape [1, width]."""
        tensor = self.new_cells(dtype, [1, width])
        self._inputs_or_outputs(self.model.inputs, name, tensor)
        return tensor

    def add_output(self, name: str, tensor: Tensor) -> None:
        """An output; any shape, its elements in order."""
        self._inputs_or_outputs(self.model.outputs, name, tensor)

    def _inputs_or_outputs(self, into: Any, name: str, tensor: Tensor) -> None:
        first, _ = self.operand(tensor)
        added = into.add(name=name, type=TENSOR_TYPES[tensor.dtype], width=tensor.size)
        self._steps.append((added, {"first_cell": (BANKS[added.type], first)}))

    def add_forest(self, forest: image.Forest) -> int:
        """The forest's index."""
        self.model.forests.append(forest)
        return len(self.model.forests) - 1

    def finish(self) -> image.NativeModel:
        """The whole model: variables now follow their bank's constants."""
        model = self.model
        for bank, copied in self._copied:
            model.copied_cells.extend(self._final(bank, int(cell)) for cell in copied)
        for part, places in self._steps:
            for name, (bank, cell) in places.items():
                setattr(part, name, self._final(bank, cell))
            if isinstance(part, image.ModelStep):
                model.steps.append(part)
        banks = self._banks
        model.float_constants.extend(banks["float"].constants)
        model.double_constants.extend(banks["double"].constants)
        model.int_constants.extend(int(value) for value in banks["int"].constants)
        model.text_constants.extend(str(text).encode() for text in banks["text"].constants)
        for name, each in banks.items():
            setattr(model, f"{name}_cells", len(each.constants) + each.variables)
        return model

    def _final(self, bank: str, cell: int) -> int:
        if cell < _VARIABLES:
            return cell
        return cell - _VARIABLES + len(self._banks[bank].constants)
