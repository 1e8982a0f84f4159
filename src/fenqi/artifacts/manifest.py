"""What `manifest.yaml` of a model artifact says, in format 2 (docs/artifacts.md)."""

from __future__ import annotations

import math
import re
from collections import Counter
from datetime import date
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

FORMAT = 2
# In every artifact, and in its list of hashes.
REQUIRED_FILES = ("model.onnx", "golden.json", "reference.json", "parity.json")

TensorType = Literal["float", "double", "int64", "string", "bool"]

NAME = r"^[a-z][a-z0-9_]*$"
# A path below the models folder is made from it.
VERSION = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_FILE = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
_SHA256 = r"^[0-9a-f]{64}$"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Column(_Part):
    """One column of an input tensor."""

    name: str = Field(pattern=NAME, description="unique among all columns of the model")
    feature: str = Field(pattern=NAME, description="the policy's feature that feeds it")
    unit: str = Field(default="", description="fen, months, share, ...")
    reason: str | None = Field(
        default=None, description="the reason given where this column raises the risk"
    )
    dimension: Literal["ability", "willingness"] | None = Field(
        default=None, description="the sub-score that it counts for"
    )
    monotone: Literal[-1, 0, 1] = Field(
        default=0,
        description="1: more of it never lowers the risk; -1: never raises it; 0: no promise",
    )


class Input(_Part):
    """One input tensor of the graph, [rows, columns]."""

    name: str = Field(min_length=1, description="as the graph names it")
    type: TensorType = Field(description="as the graph declares it")
    missing: int | None = Field(
        default=None,
        description="of int64 and bool: what stands for a missing value; without it, an applicant "
        "who lacks one is not scored. Missing numbers of other types are NaN, texts are empty",
    )
    columns: list[Column] = Field(min_length=1, description="in the tensor's order")

    @model_validator(mode="after")
    def _whole_numbers_miss(self) -> Input:
        if self.missing is not None and self.type not in ("int64", "bool"):
            raise ValueError("`missing` belongs to the types int64 and bool")
        return self


class Outputs(_Part):
    """The graph's outputs that are read. Exactly one of margin and probability is named."""

    margin: str | None = Field(
        default=None, description="log-odds of default before calibration, [rows, 1] or [rows]"
    )
    probability: str | None = Field(
        default=None, description="probabilities, [rows, classes], [rows, 1] or [rows]"
    )
    class_: int = Field(
        default=1,
        ge=0,
        alias="class",
        description="which column of `probability` is the probability of default",
    )

    @model_validator(mode="after")
    def _one_result(self) -> Outputs:
        if (self.margin is None) == (self.probability is None):
            raise ValueError("name either a margin or a probability output")
        return self

    @property
    def result(self) -> str:
        """The output that is named: the margin's or the probability's."""
        return self.margin or self.probability or ""


class Calibration(_Part):
    """From the model's result to a probability of default.

    none: p = 1 / (1 + exp(-margin)). platt: p = 1 / (1 + exp(a margin + b)) (Platt 1999).
    isotonic: p from the uncalibrated probability by `points`, linear between two of them, constant
    outside. Of a probability output the margin is its log-odds.
    """

    kind: Literal["none", "platt", "isotonic"] = "none"
    a: float = Field(default=-1.0, description="of platt")
    b: float = Field(default=0.0, description="of platt")
    points: list[tuple[float, float]] = Field(
        default_factory=list, description="of isotonic: [uncalibrated, calibrated], ascending"
    )

    @model_validator(mode="after")
    def _points_rise(self) -> Calibration:
        if (self.kind == "isotonic") != bool(self.points):
            raise ValueError("`points` belong to `kind: isotonic`, which needs them")
        if self.kind != "platt" and (self.a, self.b) != (-1.0, 0.0):
            raise ValueError("`a` and `b` belong to `kind: platt`")
        if self.kind == "platt" and self.a >= 0:
            raise ValueError("`a` is negative: a higher margin is a higher risk")
        before = (-1.0, 0.0)
        for raw, calibrated in self.points:
            if not (0 <= raw <= 1 and 0 <= calibrated <= 1):
                raise ValueError(f"the point [{raw:g}, {calibrated:g}] is no pair of probabilities")
            if raw <= before[0] or calibrated < before[1]:
                raise ValueError(f"the point [{raw:g}, {calibrated:g}] does not ascend")
            before = (raw, calibrated)
        return self


