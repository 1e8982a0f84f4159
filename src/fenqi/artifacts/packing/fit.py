"""Fits a calibration to outcomes (3.2)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.calibration import logistic
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.manifest import Calibration

Doubles = NDArray[np.float64]

# Below it isotonic calibration follows the noise.
LEAST_ISOTONIC_ROWS = 1000
# Of each row, in the mean: there the likelihood is at its maximum.
_FLAT = 1e-12
_STEPS = 100


def fit_platt(margin: Doubles, defaulted: NDArray[np.bool_]) -> Calibration:
    """Platt's sigmoid by maximum likelihood, with his smoothed targets (N+ + 1) / (N+ + 2) and
    1 / (N- + 2) (Platt 1999), by Newton's method. Raises ArtifactError where the margin orders
    nobody: more of it must be a higher risk.
    """
    bads, goods = _both(defaulted)
    target = np.where(defaulted, (bads + 1) / (bads + 2), 1 / (goods + 2))
    # Log-odds are slope x margin + intercept; a = -slope, b = -intercept.
    design = np.stack([margin, np.ones_like(margin)], axis=1)
    weights = np.array([1.0, 0.0])
    loss = _loss(design @ weights, target)
    for _ in range(_STEPS):
        p = logistic(design @ weights)
        gradient = design.T @ (p - target)
        # Not by the loss: at its least it is too flat to say how near that is.
        if np.abs(gradient).max() <= _FLAT * len(margin):
            break
        hessian = (design * (p * (1 - p))[:, np.newaxis]).T @ design + 1e-12 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        size = 1.0
        # Rounding alone does not make a step too long.
        most = loss + 1e-12 * abs(loss)
        while size > 1e-10 and _loss(design @ (weights - size * step), target) > most:
            size /= 2
        weights = weights - size * step
        loss = _loss(design @ weights, target)
    slope, intercept = float(weights[0]), float(weights[1])
    if not slope > 0:
        raise ArtifactError(
            f"the calibration's slope is {slope:.3g}: a higher result would be a lower risk. Is "
            "the target 1 for default, and the output the probability of default?"
        )
    return Calibration(kind="platt", a=-slope, b=-intercept)


def fit_isotonic(margin: Doubles, defaulted: NDArray[np.bool_]) -> Calibration:
    """Pool adjacent violators (Ayer et al. 1955) over the uncalibrated probability.

    A block at an end that holds one outcome only gets the rate of half an applicant with the other,
    as far as its neighbour allows: never certainty.
    Raises ArtifactError for less than LEAST_ISOTONIC_ROWS.
    """
    _both(defaulted)
    if len(margin) < LEAST_ISOTONIC_ROWS:
        raise ArtifactError(
            f"isotonic calibration needs {LEAST_ISOTONIC_ROWS} rows, there are {len(margin)}; "
            "take platt"
        )
    raw, place = np.unique(logistic(margin), return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    bads = np.bincount(place, weights=defaulted.astype(np.float64))
    # Blocks: first and last distinct probability, rows, bads.
    blocks: list[tuple[int, int, float, float]] = []
    for index, (rows, bad) in enumerate(zip(counts, bads, strict=True)):
        block = (index, index, rows, bad)
        while blocks and blocks[-1][3] * block[2] >= block[3] * blocks[-1][2]:
            first, _, earlier_rows, earlier_bad = blocks.pop()
            block = (first, index, earlier_rows + block[2], earlier_bad + block[3])
        blocks.append(block)
    rates = [bad / rows for _, _, rows, bad in blocks]
    if len(blocks) > 1:
        rates[0] = rates[0] or min(0.5 / blocks[0][2], rates[1])
        rates[-1] = max(min(rates[-1], 1 - 0.5 / blocks[-1][2]), rates[-2])
    points = [
        (float(raw[index]), float(rate))
        for (first, last, _, _), rate in zip(blocks, rates, strict=True)
        for index in sorted({first, last})
    ]
    return Calibration(kind="isotonic", points=points)


def _both(defaulted: NDArray[np.bool_]) -> tuple[int, int]:
    bads = int(defaulted.sum())
    goods = len(defaulted) - bads
    if not bads or not goods:
        raise ArtifactError("calibration needs applicants who defaulted and some who did not")
    return bads, goods


def _loss(log_odds: Doubles, target: Doubles) -> float:
    return float(np.sum(np.logaddexp(0, log_odds) - target * log_odds))
