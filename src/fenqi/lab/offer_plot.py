"""The study of counter-offers as a picture: approvals and profit against expected loss."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fenqi.lab.offer_study import Comparison, Lender
from fenqi.lab.taiwan import MINOR_UNITS

_WITHOUT, _SMALLER, _FEWER = "#8a8f98", "#1f6f8b", "#c98a2b"


def draw(comparison: Comparison, applicants: int, file: Path) -> None:
    """Writes an SVG file; the same comparison gives the same bytes."""
    # Ids by content, not by chance; and no date.
    with mpl.rc_context({"svg.hashsalt": "fenqi", "font.family": "sans-serif", "font.size": 9}):
        figure = Figure(figsize=(8, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2)
        _panel(left, comparison, applicants, "approved, %", lambda one: 100 * one.approval_rate)
        per_head = applicants * MINOR_UNITS
        _panel(
            right,
            comparison,
            applicants,
            "expected profit, NT$ an applicant",
            lambda one: one.profit / per_head,
        )
        left.legend(frameon=False, loc="lower right")
        figure.savefig(file, format="svg", metadata={"Date": None})


def _panel(
    axes: Axes,
    comparison: Comparison,
    applicants: int,
    label: str,
    height: Callable[[Lender], float],
) -> None:
    def loss(one: Lender) -> float:
        return one.expected_loss / (applicants * MINOR_UNITS)

    for name, colour, curve, point in (
        ("without counter-offers", _WITHOUT, comparison.curve_without, comparison.without),
        ("with, smaller loans", _SMALLER, comparison.curve_by_budget, comparison.by_budget),
        ("with, fewer people", _FEWER, comparison.curve_by_cutoff, comparison.by_cutoff),
    ):
        axes.plot([loss(one) for one in curve], [height(one) for one in curve], color=colour)
        axes.plot([loss(point)], [height(point)], "o", color=colour, label=name)
    axes.axvline(loss(comparison.without), color="#d0d3d8", linewidth=0.8, zorder=0)
    axes.set_xlabel("expected loss, NT$ an applicant")
    axes.set_ylabel(label)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
