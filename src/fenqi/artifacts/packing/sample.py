"""Rows of data for packing: a CSV file with a heading, read as the graph's input tensors."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import DTYPES, Tensors
from fenqi.artifacts.interface import Tensor
from fenqi.artifacts.manifest import TensorType

_MISSING = {"", "na", "n/a", "nan", "null", "none"}
_BOOLS = {"true": True, "false": False, "1": True, "0": False}


@dataclass(frozen=True, slots=True)
class Sample:
    """A table of texts. Line numbers in messages count from 1, the heading's."""

    path: Path
    columns: dict[str, list[str]]

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.columns.values())))

    def numbers(self, column: str) -> NDArray[np.float64]:
        """A column of numbers, NaN where missing. Raises ArtifactError."""
        return self._values(column, "double")

    def _values(self, column: str, type: TensorType) -> NDArray[Any]:
        read = []
        for number, text in enumerate(self.only([column]).columns[column]):
            try:
                read.append(_value(text.strip(), type))
            except ValueError as error:
                raise ArtifactError(f"{self.place(number)}: {column}: {error}") from None
        return np.array(read, dtype=DTYPES[type])

    def only(self, columns: list[str]) -> Sample:
        """The sample with these columns, in this order. Raises ArtifactError."""
        absent = [name for name in columns if name not in self.columns]
        if absent:
            raise ArtifactError(
                f"{self.path} has no column {absent[0]}; it has {', '.join(self.columns)}"
            )
        return Sample(self.path, {name: self.columns[name] for name in columns})

    def place(self, row: int) -> str:
        """Where a row, from 0, stands in the file."""
        return f"{self.path}:{row + 2}"

    def tensor(self, type: TensorType, columns: Iterable[str]) -> NDArray[Any]:
        """A tensor [rows, columns]. Raises ArtifactError."""
        return np.stack([self._values(column, type) for column in columns], axis=1)


def read_sample(path: Path) -> Sample:
    """Reads a CSV file with a heading. Raises ArtifactError with file and line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except OSError as error:
        raise ArtifactError(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ArtifactError(
            f"{path} is no text in UTF-8: byte {error.start}; save it as CSV in UTF-8"
        ) from None
    except csv.Error as error:
        raise ArtifactError(f"{path} is no CSV file: {error}") from None
    if len(rows) < 2:
        raise ArtifactError(f"{path} needs a heading and rows below it")
    heading = [name.strip() for name in rows[0]]
    if len(heading) == 1 and re.search(r"[;\t]", heading[0]):
        raise ArtifactError(f"{path}:1: columns are parted by commas, not by `;` or tabs")
    for number, row in enumerate(rows[1:]):
        if len(row) != len(heading):
            raise ArtifactError(
                f"{path}:{number + 2}: {len(row)} values for {len(heading)} columns"
            )
    twice = {name for name in heading if heading.count(name) > 1}
    if twice:
        raise ArtifactError(f"{path}:1: two columns are called {sorted(twice)[0]}")
    return Sample(path, dict(zip(heading, map(list, zip(*rows[1:], strict=True)), strict=True)))


def columns_for(
    sample: Sample, inputs: list[Tensor], columns: list[str] | None, others: set[str]
) -> dict[str, list[str]]:
    """Which columns of the sample feed each input, in order.

    `columns` says so, one input after the other. None: inputs of one column are fed by those of
    their names, others by all columns that are left but `others`, in the file's order. Raises
    ArtifactError where they do not fit.
    """
    if columns is not None:
        sample, others = sample.only(columns), set()
    if all(tensor.columns == 1 and tensor.name in sample.columns for tensor in inputs):
        return {tensor.name: [tensor.name] for tensor in inputs}
    free = [name for name in sample.columns if name not in others]
    wanted = [tensor.columns for tensor in inputs]
    known = [count for count in wanted if count is not None]
    if len(known) < len(wanted) - 1 or (len(known) == len(wanted) and sum(known) != len(free)):
        raise ArtifactError(
            f"the graph wants {_described(inputs)}; {sample.path} has {len(free)} columns for "
            f"them: {', '.join(free)}. Name those that feed it, in order: --columns a,b,..."
        )
    rest = len(free) - sum(known)
    chosen: dict[str, list[str]] = {}
    for tensor in inputs:
        count = rest if tensor.columns is None else tensor.columns
        chosen[tensor.name], free = free[:count], free[count:]
    return chosen


def tensors_of(sample: Sample, inputs: list[Tensor], columns: dict[str, list[str]]) -> Tensors:
    """The graph's inputs, [rows, columns] each. Raises ArtifactError."""
    return {tensor.name: sample.tensor(tensor.type, columns[tensor.name]) for tensor in inputs}


def names_of(headings: list[str]) -> dict[str, str]:
    """What each heading is called as a feature, no two alike: small letters, digits and `_`; of a
    heading without any, as in Chinese, its place, from 1."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for place, heading in enumerate(headings, 1):
        name = re.sub(r"[^a-z0-9]+", "_", heading.lower()).strip("_")
        if not name[:1].isalpha():
            name = f"column_{name or place}"
        while name in taken:
            name += f"_{place}"
        names[heading] = name
        taken.add(name)
    return names


def _described(inputs: list[Tensor]) -> str:
    return ", ".join(
        f"{tensor.name} ({'some' if tensor.columns is None else tensor.columns} columns of "
        f"{tensor.type})"
        for tensor in inputs
    )


def _value(text: str, type: TensorType) -> Any:
    if type == "string":
        return "" if text.lower() in _MISSING else text
    if type == "bool":
        if text.lower() not in _BOOLS:
            raise ValueError(f"{text!r} is neither true nor false")
        return _BOOLS[text.lower()]
    if type == "int64":
        number = _number(text) if text else math.nan
        if number != int(number if math.isfinite(number) else 0):
            raise ValueError(f"{text!r} is no whole number, and the graph takes no missing ones")
        return int(text) if text.lstrip("+-").isdigit() else int(number)
    return math.nan if text.lower() in _MISSING else _number(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no number") from None
