"""Makes an artifact of an exported ONNX file and a sample of rows."""

from __future__ import annotations

import hashlib
import io
import re
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from ruamel.yaml import YAML

from fenqi.artifacts.artifact import Artifact, load_artifact
from fenqi.artifacts.calibration import calibrated, logistic, margins
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.files import MANIFEST, MODEL
from fenqi.artifacts.golden import golden_bytes
from fenqi.artifacts.graph import GraphInput
from fenqi.artifacts.interface import ELEMENT_TYPES
from fenqi.artifacts.json_file import serialize
from fenqi.artifacts.manifest import FORMAT, NAME, VERSION, Calibration
from fenqi.artifacts.packing.by_library import ByLibrary, by_library
from fenqi.artifacts.packing.card import card_bytes
from fenqi.artifacts.packing.certify import certificate_of
from fenqi.artifacts.packing.explain import Explained, explain
from fenqi.artifacts.packing.fit import fit_isotonic, fit_platt
from fenqi.artifacts.packing.material import Material, material_of
from fenqi.artifacts.packing.rows import golden_rows, reference_rows
from fenqi.artifacts.packing.sample import Sample, read_sample
from fenqi.artifacts.packing.wishes import Wishes
from fenqi.artifacts.parity import parity_bytes
from fenqi.artifacts.reference import reference_bytes
from fenqi.artifacts.trial import Task, Trial, run_task


@dataclass(frozen=True, slots=True)
class Packed:
    """An artifact that was made; why it explains as it does, and what its owner should know of it,
    in sentences."""

    artifact: Artifact
    explanation: str
    notes: list[str]


def pack(onnx: Path, data: Path, models: Path, wishes: Wishes) -> Packed:
    """Writes models/<name>/<version>/ and loads it.

    Raises ArtifactError where the graph is refused, does not fit the data, does not give what the
    training library predicted, or is slower than it may be; then nothing is written.
    """
    _check_wishes(wishes)
    folder = models / wishes.name / wishes.version
    if folder.exists():
        raise ArtifactError(f"{folder} is there already; a packed version never changes")
    sample = read_sample(data)
    notes: list[str] = []
    material = material_of(onnx, sample, wishes, notes)
    judged = by_library(material, wishes)
    margin = margins(material.outputs, material.result)
    calibration = _calibration(margin, _outcome(sample, margin, wishes, notes), wishes)
    files = _files(material, margin, calibration, judged, wishes)
    manifest = _manifest(material, calibration, wishes)
    artifact, explained = _write(folder, files, manifest, material, wishes)
    notes += artifact.parity.gaps
    return Packed(artifact, explained.why, notes)


def _check_wishes(wishes: Wishes) -> None:
    if not re.fullmatch(NAME, wishes.name):
        raise ArtifactError(
            f"{wishes.name!r} is no name of a model: small letters, digits and `_`, a letter first"
        )
    if not re.fullmatch(VERSION, wishes.version):
        raise ArtifactError(
            f"{wishes.version!r} is no version: letters, digits, `.`, `_` and `-`, none of these "
            "three first"
        )
    if wishes.expires is not None and wishes.expires < date.today():
        raise ArtifactError(f"it would have expired already, on {wishes.expires}")


def _outcome(
    sample: Sample, margin: NDArray[np.float64], wishes: Wishes, notes: list[str]
) -> NDArray[np.bool_] | None:
    """Who defaulted, [rows]; None where nobody says."""
    if wishes.target is None:
        return None
    outcome = sample.numbers(wishes.target)
    strange = np.flatnonzero((outcome != 0) & (outcome != 1))
    if len(strange):
        raise ArtifactError(f"{sample.place(strange[0])}: {wishes.target} is neither 0 nor 1")
    defaulted: NDArray[np.bool_] = outcome == 1
    if defaulted.any() and not defaulted.all():
        bad, good = float(margin[defaulted].mean()), float(margin[~defaulted].mean())
        if bad < good:
            notes.append(
                f"by the sample's outcomes a higher result is a lower risk: is {wishes.target} 1 "
                "for default, and the output of default (--class)?"
            )
    return defaulted


def _calibration(
    margin: NDArray[np.float64], defaulted: NDArray[np.bool_] | None, wishes: Wishes
) -> Calibration:
    if wishes.calibrate == "none":
        return Calibration()
    if defaulted is None:
        raise ArtifactError("calibration needs the outcomes: --target names their column")
    fit = fit_platt if wishes.calibrate == "platt" else fit_isotonic
    return fit(margin, defaulted)


