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


Verdict = Literal["equal", "equal but exactly on splits", "the training library was not compared"]


class Comparison(BaseModel):
    """Two judges of the same rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: Rows
    count: Annotated[int, Field(ge=0)]
    between: tuple[Judge, Judge]
    # Largest |a - b| / max(1, |a|) of margins or probabilities, and in which row.
    largest: Annotated[float, Field(ge=0)]
    at: Annotated[int, Field(ge=0)]
    # Rows beside split values that are further apart than they may be, all of them exactly on one:
    # a split that was rounded to float32 has moved across itself only.
    on_split: Annotated[int, Field(ge=0)] = 0

    @property
    def sentence(self) -> str:
        """Who was compared on which rows, and how far apart they are."""
        first, second = ("training library" if one == "library" else one for one in self.between)
        which = _WHICH[self.rows]
        return f"{first} and {second}: {self.count} {which}, {self.largest:.1e} apart at most"


_WHICH: dict[Rows, str] = {
    "golden": "golden rows",
    "sample": "rows of the sample",
    "splits": "rows beside split values",
}


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
    verdict: Verdict

    @property
    def gaps(self) -> list[str]:
        """What nobody knows to be equal, a sentence each."""
        if self.library is None:
            return [
                "no predictions of the training library were given, so nobody knows whether the "
                "conversion is right; `verify --strict` refuses this artifact"
            ]
        by_library = {one.rows for one in self.comparisons if one.between[0] == "library"}
        if self.split_values and "splits" not in by_library:
            return [
                "the training library was compared on rows of the sample, not on those beside "
                "split values, where conversions differ most; `verify --strict` refuses this "
                "artifact"
            ]
        return [
            f"{one.on_split} of {one.count} rows beside split values differ from the training "
            f"library, by up to {one.largest:.2g}: they are exactly on splits, which the "
            "conversion rounded to float32; `verify --strict` refuses this artifact"
            for one in self.comparisons
            if one.on_split
        ]


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
