"""`reference.json`: how score and columns were spread when the model was made, for PSI, and the
applicants whom reasons compare with."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.json_file import Cell, cells, parse, serialize

BINS = 10
# Most distinct texts that have a bin of their own.
MOST_VALUES = 20


class Histogram(BaseModel):
    """Counts of numbers: bin i holds edges[i-1] <= x < edges[i]; the outer bins are open."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    edges: list[Annotated[float, Field(allow_inf_nan=False)]]
    counts: list[Annotated[int, Field(ge=0)]]
    missing: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fits(self) -> Histogram:
        if len(self.counts) != len(self.edges) + 1:
            raise ValueError("there is one count more than there are edges")
        if any(b <= a for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("edges ascend")
        return self


class TextHistogram(BaseModel):
    """Counts of texts: one bin a value, and a last one for all others."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    values: list[str]
    counts: list[Annotated[int, Field(ge=0)]]
    missing: Annotated[int, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _fits(self) -> TextHistogram:
        if len(self.counts) != len(self.values) + 1:
            raise ValueError("there is one count more than there are values")
        return self


class Reference(BaseModel):
    """What is inside `reference.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    score: Histogram
    # By the columns' names.
    columns: dict[str, Histogram | TextHistogram]
    # Whom `explanation.reference` of the manifest names: one value for each column, null where
    # missing.
    rows: list[list[Cell]] = Field(min_length=1)
    # Mean uncalibrated log-odds of those rows: margin = this + sum(contributions).
    margin: Annotated[float, Field(allow_inf_nan=False)]


def histogram(values: NDArray[Any]) -> Histogram:
    """Deciles of numbers; of at most BINS distinct ones, a bin for each. NaN is missing."""
    numbers = np.asarray(values, dtype=np.float64)
    known = numbers[~np.isnan(numbers)]
    distinct = np.unique(known)
    edges = distinct
    if len(distinct) > BINS:
        shares = np.arange(1, BINS) / BINS
        edges = np.unique(np.quantile(known, shares, method="higher"))
    # The first bin is open below and starts with the least value.
    edges = edges[np.isfinite(edges) & (edges > known.min(initial=np.inf))]
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return Histogram(
        edges=edges.tolist(), counts=counts.tolist(), missing=int(len(numbers) - len(known))
    )


def text_histogram(values: NDArray[Any]) -> TextHistogram:
    """The MOST_VALUES most frequent texts, and the rest. An empty text is missing."""
    texts = [str(value) for value in values if value]
    frequent = Counter(sorted(texts)).most_common(MOST_VALUES)
    counts = [count for _, count in frequent]
    return TextHistogram(
        values=[text for text, _ in frequent],
        counts=[*counts, len(texts) - sum(counts)],
        missing=len(values) - len(texts),
    )


def read_reference(path: Path, content: bytes, columns: list[str]) -> Reference:
    """The reference in `content`, of a model with these columns. Raises ArtifactError."""
    reference = parse(path, content, Reference)
    if list(reference.columns) != columns:
        raise ArtifactError(f"{path}: `columns` are not the manifest's, in its order")
    for number, row in enumerate(reference.rows):
        if len(row) != len(columns):
            raise ArtifactError(
                f"{path}: rows.{number} has {len(row)} values for {len(columns)} columns"
            )
    return reference


def reference_bytes(
    scores: NDArray[Any],
    columns: dict[str, NDArray[Any]],
    chosen: NDArray[np.intp],
    margins: NDArray[np.float64],
) -> bytes:
    """The file for a development sample: scores [rows], columns of [rows] by name, the rows that
    reasons compare with, and their margins."""
    histograms = {
        name: (text_histogram if values.dtype.kind in "UO" else histogram)(values)
        for name, values in columns.items()
    }
    picked = [cells(values[chosen]) for values in columns.values()]
    return serialize(
        {
            "score": histogram(scores).model_dump(),
            "columns": {name: part.model_dump() for name, part in histograms.items()},
            "rows": [list(row) for row in zip(*picked, strict=True)],
            "margin": float(margins.mean()),
        }
    )