def _files(
    material: Material,
    margin: NDArray[np.float64],
    calibration: Calibration,
    judged: ByLibrary | None,
    wishes: Wishes,
) -> dict[str, bytes]:
    expected = material.result if judged is None else judged.predicted
    golden = golden_rows(material.tensors, expected)
    risk = calibrated(calibration, None, margin)
    compared = reference_rows(wishes.reference, logistic(risk), wishes.cutoff)
    task = Task(
        onnx=material.onnx,
        inputs=[
            GraphInput(tensor.name, ELEMENT_TYPES[tensor.type], len(material.columns[tensor.name]))
            for tensor in material.inputs
        ],
        outputs=material.outputs,
        golden=material.picked(golden),
        expected=expected[golden].tolist(),
        predictions_of="onnxruntime" if judged is None else "library",
    )
    trial = run_task(task)
    _check_latency(trial, wishes)
    library = None if judged is None else wishes.library or "not named"
    found = [] if judged is None else judged.comparisons
    return {
        MODEL: material.onnx,
        "golden.json": golden_bytes(
            {
                "inputs": task.golden,
                "predictions_of": task.predictions_of,
                "probability" if material.outputs.margin is None else "margin": expected[golden],
                "tolerance": wishes.tolerance,
            }
        ),
        "reference.json": reference_bytes(
            wishes.score_scale.score(risk), material.by_name(), compared, margin[compared]
        ),
        "parity.json": parity_bytes(certificate_of(trial, library, found, wishes.tolerance)),
    }


def _check_latency(trial: Trial, wishes: Wishes) -> None:
    if trial.p99_us > wishes.latency_budget_us:
        raise ArtifactError(
            f"one row by {trial.path} takes {trial.p50_us:.0f} us here, 99 % within "
            f"{trial.p99_us:.0f} us, over the budget of {wishes.latency_budget_us:g} us, so no "
            "server would take it: raise the budget with --latency-budget-us, or make the model "
            "smaller"
        )


def _manifest(material: Material, calibration: Calibration, wishes: Wishes) -> dict[str, Any]:
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "name": wishes.name,
        "version": wishes.version,
        "kind": wishes.kind,
        "purpose": wishes.purpose,
        "owner": wishes.owner,
        "limits_of_use": [],
        "materiality": wishes.materiality,
        "data": {"sample": material.sample.path.name, "rows": material.sample.rows},
        "metrics": {},
        "files": {},
        "inputs": [
            {
                "name": tensor.name,
                "type": tensor.type,
                "columns": [
                    {
                        "name": material.names[heading],
                        "feature": material.names[heading],
                        "unit": "",
                        "monotone": 0,
                    }
                    for heading in material.columns[tensor.name]
                ],
            }
            for tensor in material.inputs
        ],
        "outputs": material.outputs.model_dump(by_alias=True, exclude_none=True),
        "calibration": calibration.model_dump(exclude_defaults=True),
        "score_scale": wishes.score_scale.model_dump(),
        "explanation": {"method": "none"},
        "latency_budget_us": wishes.latency_budget_us,
    }
    if wishes.expires is not None:
        manifest["expires"] = wishes.expires
    return manifest


def _write(
    folder: Path,
    files: dict[str, bytes],
    manifest: dict[str, Any],
    material: Material,
    wishes: Wishes,
) -> tuple[Artifact, Explained]:
    """Writes beside the place and moves there what loads: nobody sees half an artifact."""
    models = folder.parent.parent
    models.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=models, prefix=".packing-") as top:
        made = Path(top) / folder.parent.name / folder.name
        made.mkdir(parents=True)
        explained = explain(_written(made, files, manifest), material.tensors, wishes)
        manifest["explanation"] = explained.explanation.model_dump(exclude_defaults=True)
        files["reference.json"] = serialize(explained.reference.model_dump())
        files["card.md"] = card_bytes(manifest)
        _written(made, files, manifest)
        folder.parent.mkdir(exist_ok=True)
        try:
            made.rename(folder)
        except OSError as error:
            raise ArtifactError(f"{folder} cannot be written: {error.strerror}") from None
    return load_artifact(folder), explained


def _written(folder: Path, files: dict[str, bytes], manifest: dict[str, Any]) -> Artifact:
    """The artifact of these files."""
    manifest["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    text = io.StringIO()
    YAML().dump(manifest, text)
    for name, content in {**files, MANIFEST: text.getvalue().encode()}.items():
        (folder / name).write_bytes(content)
    return load_artifact(folder)
