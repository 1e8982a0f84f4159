"""What a graph and its data do not say by themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Literal

from fenqi.artifacts.golden import TOLERANCE
from fenqi.artifacts.manifest import ScoreScale
from fenqi.artifacts.packing.predict import Predict


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a model is to be packed."""

    name: str
    version: str
    # Columns of the data that feed the graph, in order; None: by name, or all that are left.
    columns: list[str] | None = None
    # The training library's own predictions, the margin or probability: by a function, or in this
    # column, of the data and of a file of rows beside split values (`split_sample`).
    predict: Predict | None = None
    predictions: str | None = None
    splits: Path | None = None
    # The library that predicted, with its version.
    library: str | None = None
    # The column with the outcome: 1 is default.
    target: str | None = None
    # The output to read, and whether it is a margin; None: as the graph suggests.
    output: str | None = None
    is_margin: bool | None = None
    default_class: int = 1
    calibrate: Literal["none", "platt", "isotonic"] = "none"
    # exact: as the graph allows, and nothing where it does not.
    explain: Literal["exact", "permutation", "none"] = "exact"
    explanation_budget_us: float = 1000
    reference: Literal["at_cutoff", "population", "maximum"] = "at_cutoff"
    # Probability of default at which applicants are just approved; None: the sample's median.
    cutoff: float | None = None
    score_scale: ScoreScale = field(
        default_factory=lambda: ScoreScale(base_score=600, base_odds=50, points_to_double_odds=20)
    )
    tolerance: float = TOLERANCE
    kind: str = "model"
    purpose: str = "Probability of default."
    owner: str = "not said"
    materiality: Literal["low", "medium", "high"] = "medium"
    expires: date | None = None
    latency_budget_us: float = 100
