"""The population stability index between two samples, and how much of it is noise (3.2)."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from fenqi.artifacts.reference import Histogram, TextHistogram

Doubles = NDArray[np.float64]


def psi(expected: Doubles, found: Doubles) -> float:
    """Sum of (f - e) ln(f / e) over bins, of shares of counts. An empty bin counts half of one."""
    e, f = (np.maximum(counts, 0.5) for counts in (expected, found))
    e, f = e / e.sum(), f / f.sum()
    return float(((f - e) * np.log(f / e)).sum())


def noise_bound(expected: Doubles, found: Doubles) -> float:
    """What the index of two samples of one population stays below, 95 % of the times:
    chi2(0.95, bins - 1) (1 / N + 1 / M) (Yurdakul 2018). The quantile is that of Wilson and
    Hilferty 1931, right to 1 %.
    """
    freedom = max(len(expected) - 1, 1)
    spread = 2 / (9 * freedom)
    quantile = freedom * (1 - spread + 1.6449 * math.sqrt(spread)) ** 3
    return float(quantile) * float(1 / max(expected.sum(), 1) + 1 / max(found.sum(), 1))


def counts_like(
    expected: Histogram | TextHistogram, found: Histogram | TextHistogram
) -> tuple[Doubles, Doubles] | None:
    """Both as counts over the bins of `expected`, missing values last; None where one is of
    numbers and the other of texts.

    Of numbers in other bins this is an estimate: an inner bin is spread evenly between its edges.
    """
    if isinstance(expected, TextHistogram) and isinstance(found, TextHistogram):
        by_text = dict(zip(found.values, found.counts, strict=False))
        counts: list[float] = [by_text.get(text, 0) for text in expected.values]
        counts.append(sum(found.counts) - sum(counts))
    elif isinstance(expected, Histogram) and isinstance(found, Histogram):
        counts = _over(expected.edges, found)
    else:
        return None
    return (
        np.array([*expected.counts, expected.missing], dtype=np.float64),
        np.array([*counts, found.missing], dtype=np.float64),
    )


def _over(edges: list[float], found: Histogram) -> list[float]:
    """The counts of `found` over bins with other edges."""
    if edges == found.edges:
        return list(found.counts)
    if not found.edges:
        # One value, or none known: where it is among the edges is not told.
        return [float(sum(found.counts)), *[0.0] * len(edges)]
    counts, own = np.array(found.counts, dtype=np.float64), np.array(found.edges)
    # The outer bins thin out as an exponential does, from the density of their neighbours.
    low, high = _fall(counts[:2], np.diff(own[:2])), _fall(counts[:-3:-1], np.diff(own[-2:]))
    at, total = np.array(edges), counts.sum()
    below = np.interp(at, own, np.cumsum(counts[:-1]))
    below = np.where(at < own[0], counts[0] * np.exp((at - own[0]) / low), below)
    below = np.where(at > own[-1], total - counts[-1] * np.exp((own[-1] - at) / high), below)
    return list(np.diff([0.0, *below, total]))


def _fall(counts: Doubles, width: Doubles) -> float:
    """How far an outer bin reaches: its count over the density of its neighbour. `counts`: its own
    and the neighbour's."""
    if not len(width) or not counts[1] or not counts[0]:
        return 1.0
    return float(width[0] * counts[0] / counts[1])
