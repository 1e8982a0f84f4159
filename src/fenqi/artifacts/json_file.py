"""JSON files of an artifact: strictly read, compactly written.

JSON has no NaN and no infinities. A value that is missing is null; infinities are the texts "inf"
and "-inf".
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ValidationError

from fenqi.artifacts.error import ArtifactError

Cell = float | bool | str | None
Model = TypeVar("Model", bound=BaseModel)


def parse(path: Path, content: bytes, model: type[Model]) -> Model:
    """`content` of the file at `path`, checked. Raises ArtifactError."""
    try:
        return model.model_validate(json.loads(content, parse_constant=_refuse))
    except ValidationError as error:
        raise ArtifactError(f"{path}: {first_problem(error)}") from None
    except (ValueError, RecursionError) as error:
        raise ArtifactError(f"{path} is not JSON that can be read: {error}") from None


def serialize(content: dict[str, Any]) -> bytes:
    """One line; the same content gives the same bytes."""
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode() + b"\n"


def first_problem(error: ValidationError) -> str:
    """Where and what, of the first thing that pydantic finds wrong."""
    problem = error.errors()[0]
    place = ".".join(str(step) for step in problem["loc"])
    rest = error.error_count() - 1
    more = f" (and {rest} more)" if rest else ""
    message = problem["msg"].removeprefix("Value error, ")
    return f"{place}: {message}{more}" if place else f"{message}{more}"


def cells(values: NDArray[Any]) -> Any:
    """A column, or a matrix as a list of rows, for JSON.

    A float32 is written with as few digits as bring it back.
    """
    if values.ndim > 1:
        return [cells(row) for row in values]
    return [_cell(value) for value in values]


def number(cell: Cell) -> float:
    """What a cell of numbers stands for. Raises ValueError."""
    return math.nan if cell is None else float(cell)


def _cell(value: Any) -> Cell:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, np.bool_ | bool):
        return bool(value)
    if isinstance(value, np.integer | int):
        return int(value)
    if math.isnan(value):
        return None
    if math.isinf(value):
        return "inf" if value > 0 else "-inf"
    return float(str(value))


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no JSON; a missing value is null")
