"""Which rows of the sample travel with an artifact."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import Tensors

GOLDEN_ROWS = 64
# Applicants whom reasons compare with.
REFERENCE_ROWS = 1000

Rows = NDArray[np.intp]
Doubles = NDArray[np.float64]


def golden_rows(tensors: Tensors, result: Doubles) -> Rows:
    """Rows over the whole range of results, up to half of them with missing values."""
    missing = np.zeros(len(result), dtype=np.bool_)
    for tensor in tensors.values():
        if tensor.dtype.kind == "f":
            missing |= np.isnan(tensor).any(axis=1)
    chosen = spread(np.flatnonzero(missing), result, GOLDEN_ROWS // 2)
    rest = spread(np.flatnonzero(~missing), result, GOLDEN_ROWS - len(chosen))
    return np.sort(np.concatenate([chosen, rest]))


def spread(rows: Rows, result: Doubles, most: int) -> Rows:
    """At most `most` of the rows, from the least result to the largest."""
    ordered = rows[np.argsort(result[rows], kind="stable")]
    return ordered[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.intp)]


def reference_rows(
    reference: Literal["at_cutoff", "population", "maximum"],
    probability: Doubles,
    cutoff: float | None,
) -> Rows:
    """Whom reasons compare with (12 CFR 1002, Supplement I, comment 9(b)(2)-5): the approved rows
    nearest to the cut-off, by default the median; rows of everybody; or the best row.

    `probability`: calibrated, of default, [rows]. Raises ArtifactError where nobody is approved.
    """
    if reference == "maximum":
        return np.array([probability.argmin()])
    if reference == "population":
        return spread(np.arange(len(probability)), probability, REFERENCE_ROWS)
    limit = float(np.median(probability)) if cutoff is None else cutoff
    approved = np.flatnonzero(probability <= limit)
    if not len(approved):
        raise ArtifactError(
            f"no row has a probability of default of at most {limit:g}, the cut-off; the least is "
            f"{probability.min():.3g}"
        )
    return approved[np.argsort(-probability[approved], kind="stable")[:REFERENCE_ROWS]]
