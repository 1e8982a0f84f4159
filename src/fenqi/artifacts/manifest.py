"""A model artifact: a folder with `model.onnx`, `manifest.yaml`, golden rows and a card; of a
scorecard also its points, `scorecard.yaml`."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fenqi.errors import FenqiError


class ArtifactError(FenqiError):
    """An artifact that cannot be used; the message says which file and why."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelFeature(_Part):
    """One column of the model's input, in order."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    # The reason that an applicant is given when this column raises the risk.
    reason: str | None = None
    dimension: Literal["ability", "willingness"] | None = None
    # +1: more of it never lowers the risk; -1: never raises it; 0: no promise.
    monotone: Literal[-1, 0, 1] = 0


class Outputs(_Part):
    """Names of the graph's outputs. One of margin and probability is needed."""

    # Log-odds of default, before calibration.
    margin: str = ""
    probability: str = ""
    # Each input's part of the margin against the reference, in log-odds.
    contributions: str = ""

    @model_validator(mode="after")
    def _one_result(self) -> Outputs:
        if bool(self.margin) == bool(self.probability):
            raise ValueError("name either a margin or a probability output")
        return self


class Calibration(_Part):
    """Platt scaling: p = 1 / (1 + exp(a f + b)) for a margin f."""

    kind: Literal["none", "platt"] = "none"
    a: float = -1.0
    b: float = 0.0


class ScoreScale(_Part):
    """score = offset - factor ln(p / (1 - p)); odds are good : bad (Siddiqi, Credit Scorecards)."""

    base_score: float
    base_odds: float = Field(gt=0)
    points_to_double_odds: float = Field(gt=0)

    @property
    def factor(self) -> float:
        """Points for each unit of log-odds."""
        return self.points_to_double_odds / math.log(2)

    @property
    def offset(self) -> float:
        """The score at odds of 1 : 1."""
        return self.base_score - self.factor * math.log(self.base_odds)


class Manifest(_Part):
    """What is inside `manifest.yaml`."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    version: str = Field(min_length=1)
    kind: str
    purpose: str
    owner: str
    limits_of_use: list[str] = Field(default_factory=list)
    data: dict[str, Any] = Field(default_factory=dict)
    metrics: dict[str, Any] = Field(default_factory=dict)
    onnx_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    # Of scorecard.yaml, where there is one.
    scorecard_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$")
    # The graph's one input tensor, float32 [rows, len(features)]; NaN is missing.
    input: str
    features: list[ModelFeature] = Field(min_length=1)
    outputs: Outputs
    base_margin: float = 0.0
    calibration: Calibration = Calibration()
    score_scale: ScoreScale


@dataclass(frozen=True, slots=True)
class Artifact:
    """A checked artifact."""

    folder: Path
    manifest: Manifest
    onnx: bytes
    # What is inside scorecard.yaml; a policy checks it.
    scorecard: dict[str, Any] | None = None


def load_artifact(folder: Path) -> Artifact:
    """Reads `folder` and checks the manifest and the hashes in it.

    Raises ArtifactError, which names the file and says what is wrong with it.
    """
    path = folder / "manifest.yaml"
    try:
        manifest = Manifest.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
        onnx = (folder / "model.onnx").read_bytes()
    except OSError as error:
        raise ArtifactError(f"cannot read the artifact: {error}") from error
    except YAMLError as error:
        raise ArtifactError(f"{path} is not YAML: {error}") from error
    except ValidationError as error:
        raise ArtifactError(f"{path}: {error}") from error
    _check_hash(folder / "model.onnx", onnx, manifest.onnx_sha256)
    if (folder.parent.name, folder.name) != (manifest.name, manifest.version):
        raise ArtifactError(
            f"{path} describes {manifest.name}/{manifest.version}, not "
            f"{folder.parent.name}/{folder.name}"
        )
    return Artifact(folder, manifest, onnx, _read_scorecard(folder, manifest))


def _check_hash(path: Path, content: bytes, expected: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise ArtifactError(
            f"{path} has the hash {found}, the manifest says {expected}; the file was changed "
            "after it was packed"
        )


def _read_scorecard(folder: Path, manifest: Manifest) -> dict[str, Any] | None:
    if manifest.scorecard_sha256 is None:
        return None
    path = folder / "scorecard.yaml"
    try:
        content = path.read_bytes()
        _check_hash(path, content, manifest.scorecard_sha256)
        read = YAML(typ="safe").load(content)
    except OSError as error:
        raise ArtifactError(f"cannot read the artifact: {error}") from error
    except YAMLError as error:
        raise ArtifactError(f"{path} is not YAML: {error}") from error
    if not isinstance(read, dict):
        raise ArtifactError(f"{path} is no mapping of keys")
    return read
