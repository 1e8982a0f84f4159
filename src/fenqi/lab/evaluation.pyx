# cython: boundscheck=False, wraparound=False, cdivision=True
"""How well a risk separates bads from goods, and how many can be approved at a bad rate.

Every function takes two arrays of the same length n:

    bad    1 where the loan went bad, 0 where it did not
    risk   the higher, the riskier: a probability of default, or minus a score; never NaN

Applicants with the same risk cannot be told apart, so they are always approved or declined
together: a curve has one point for each distinct risk, not for each row.

Everything costs one sort, n log n, and one pass.
"""

import numpy as np

from dataclasses import dataclass


@dataclass(frozen=True)
class ApprovalCurve:
    """What each cut-off brings. Point i approves everybody with risk <= cut_off[i].

    All arrays have one entry for each distinct risk, the safest first:
    approval       share of applicants approved
    bad_rate       bads among the approved / approved
    marginal_rate  bads / applicants among those that point i adds to point i - 1
    """

    cut_off: np.ndarray
    approval: np.ndarray
    bad_rate: np.ndarray
    marginal_rate: np.ndarray


@dataclass(frozen=True)
class Approval:
    """One point of the curve."""

    cut_off: float
    approval: float
    bad_rate: float


def auc(bad, risk):
    """P(risk of a bad > risk of a good) + P(they are equal) / 2.

    Raises ValueError unless there is at least one bad and one good.
    """
    cdef double[::1] sorted_risk
    cdef unsigned char[::1] sorted_bad
    sorted_risk, sorted_bad = _by_risk(bad, risk, both=True)
    cdef Py_ssize_t n = sorted_risk.shape[0]
    cdef Py_ssize_t i = 0
    cdef double goods_below = 0, goods_here, bads_here, bads = 0
    # Each bad wins against the goods below it, and half against the goods beside it.
    cdef double won = 0
    while i < n:
        goods_here = bads_here = 0
        here = sorted_risk[i]
        while i < n and sorted_risk[i] == here:
            bads_here += sorted_bad[i]
            goods_here += 1 - sorted_bad[i]
            i += 1
        won += bads_here * (goods_below + goods_here / 2)
        goods_below += goods_here
        bads += bads_here
    return won / (bads * goods_below)


def ks(bad, risk):
    """The Kolmogorov-Smirnov distance, the largest |F_bad - F_good| over all cut-offs, 0 .. 1.

    Raises ValueError unless there is at least one bad and one good.
    """
    cdef double[::1] sorted_risk
    cdef unsigned char[::1] sorted_bad
    sorted_risk, sorted_bad = _by_risk(bad, risk, both=True)
    cdef Py_ssize_t n = sorted_risk.shape[0], i
    cdef double bads = np.count_nonzero(sorted_bad), goods = n - bads
    cdef double bads_below = 0, goods_below = 0, distance, largest = 0
    for i in range(n):
        bads_below += sorted_bad[i]
        goods_below += 1 - sorted_bad[i]
        if i + 1 < n and sorted_risk[i + 1] == sorted_risk[i]:
            continue
        distance = abs(bads_below / bads - goods_below / goods)
        largest = max(largest, distance)
    return largest


def brier(bad, probability):
    """The mean squared distance of probability of default and outcome, 0 .. 1; lower is better."""
    cdef double[::1] p
    cdef unsigned char[::1] y
    p, y = _checked(bad, probability)
    cdef Py_ssize_t i
    cdef double total = 0
    for i in range(p.shape[0]):
        total += (p[i] - y[i]) * (p[i] - y[i])
    return total / p.shape[0]


def approval_curve(bad, risk):
    """The share approved and its bad rate at every cut-off that makes a difference."""
    cdef double[::1] sorted_risk
    cdef unsigned char[::1] sorted_bad
    sorted_risk, sorted_bad = _by_risk(bad, risk, both=False)
    cdef Py_ssize_t n = sorted_risk.shape[0]
    points = np.count_nonzero(np.diff(sorted_risk)) + 1
    cut_off, approval = np.empty(points), np.empty(points)
    bad_rate, marginal_rate = np.empty(points), np.empty(points)
    cdef double[::1] c = cut_off, a = approval, b = bad_rate, m = marginal_rate
    cdef Py_ssize_t i = 0, point = 0, first
    cdef double bads = 0, bads_here
    while i < n:
        first = i
        bads_here = 0
        while i < n and sorted_risk[i] == sorted_risk[first]:
            bads_here += sorted_bad[i]
            i += 1
        bads += bads_here
        c[point] = sorted_risk[first]
        a[point] = <double>i / n
        b[point] = bads / i
        m[point] = bads_here / (i - first)
        point += 1
    return ApprovalCurve(cut_off, approval, bad_rate, marginal_rate)


def approval_at_bad_rate(bad, risk, budget):
    """The most that can be approved while the bad rate among the approved is at most `budget`.

    Nobody, with cut-off minus infinity, where even the safest are too bad.
    """
    curve = approval_curve(bad, risk)
    within = np.flatnonzero(curve.bad_rate <= budget)
    if len(within) == 0:
        return Approval(float("-inf"), 0.0, 0.0)
    last = within.max()
    return Approval(
        float(curve.cut_off[last]), float(curve.approval[last]), float(curve.bad_rate[last])
    )


def _checked(bad, risk):
    """Both as contiguous arrays. Raises ValueError for what cannot be evaluated."""
    outcomes = np.asarray(bad)
    risks = np.ascontiguousarray(risk, dtype=np.float64)
    if outcomes.ndim != 1 or outcomes.shape != risks.shape or len(risks) == 0:
        raise ValueError("bad and risk must be one-dimensional, of the same length, and not empty")
    if not np.isin(outcomes, (0, 1)).all():
        raise ValueError("bad holds 0 and 1 only")
    if np.isnan(risks).any():
        raise ValueError("risk must not hold NaN")
    return risks, np.ascontiguousarray(outcomes, dtype=np.uint8)


def _by_risk(bad, risk, both):
    """Both arrays, the safest first; where `both`, there must be a bad and a good."""
    risks, outcomes = _checked(bad, risk)
    if both and (outcomes.all() or not outcomes.any()):
        raise ValueError("there must be at least one bad and one good")
    order = np.argsort(risks, kind="stable")
    return risks[order], outcomes[order]
