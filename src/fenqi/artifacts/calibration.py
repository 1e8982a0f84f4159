"""From a model's margin or probability to the calibrated probability of default, as the core does
it (docs: Manifest.calibration)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.manifest import Calibration, Outputs, PriorShift

Doubles = NDArray[np.float64]

# Certainty becomes near certainty: a score is finite.
_NEAREST = 1e-15


def log_odds(probability: Doubles) -> Doubles:
    """ln(p / (1 - p)), finite."""
    inside = np.clip(probability, _NEAREST, 1 - _NEAREST)
    return np.asarray(np.log(inside / (1 - inside)))


def logistic(margin: Doubles) -> Doubles:
    """1 / (1 + exp(-margin))."""
    with np.errstate(over="ignore"):
        return np.asarray(1 / (1 + np.exp(-margin)))


def margins(outputs: Outputs, result: Doubles) -> Doubles:
    """Uncalibrated log-odds of default [rows] from the model's margins or probabilities."""
    return result if outputs.margin is not None else log_odds(result)


def calibrated(
    calibration: Calibration, prior_shift: PriorShift | None, margin: Doubles
) -> Doubles:
    """Log-odds of default after calibration and prior shift, [rows]."""
    after = margin
    if calibration.kind == "platt":
        after = -(calibration.a * margin + calibration.b)
    elif calibration.kind == "isotonic":
        raw, fitted = np.array(calibration.points).T
        after = log_odds(np.interp(logistic(margin), raw, fitted))
    if prior_shift is not None:
        after = after + prior_shift.log_odds
    return after
