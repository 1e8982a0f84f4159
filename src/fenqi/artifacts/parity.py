"""`parity.json`: how far training library, onnxruntime and the native path are from one another."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fenqi.artifacts.json_file import parse, serialize

Judge = Literal["library", "onnxruntime", "native"]
# Of the artifact; of the sample that it was packed from; beside split values.
Rows = Literal["golden", "sample", "splits"]


class Comparison(BaseModel):
    """Two judges of the same rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Rows
    count: Annotated[int, Field(ge=0)]
    between: tuple[Judge, Judge]
    # Largest |a - b| / max(1, |a|) of margins or probabilities, and in which row.
    largest: Annotated[float, Field(ge=0)]
    at: Annotated[int, Field(ge=0)]


class ParityCertificate(BaseModel):
    """What is inside `parity.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Names with versions. No library: its predictions were not given. No native path: see `why`.
    library: str | None
    onnxruntime: str
    native: str | None = None
    why_not_native: str | None = None
    comparisons: list[Comparison]
    # Distinct pairs of a column and a value that trees split at; each is tried with its neighbours
    # on both sides, but for those that stand behind steps through which it cannot be reached.
    split_values: Annotated[int, Field(ge=0)] = 0
    split_values_not_tried: Annotated[int, Field(ge=0)] = 0
    tolerance: Annotated[float, Field(gt=0)]
    verdict: Literal["equal", "the training library was not compared"]


def compare(
    rows: Rows,
    between: tuple[Judge, Judge],
    first: NDArray[Any],
    second: NDArray[Any],
) -> Comparison:
    """Compares margins or probabilities [rows] of the same rows. NaN differs from everything but
    NaN, infinitely."""
    with np.errstate(invalid="ignore"):
        away = np.abs(first - second) / np.maximum(1, np.abs(first))
    same = (first == second) | (np.isnan(first) & np.isnan(second))
    away = np.where(same, 0.0, np.where(np.isnan(away), np.inf, away))
    at = int(away.argmax())
    return Comparison(rows=rows, count=len(away), between=between, largest=float(away[at]), at=at)


def read_parity(path: Path, content: bytes) -> ParityCertificate:
    """Raises ArtifactError."""
    return parse(path, content, ParityCertificate)


def parity_bytes(certificate: ParityCertificate) -> bytes:
    """The file."""
    return serialize(certificate.model_dump())
