"""Makes an artifact of an exported ONNX file and a sample of rows."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from onnx import AttributeProto, ModelProto, TensorProto
from onnx.helper import make_tensor_value_info
from ruamel.yaml import YAML

from fenqi.artifacts.artifact import Artifact, load_artifact
from fenqi.artifacts.calibration import calibrated, logistic, margins
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.files import MANIFEST, MODEL, read_file
from fenqi.artifacts.golden import TOLERANCE, Tensors, golden_bytes
from fenqi.artifacts.graph import GraphInput, without_zip_maps
from fenqi.artifacts.interface import ELEMENT_TYPES, Tensor, inputs_of, results_of
from fenqi.artifacts.manifest import FORMAT, Calibration, Outputs, ScoreScale
from fenqi.artifacts.packing.card import card_bytes
from fenqi.artifacts.packing.certify import certificate_of
from fenqi.artifacts.packing.fit import fit_isotonic, fit_platt
from fenqi.artifacts.packing.sample import (
    Sample,
    as_name,
    columns_for,
    read_sample,
    tensors_of,
)
from fenqi.artifacts.parity import Comparison, Rows, compare, parity_bytes
from fenqi.artifacts.reference import reference_bytes
from fenqi.artifacts.safety import UnsafeGraph, parse_graph
from fenqi.artifacts.session import Session, result_of
from fenqi.artifacts.trial import Task, run_task

GOLDEN_ROWS = 64
# Applicants nearest to the cut-off: what reasons compare with (12 CFR 1002, Supplement I, comment
# 9(b)(2)-5(a)).
REFERENCE_ROWS = 1000


@dataclass(frozen=True, slots=True)
class Wishes:
    """What a graph and its data do not say by themselves."""

    name: str
    version: str
    # Columns of the data that feed the graph, in order; None: by name, or all that are left.
    columns: list[str] | None = None
    # The column with what the training library itself predicts: the margin or probability.
    predictions: str | None = None
    # A file like the data's, of rows beside split values (`split_sample`), with that column.
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


@dataclass(frozen=True, slots=True)
class Packed:
    """An artifact that was made, and what its owner should know of it, in sentences."""

    artifact: Artifact
    notes: list[str]


@dataclass(frozen=True, slots=True)
class _Material:
    """The graph with the sample run through it."""

    sample: Sample
    model: ModelProto
    onnx: bytes
    inputs: list[Tensor]
    columns: dict[str, list[str]]
    tensors: Tensors
    outputs: Outputs
    # What onnxruntime makes of each row, and what the library predicted, where it did.
    result: NDArray[np.float64]
    predicted: NDArray[np.float64] | None

    def picked(self, rows: NDArray[np.intp]) -> Tensors:
        return {name: tensor[rows] for name, tensor in self.tensors.items()}


def pack(onnx: Path, data: Path, models: Path, wishes: Wishes) -> Packed:
    """Writes models/<name>/<version>/ and loads it.

    Raises ArtifactError where the graph is refused, does not fit the data, or does not give what
    the training library predicted; then nothing is written.
    """
    folder = models / wishes.name / wishes.version
    if folder.exists():
        raise ArtifactError(f"{folder} is there already; a packed version never changes")
    sample = read_sample(data)
    notes: list[str] = []
    material = _material(onnx, sample, wishes, notes)
    by_library = _by_library(material, wishes)
    margin = margins(material.outputs, material.result)
    calibration = _calibration(sample, margin, wishes)
    files = _files(material, margin, calibration, by_library, wishes, notes)
    manifest = _manifest(material, calibration, files, wishes)
    return Packed(_write(folder, files, manifest), notes)


def _material(onnx: Path, sample: Sample, wishes: Wishes, notes: list[str]) -> _Material:
    content = read_file(onnx)
    try:
        model = parse_graph(content)
        plain = without_zip_maps(model)
        if plain is not model:
            notes.append("took out the ZipMap that makes dictionaries of probabilities")
            for value in plain.graph.output:
                if not value.HasField("type"):
                    value.CopyFrom(make_tensor_value_info(value.name, TensorProto.FLOAT, None))
            content = plain.SerializeToString(deterministic=True)
            model = parse_graph(content)
        inputs = inputs_of(model)
        output = _output(model, wishes)
    except UnsafeGraph as error:
        raise ArtifactError(f"{onnx}: {error}") from None
    if any(_is_probit(attribute) for node in model.graph.node for attribute in node.attribute):
        notes.append(
            "its PROBIT transform is left to onnxruntime, whose answers for it vary from run to run"
        )
    others = {name for name in (wishes.predictions, wishes.target) if name is not None}
    columns = columns_for(sample, inputs, wishes.columns, others)
    tensors = tensors_of(sample, inputs, columns)
    values = Session(content).run(output, tensors)
    outputs = _outputs(output, values, wishes)
    result = result_of(outputs, values)
    strange = np.flatnonzero(~np.isfinite(result))
    if len(strange):
        raise ArtifactError(
            f"{sample.place(strange[0])}: the graph gives {result[strange[0]]}, no finite number"
        )
    if outputs.probability is not None and not ((result >= 0) & (result <= 1)).all():
        at = int(np.abs(result - 0.5).argmax())
        raise ArtifactError(
            f"{sample.place(at)}: the output {outputs.probability} is {result[at]:g}, which is no "
            "probability; say --margin if it is log-odds of default"
        )
    predicted = None
    if wishes.predictions is not None:
        predicted = sample.numbers(wishes.predictions)
    return _Material(sample, model, content, inputs, columns, tensors, outputs, result, predicted)


def _is_probit(attribute: AttributeProto) -> bool:
    return attribute.name == "post_transform" and attribute.s == b"PROBIT"


def _output(model: ModelProto, wishes: Wishes) -> str:
    """The output that holds the result, as the graph suggests where nothing is wished."""
    results = {result.name: result for result in results_of(model)}
    name = wishes.output
    if name is None:
        likely = [one for one in results if "prob" in one.lower()] or list(results)
        if len(likely) != 1:
            raise UnsafeGraph(
                f"its outputs of float are {', '.join(results) or 'none'}; name the one with the "
                "probability or margin: --output"
            )
        (name,) = likely
    if name not in results:
        raise UnsafeGraph(f"it has no output {name} of float; there are {', '.join(results)}")
    return name


def _outputs(name: str, values: NDArray[Any], wishes: Wishes) -> Outputs:
    """Several columns are probabilities of classes; one is what its name or the caller says."""
    is_margin = wishes.is_margin
    if is_margin is None:
        is_margin = values.size == len(values) and "prob" not in name.lower()
    if is_margin:
        return Outputs(margin=name)
    return Outputs.model_validate({"probability": name, "class": wishes.default_class})


def _by_library(material: _Material, wishes: Wishes) -> list[Comparison]:
    """How far the graph is from what the training library predicted, of the sample and of rows
    beside split values.

    Raises ArtifactError where that is too far: conversions go wrong without a word.
    """
    if material.predicted is None:
        return []
    predicted = material.predicted
    found = [_compared("sample", material.sample, predicted, material.result, wishes)]
    if wishes.splits is not None and wishes.predictions is not None:
        sample = read_sample(wishes.splits)
        tensors = tensors_of(sample, material.inputs, material.columns)
        result = Session(material.onnx).result(material.outputs, tensors)
        predicted = sample.numbers(wishes.predictions)
        found.append(_compared("splits", sample, predicted, result, wishes))
    return found


def _compared(
    rows: Rows,
    sample: Sample,
    predicted: NDArray[np.float64],
    result: NDArray[np.float64],
    wishes: Wishes,
) -> Comparison:
    absent = np.flatnonzero(~np.isfinite(predicted))
    if len(absent):
        raise ArtifactError(f"{sample.place(absent[0])}: there is no prediction")
    found = compare(rows, ("library", "onnxruntime"), predicted, result)
    if found.largest > wishes.tolerance:
        away = np.abs(predicted - result) / np.maximum(1, np.abs(predicted))
        count = int((away > wishes.tolerance).sum())
        raise ArtifactError(
            f"the graph is not what was trained: {count} of {len(predicted)} rows differ by more "
            f"than {wishes.tolerance:g}. The largest difference is {found.largest:.3g}, at "
            f"{sample.place(found.at)}: the library says {predicted[found.at]:.9g}, the graph "
            f"{result[found.at]:.9g}. The conversion changed the model, or the predictions are of "
            "another output: see docs/artifacts.md"
        )
    return found


def _calibration(sample: Sample, margin: NDArray[np.float64], wishes: Wishes) -> Calibration:
    if wishes.calibrate == "none":
        return Calibration()
    if wishes.target is None:
        raise ArtifactError("calibration needs the outcomes: --target names their column")
    outcome = sample.numbers(wishes.target)
    strange = np.flatnonzero((outcome != 0) & (outcome != 1))
    if len(strange):
        raise ArtifactError(f"{sample.place(strange[0])}: {wishes.target} is neither 0 nor 1")
    fit = fit_platt if wishes.calibrate == "platt" else fit_isotonic
    return fit(margin, outcome == 1)


def _files(
    material: _Material,
    margin: NDArray[np.float64],
    calibration: Calibration,
    by_library: list[Comparison],
    wishes: Wishes,
    notes: list[str],
) -> dict[str, bytes]:
    expected = material.result if material.predicted is None else material.predicted
    golden = _golden_rows(material, expected)
    risk = calibrated(calibration, None, margin)
    compared = _at_cutoff(logistic(risk), wishes.cutoff)
    task = Task(
        onnx=material.onnx,
        inputs=[
            GraphInput(tensor.name, ELEMENT_TYPES[tensor.type], len(material.columns[tensor.name]))
            for tensor in material.inputs
        ],
        outputs=material.outputs,
        golden=material.picked(golden),
        expected=expected[golden].tolist(),
        predictions_of="onnxruntime" if material.predicted is None else "library",
    )
    library = None if material.predicted is None else wishes.library or "not named"
    certificate = certificate_of(run_task(task), library, by_library, wishes.tolerance)
    if material.predicted is None:
        notes.append(
            "no predictions of the training library were given, so nobody knows whether the "
            "conversion is right; `verify --strict` refuses this artifact"
        )
    return {
        MODEL: material.onnx,
        "golden.json": golden_bytes(
            {
                "inputs": material.picked(golden),
                "predictions_of": task.predictions_of,
                "probability" if material.outputs.margin is None else "margin": expected[golden],
                "tolerance": wishes.tolerance,
            }
        ),
        "reference.json": reference_bytes(
            wishes.score_scale.score(risk),
            _named_columns(material),
            compared,
            margin[compared],
        ),
        "parity.json": parity_bytes(certificate),
    }


def _golden_rows(material: _Material, expected: NDArray[np.float64]) -> NDArray[np.intp]:
    """Rows over the whole range of results, up to half of them with missing values."""
    missing = np.zeros(len(expected), dtype=np.bool_)
    for tensor in material.tensors.values():
        if tensor.dtype.kind == "f":
            missing |= np.isnan(tensor).any(axis=1)
    chosen = _spread(np.flatnonzero(missing), expected, GOLDEN_ROWS // 2)
    rest = _spread(np.flatnonzero(~missing), expected, GOLDEN_ROWS - len(chosen))
    return np.sort(np.concatenate([chosen, rest]))


def _spread(rows: NDArray[np.intp], result: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    """At most `most` of the rows, from the least result to the largest."""
    ordered = rows[np.argsort(result[rows], kind="stable")]
    return ordered[np.linspace(0, len(rows) - 1, min(len(rows), most)).astype(np.intp)]


def _at_cutoff(probability: NDArray[np.float64], cutoff: float | None) -> NDArray[np.intp]:
    """The approved rows nearest to the cut-off. Raises ArtifactError where nobody is approved."""
    limit = float(np.median(probability)) if cutoff is None else cutoff
    approved = np.flatnonzero(probability <= limit)
    if not len(approved):
        raise ArtifactError(
            f"no row has a probability of default of at most {limit:g}, the cut-off; the least is "
            f"{probability.min():.3g}"
        )
    return approved[np.argsort(-probability[approved], kind="stable")[:REFERENCE_ROWS]]


def _named_columns(material: _Material) -> dict[str, NDArray[Any]]:
    return {
        as_name(column): material.tensors[tensor.name][:, place]
        for tensor in material.inputs
        for place, column in enumerate(material.columns[tensor.name])
    }


def _manifest(
    material: _Material,
    calibration: Calibration,
    files: dict[str, bytes],
    wishes: Wishes,
) -> dict[str, Any]:
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
                    {"name": as_name(column), "feature": as_name(column), "unit": "", "monotone": 0}
                    for column in material.columns[tensor.name]
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
    files["card.md"] = card_bytes(manifest)
    manifest["files"] = {
        name: hashlib.sha256(content).hexdigest() for name, content in files.items()
    }
    return manifest


def _write(folder: Path, files: dict[str, bytes], manifest: dict[str, Any]) -> Artifact:
    """Writes beside the place and moves there what loads: nobody sees half an artifact."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    YAML().dump(manifest, text)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".packing-") as top:
        made = Path(top) / folder.parent.name / folder.name
        made.mkdir(parents=True)
        for name, content in {**files, MANIFEST: text.getvalue().encode()}.items():
            (made / name).write_bytes(content)
        load_artifact(made)
        try:
            made.rename(folder)
        except OSError as error:
            raise ArtifactError(f"{folder} cannot be written: {error.strerror}") from None
    return load_artifact(folder)
