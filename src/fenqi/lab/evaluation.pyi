"""How well a risk separates bads from goods, and how many can be approved at a bad rate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

@dataclass(frozen=True)
class ApprovalCurve:
    cut_off: NDArray[np.float64]
    approval: NDArray[np.float64]
    bad_rate: NDArray[np.float64]
    marginal_rate: NDArray[np.float64]

@dataclass(frozen=True)
class Approval:
    cut_off: float
    approval: float
    bad_rate: float

def auc(bad: ArrayLike, risk: ArrayLike) -> float: ...
def ks(bad: ArrayLike, risk: ArrayLike) -> float: ...
def brier(bad: ArrayLike, probability: ArrayLike) -> float: ...
def approval_curve(bad: ArrayLike, risk: ArrayLike) -> ApprovalCurve: ...
def approval_at_bad_rate(bad: ArrayLike, risk: ArrayLike, budget: float) -> Approval: ...
