"""What a model is worth: discrimination, calibration, approval at a bad rate (docs: domain terms).

Sources: Platt 1999 for calibration; approval at a bad-rate budget is the largest share whose
running bad rate, sorted by risk, stays within the budget.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from fenqi.lab.evaluation import approval_at_bad_rate, approval_curve, auc, brier, ks

BAD_RATE_BUDGET = 0.1106
ONE_SIDED_95 = 1.645

Doubles = NDArray[np.float64]
Outcomes = NDArray[np.int64]


@dataclass(frozen=True)
class Platt:
    """p = 1 / (1 + exp(a f + b))."""

    a: float
    b: float

    def probability(self, margin: Doubles) -> Doubles:
        """Calibrated probability of default."""
        return 1.0 / (1.0 + np.exp(self.a * margin + self.b))


def fit_platt(margin: Doubles, defaulted: Outcomes) -> Platt:
    """Maximum likelihood with Platt's smoothed targets (N+ + 1) / (N+ + 2) and 1 / (N- + 2)."""
    bads, goods = int(defaulted.sum()), int((1 - defaulted).sum())
    target = np.where(defaulted == 1, (bads + 1) / (bads + 2), 1 / (goods + 2))

    def loss(parameters: Doubles) -> float:
        z = parameters[0] * margin + parameters[1]
        return float(np.mean(np.logaddexp(0, z) - (1 - target) * z))

    exact = {"xatol": 1e-9, "fatol": 1e-13, "maxiter": 5000}
    fitted = minimize(loss, np.array([-1.0, 0.0]), method="Nelder-Mead", options=exact)
    return Platt(float(fitted.x[0]), float(fitted.x[1]))


def measure(probability: Doubles, defaulted: Outcomes) -> dict[str, float]:
    """The figures of one sample."""
    return {
        "auc": auc(defaulted, probability),
        "ks": ks(defaulted, probability),
        "brier": brier(defaulted, probability),
    }


def approval(probability: Doubles, defaulted: Outcomes) -> float:
    """Approval rate at BAD_RATE_BUDGET."""
    return float(approval_at_bad_rate(defaulted, probability, BAD_RATE_BUDGET).approval)


def prudent_cut_off(probability: Doubles, defaulted: Outcomes) -> float:
    """The highest cut-off at which the bad rate among the approved is within BAD_RATE_BUDGET with
    95 % confidence (one-sided, normal approximation of the binomial).

    A cut-off that meets the budget exactly on one sample misses it on every second new one.
    """
    curve = approval_curve(defaulted, probability)
    approved = curve.approval * len(defaulted)
    error = np.sqrt(curve.bad_rate * (1 - curve.bad_rate) / approved)
    within = curve.bad_rate + ONE_SIDED_95 * error <= BAD_RATE_BUDGET
    return float(curve.cut_off[within].max())


def calibration_line(probability: Doubles, defaulted: Outcomes) -> tuple[float, float]:
    """Slope and intercept of outcomes on the log-odds; 1 and 0 where calibrated."""
    log_odds = np.log(probability / (1 - probability))
    line = fit_platt(log_odds, defaulted)
    return -line.a, -line.b
