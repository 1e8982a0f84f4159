"""A native model is an accelerator, never a second truth: it is compared with onnxruntime."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import ModelProto

from fenqi import _native
from fenqi.artifacts.graph.compiler import GraphInput, compile_graph
from fenqi.artifacts.graph.probing import random_rows
from fenqi.artifacts.graph.tensors import TENSOR_TYPES, NotNativeError
from fenqi.artifacts.graph.zip_map import without_zip_maps
from fenqi.artifacts.splits import split_values
from fenqi.internal.v1.native_model_pb2 import NativeModel
from fenqi.internal.v1.release_image_pb2 import ModelSlot

# Largest difference of two answers, relative to the larger; below SMALL, relative to SMALL.
LIMIT = 1e-6
SMALL = 0.1
# Rows beside the golden ones on which a model is compared before it serves.
_RANDOM_ROWS = 400


@dataclass(frozen=True, slots=True)
class Parity:
    """How far the native path lies from onnxruntime."""

    rows: int
    # Over all rows and outputs; infinite where one gives a number and the other none.
    largest_difference: float
    # Rows that gave the same bits.
    equal_rows: int
    onnxruntime: str
    # Why the native path must not serve; empty where it may.
    why: str

    @property
    def agrees(self) -> bool:
        return not self.why


@dataclass(frozen=True, slots=True)
class ServingForm:
    """Which path serves a model."""

    # None: onnxruntime, because of `why`.
    native: NativeModel | None
    why: str
    # None where there was nothing to compare.
    parity: Parity | None

    @property
    def path(self) -> str:
        return "onnxruntime" if self.native is None else "native"


_forms: dict[str, ServingForm] = {}


def serving_form(
    model: bytes,
    inputs: Sequence[GraphInput],
    outputs: Sequence[str],
    golden: Mapping[str, NDArray[Any]] | None = None,
) -> ServingForm:
    """Compiles the graph and compares it with onnxruntime on the golden rows and on random ones,
    split values among them. The same arguments cost once in a process."""
    key = hashlib.sha256(model)
    key.update(repr((list(inputs), list(outputs))).encode())
    for name, array in (golden or {}).items():
        key.update(name.encode() + np.asarray(array).astype(str).tobytes())
    digest = key.hexdigest()
    if digest not in _forms:
        _forms[digest] = _serving_form(model, inputs, outputs, golden)
    return _forms[digest]


def _serving_form(
    model: bytes,
    inputs: Sequence[GraphInput],
    outputs: Sequence[str],
    golden: Mapping[str, NDArray[Any]] | None,
) -> ServingForm:
    try:
        proto = without_zip_maps(onnx.load_from_string(model))
        native = compile_graph(proto, inputs, outputs)
    except (NotNativeError, DecodeError) as error:
        return ServingForm(None, str(error), None)
    splits = split_values(proto, {given.name: given.width for given in inputs}).by_column
    rows: dict[str, NDArray[Any]] = random_rows(native, splits, _RANDOM_ROWS, golden=golden)
    if golden is not None:
        rows = {name: np.concatenate([golden[name], array]) for name, array in rows.items()}
    parity = compare(proto, native, inputs, rows)
    return ServingForm(native if parity.agrees else None, parity.why, parity)


def compare(
    model: ModelProto,
    native: NativeModel,
    inputs: Sequence[GraphInput],
    rows: Mapping[str, NDArray[Any]],
) -> Parity:
    """Both paths on `rows`; `model` is without ZipMap.

    onnxruntime adds products up in another order for a row alone than for many together, so that it
    has two answers for a row, an ulp or some apart. The nearer one counts.
    """
    names = [output.name for output in native.outputs]
    session = onnx_session(model)
    core = native_runner(native, inputs)
    fed = {given.name: np.asarray(rows[given.name]) for given in inputs}
    count = len(next(iter(fed.values())))
    each = [{name: array[i : i + 1] for name, array in fed.items()} for i in range(count)]
    alone = [_onnx_outputs(session, names, row) for row in each]
    among_others = _among_others(session, names, fed, alone)
    largest, equal, where = 0.0, 0, ""
    for i, row in enumerate(each):
        ours = _native_outputs(core, names, row)
        theirs = [alone[i], *([among_others[i]] if i in among_others else [])]
        difference, name = min(_difference(names, ours, answer) for answer in theirs)
        equal += difference == 0.0
        if difference > largest:
            largest, where = difference, f"{name}, row {i}"
    why = ""
    if not largest <= LIMIT:
        why = f"its answers differ from onnxruntime's by {largest:.1e} (output {where})"
    return Parity(count, largest, equal, onnxruntime.__version__, why)


# One row's or all rows' outputs; None where the model refuses what it was given.
Outputs = list[NDArray[Any]] | None


def _native_outputs(
    core: _native.Model, names: list[str], row: Mapping[str, NDArray[Any]]
) -> Outputs:
    try:
        answer = core.run(row)
    except _native.StatusError:
        return None
    return [answer[name] for name in names]


def _onnx_outputs(
    session: onnxruntime.InferenceSession, names: list[str], rows: Mapping[str, NDArray[Any]]
) -> Outputs:
    try:
        return [np.asarray(each) for each in session.run(names, dict(rows))]
    except onnxruntime.capi.onnxruntime_pybind11_state.Fail:
        return None


def _among_others(
    session: onnxruntime.InferenceSession,
    names: list[str],
    rows: Mapping[str, NDArray[Any]],
    alone: Sequence[Outputs],
) -> dict[int, list[NDArray[Any]]]:
    """What the rows that the model accepts alone give together."""
    accepted = [i for i, outputs in enumerate(alone) if outputs is not None]
    if not accepted:
        return {}
    together = _onnx_outputs(session, names, {n: array[accepted] for n, array in rows.items()})
    if together is None or any(len(array) != len(accepted) for array in together):
        return {}
    return {i: [array[k : k + 1] for array in together] for k, i in enumerate(accepted)}


def _difference(names: list[str], ours: Outputs, theirs: Outputs) -> tuple[float, str]:
    """The largest difference, and the output that has it. Both may refuse a row; one alone may
    not."""
    if ours is None or theirs is None:
        return (0.0 if ours is theirs else float("inf")), "none"
    return max((_distance(a, b), n) for a, b, n in zip(ours, theirs, names, strict=True))


def onnx_session(model: ModelProto) -> onnxruntime.InferenceSession:
    """A session as the core's own: one thread, no talk."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model.SerializeToString(), options)


def native_runner(native: NativeModel, inputs: Sequence[GraphInput]) -> _native.Model:
    """The model as the core runs it, with all of its outputs."""
    slot = ModelSlot(native=native)
    for given in inputs:
        # Registers say the width; nothing feeds them here.
        slot.inputs.add(
            name=given.name, type=TENSOR_TYPES[given.dtype], registers=[0] * given.width
        )
    return _native.Model(slot.SerializeToString())


def _distance(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    ours, theirs = ours.ravel(), theirs.ravel()
    if ours.size != theirs.size:
        return float("inf")
    if ours.dtype.kind not in "fiub":
        return 0.0 if (ours == theirs).all() else float("inf")
    a, b = ours.astype(np.float64), theirs.astype(np.float64)
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    if same.all():
        return 0.0
    a, b = a[~same], b[~same]
    if not (np.isfinite(a) & np.isfinite(b)).all():
        return float("inf")
    return float((np.abs(a - b) / np.maximum(np.maximum(np.abs(a), np.abs(b)), SMALL)).max())
