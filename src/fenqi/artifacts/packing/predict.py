"""The training library's own predictions, by a function of the packer's: `module:function`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.error import ArtifactError


@dataclass(frozen=True, slots=True)
class Predict:
    """Calls `function` with a dictionary of columns, [rows] each, by their headings in the data, in
    the order in which they feed the graph. It gives a margin or probability a row, [rows], or
    [rows, classes]. `name` is for messages."""

    name: str
    function: Callable[[Mapping[str, NDArray[Any]]], Any]

    def __call__(
        self, columns: Mapping[str, NDArray[Any]], default_class: int
    ) -> NDArray[np.float64]:
        """What is predicted of each row, [rows]; of classes, `default_class`, from 0. Raises
        ArtifactError."""
        rows = len(next(iter(columns.values())))
        try:
            given = np.asarray(self.function(columns), dtype=np.float64)
        except Exception as error:
            # Whatever goes wrong in it is the packer's to read.
            said = f"{type(error).__name__}: {error}"
            raise ArtifactError(f"{self.name} failed on {rows} rows: {said}") from error
        if given.ndim not in (1, 2) or len(given) != rows or not given.size:
            raise ArtifactError(
                f"{self.name} gave an array of shape {given.shape} for {rows} rows: expected a "
                "number a row, or one for each row and class"
            )
        by_row = given.reshape(rows, -1)
        if by_row.shape[1] == 1:
            return by_row[:, 0]
        if default_class >= by_row.shape[1]:
            raise ArtifactError(
                f"{self.name} gave {by_row.shape[1]} classes; there is no class {default_class}, "
                "from 0"
            )
        return by_row[:, default_class]


def load_predict(name: str) -> Predict:
    """The function that `name`, `module:function`, names; modules of the working directory too.

    It runs the module, as importing it does. Raises ArtifactError.
    """
    module, separator, function = name.partition(":")
    if not (module and separator and function):
        raise ArtifactError(
            f"{name!r} names no function: expected module:function, as in train:predict"
        )
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        found = getattr(importlib.import_module(module), function, None)
    except Exception as error:
        raise ArtifactError(
            f"{module} cannot be imported: {type(error).__name__}: {error}"
        ) from error
    if not callable(found):
        raise ArtifactError(f"{module} has no function {function}")
    return Predict(name, found)