class PriorShift(_Part):
    """The default rate changed: logit p' = logit p + logit applied_to - logit trained_on."""

    trained_on: float = Field(gt=0, lt=1, description="default rate that the model was trained on")
    applied_to: float = Field(gt=0, lt=1, description="default rate of those whom it judges")

    @property
    def log_odds(self) -> float:
        """What it adds to the log-odds of default."""
        before, after = (p / (1 - p) for p in (self.trained_on, self.applied_to))
        return math.log(after / before)


class ScoreScale(_Part):
    """score = offset - factor ln(p / (1 - p)); odds are good : bad (Siddiqi, Credit Scorecards)."""

    base_score: float = Field(description="the score at base_odds")
    base_odds: float = Field(gt=0, description="good : bad")
    points_to_double_odds: float = Field(gt=0)

    @property
    def factor(self) -> float:
        """Points for each unit of log-odds."""
        return self.points_to_double_odds / math.log(2)

    @property
    def offset(self) -> float:
        """The score at odds of 1 : 1."""
        return self.base_score - self.factor * math.log(self.base_odds)

    def score(self, log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points for log-odds of default, [rows]."""
        return np.asarray(self.offset - self.factor * log_odds)


class Explanation(_Part):
    """How reasons are found for this model."""

    method: Literal["tree_shap", "scorecard", "permutation", "none"]
    reference: Literal["at_cutoff", "population", "maximum"] = Field(
        default="at_cutoff", description="whom an applicant is compared with"
    )
    budget_us: float = Field(default=1000, gt=0, description="for one row, in microseconds")
    permutations: int = Field(
        default=10,
        ge=1,
        le=10_000,
        description="of method permutation; each runs the model once for each column",
    )


class Manifest(_Part):
    """What is inside `manifest.yaml`."""

    format: Literal[2]
    name: str = Field(pattern=NAME, description="of the folder above")
    version: str = Field(pattern=VERSION, description="of the folder")
    kind: str = Field(min_length=1, description="scorecard, gradient boosting, ...")
    purpose: str = Field(min_length=1)
    owner: str = Field(min_length=1, description="who answers for the model")
    limits_of_use: list[str] = Field(default_factory=list)
    materiality: Literal["low", "medium", "high"] = Field(description="tier of model risk")
    expires: date | None = Field(default=None, description="last day on which it may decide")
    data: dict[str, Any] = Field(default_factory=dict, description="source, window, rows, ...")
    metrics: dict[str, Any] = Field(default_factory=dict)
    files: dict[str, str] = Field(
        description="SHA-256 of every file beside the manifest, but for the signature"
    )
    inputs: list[Input] = Field(min_length=1, description="in the graph's order")
    outputs: Outputs
    calibration: Calibration = Calibration()
    prior_shift: PriorShift | None = None
    score_scale: ScoreScale
    explanation: Explanation
    latency_budget_us: float = Field(
        gt=0, description="one row, 99th percentile, on the machine that loads it"
    )

    @field_validator("files")
    @classmethod
    def _hashes(cls, files: dict[str, str]) -> dict[str, str]:
        for name, digest in files.items():
            if not re.fullmatch(_FILE, name):
                raise ValueError(f"{name!r} is no name of a file beside the manifest")
            if name in ("manifest.yaml", "signature.json"):
                raise ValueError(f"{name} cannot hold its own hash")
            if not re.fullmatch(_SHA256, digest):
                raise ValueError(f"{digest!r} is no SHA-256")
        absent = [name for name in REQUIRED_FILES if name not in files]
        if absent:
            raise ValueError(f"{', '.join(absent)} must be listed")
        return files

    @model_validator(mode="after")
    def _names_are_unique(self) -> Manifest:
        for what, names in (
            ("input", [tensor.name for tensor in self.inputs]),
            ("column", [column.name for column in self.columns]),
        ):
            again = [name for name, count in Counter(names).items() if count > 1]
            if again:
                raise ValueError(f"two {what}s are called {again[0]}")
        return self

    @property
    def columns(self) -> list[Column]:
        """The columns of all inputs, in order."""
        return [column for tensor in self.inputs for column in tensor.columns]
