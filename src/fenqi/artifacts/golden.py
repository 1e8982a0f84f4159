"""`golden.json`: rows that travel with a model, and what the training library made of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.json_file import Cell, cells, number, parse, serialize
from fenqi.artifacts.manifest import Manifest, TensorType

# Tree ensembles run in float32, training libraries in float64.
TOLERANCE = 1e-5

Tensors = dict[str, NDArray[Any]]

DTYPES: dict[TensorType, Any] = {
    "float": np.float32,
    "double": np.float64,
    "int64": np.int64,
    "string": np.object_,
    "bool": np.bool_,
}


class GoldenRows(BaseModel):
    """What is inside `golden.json`. Exactly one of margin and probability is there, as in the
    manifest's outputs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # One matrix for each input tensor, by name; null where missing.
    inputs: dict[str, list[list[Cell]]]
    # What the rows were judged by: the training library, or only the graph itself.
    predictions_of: Literal["library", "onnxruntime"]
    margin: list[Annotated[float, Field(allow_inf_nan=False)]] | None = None
    probability: list[Annotated[float, Field(ge=0, le=1)]] | None = None
    # Each column's part of the margin, by the training library or the shap package.
    contributions: list[list[float]] | None = None
    # How far a margin or probability may lie from the prediction: tolerance x max(1, |prediction|).
    tolerance: Annotated[float, Field(gt=0, le=1e-3)] = TOLERANCE

    @property
    def expected(self) -> NDArray[np.float64]:
        """Margins or probabilities, [rows]."""
        return np.array(self.margin if self.margin is not None else self.probability)

    def tensors(self, manifest: Manifest) -> Tensors:
        """The graph's inputs, [rows, columns] each."""
        return {
            tensor.name: tensor_of(self.inputs[tensor.name], tensor.type)
            for tensor in manifest.inputs
        }


def read_golden(path: Path, content: bytes, manifest: Manifest) -> GoldenRows:
    """The golden rows in `content`, for a model of this manifest. Raises ArtifactError."""
    golden = parse(path, content, GoldenRows)
    named = "margin" if manifest.outputs.margin is not None else "probability"
    if (
        getattr(golden, named) is None
        or len(golden.model_fields_set & {"margin", "probability"}) > 1
    ):
        raise ArtifactError(f"{path}: the manifest names a {named}; it must hold just that")
    if list(golden.inputs) != [tensor.name for tensor in manifest.inputs]:
        raise ArtifactError(f"{path}: `inputs` are not the manifest's, in its order")
    if not len(golden.expected):
        raise ArtifactError(f"{path}: there are no rows")
    for tensor in manifest.inputs:
        rows = golden.inputs[tensor.name]
        if len(rows) != len(golden.expected):
            raise ArtifactError(
                f"{path}: inputs.{tensor.name} has {len(rows)} rows, "
                f"{named} has {len(golden.expected)}"
            )
        for index, row in enumerate(rows):
            if len(row) != len(tensor.columns):
                raise ArtifactError(
                    f"{path}: inputs.{tensor.name}.{index} has {len(row)} values for "
                    f"{len(tensor.columns)} columns"
                )
        try:
            tensor_of(rows, tensor.type)
        except (ValueError, TypeError, OverflowError) as error:
            raise ArtifactError(f"{path}: inputs.{tensor.name}: {error}") from None
    return golden


def golden_bytes(golden: dict[str, Any]) -> bytes:
    """The file; `golden` holds GoldenRows' fields, with arrays for lists."""
    written = {
        key: {name: cells(rows) for name, rows in value.items()}
        if key == "inputs"
        else value.tolist()
        if isinstance(value, np.ndarray)
        else value
        for key, value in golden.items()
        if value is not None
    }
    return serialize(written)


def tensor_of(rows: list[list[Cell]], type: TensorType) -> NDArray[Any]:
    """A tensor [rows, columns] from cells. Raises ValueError where a cell does not fit its type."""
    if type == "string":
        for row in rows:
            for cell in row:
                if cell is not None and not isinstance(cell, str):
                    raise ValueError(f"{cell!r} is no text")
        return np.array([[cell or "" for cell in row] for row in rows], dtype=np.object_)
    if type in ("int64", "bool"):
        wanted = bool if type == "bool" else int
        for row in rows:
            for cell in row:
                if isinstance(cell, str) or cell is None or wanted(cell) != cell:
                    raise ValueError(f"{cell!r} is no {type}")
        return np.array(rows, dtype=DTYPES[type])
    return np.array([[number(cell) for cell in row] for row in rows], dtype=DTYPES[type])
