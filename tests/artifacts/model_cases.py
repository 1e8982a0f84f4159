"""Models with the outputs that they must give: `python -m tests.artifacts.model_cases FOLDER`.

Each folder below FOLDER with a `model.onnx` and a `cases.npz` is one model. Arrays `in:<name>` are
inputs, [rows, columns]; `out:<name>` what onnxruntime gave. The models of dmitryikh/leaves (MIT)
have `x` and `onnxruntime` instead. A model passes where the core gives the same, natively or
through onnxruntime, for all rows and for each alone.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from fenqi import _native
from fenqi.artifacts.graph import (
    GraphInput,
    NotNativeError,
    compile_graph,
    graph_inputs,
    without_zip_maps,
)
from fenqi.artifacts.graph.parity import LIMIT, SMALL, native_runner
from fenqi.artifacts.graph.tensors import TENSOR_TYPES
from fenqi.bundled import onnxruntime_library
from fenqi.internal.v1.release_image_pb2 import ModelSlot

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class Result:
    """How one model fared."""

    name: str
    path: str
    # Why it is not native.
    why: str
    rows: int
    # Against the expected outputs.
    largest_difference: float
    same_bits: bool
    # Each row alone gives what all together give.
    row_by_row: bool

    @property
    def passed(self) -> bool:
        return self.largest_difference <= LIMIT and self.row_by_row


def case_folders(folder: Path) -> list[Path]:
    """The folders of models at and below `folder`."""
    return sorted(path.parent for path in folder.rglob("model.onnx") if is_case(path.parent))


def is_case(folder: Path) -> bool:
    return (folder / "cases.npz").exists()


def run_case(folder: Path) -> Result:
    """Runs one model on its rows."""
    model = without_zip_maps(onnx.load(folder / "model.onnx"))
    with np.load(folder / "cases.npz", allow_pickle=False) as arrays:
        given, expected = _arrays(model, dict(arrays.items()))
    widths = {name: array.shape[1] for name, array in given.items()}
    inputs = graph_inputs(model, widths)
    try:
        native = compile_graph(model, inputs, list(expected))
        runner, why = native_runner(native, inputs), ""
    except NotNativeError as error:
        why = str(error)
        # Of onnxruntime's outputs the engine reads numbers only.
        expected = {name: array for name, array in expected.items() if array.dtype.kind == "f"}
        runner = onnxruntime_runner(model, inputs, list(expected))
    together = runner.run(given)
    count = len(next(iter(given.values())))
    alone = [runner.run({n: a[i : i + 1] for n, a in given.items()}) for i in range(count)]
    differences, same_bits, row_by_row = [0.0], True, True
    for name, array in expected.items():
        found = _shaped(together[name], array)
        differences.append(difference(found, array))
        same_bits &= found.astype(array.dtype).tobytes() == array.tobytes() or bool(
            _equal(found, array).all()
        )
        each = _shaped(np.concatenate([row[name] for row in alone]), array)
        row_by_row &= bool(_equal(each, found).all())
    return Result(folder.name, runner.path, why, count, max(differences), same_bits, row_by_row)


def _shaped(found: NDArray[Any], expected: NDArray[Any]) -> NDArray[Any]:
    """`found` in the shape of `expected`; of two classes the second where one is expected."""
    if found.size == 2 * expected.size:
        found = found.reshape(len(expected), 2)[:, 1]
    return found.reshape(expected.shape)


def onnxruntime_runner(
    model: ModelProto, inputs: list[GraphInput], outputs: list[str]
) -> _native.Model:
    """The model as the core runs it through onnxruntime, for one output or two."""
    slot = ModelSlot(onnx=model.SerializeToString())
    slot.probability_output = outputs[0]
    slot.margin_output = outputs[1] if len(outputs) > 1 else ""
    for given in inputs:
        registers = [0] * given.width
        slot.inputs.add(name=given.name, type=TENSOR_TYPES[given.dtype], registers=registers)
    return _native.Model(slot.SerializeToString(), str(onnxruntime_library()))


def difference(found: NDArray[Any], expected: NDArray[Any]) -> float:
    """The largest, relative to the expected value; below SMALL, relative to SMALL."""
    differs = ~_equal(found, expected)
    if not differs.any():
        return 0.0
    if expected.dtype.kind not in "fiu":
        return float("inf")
    a, b = found[differs].astype(np.float64), expected[differs].astype(np.float64)
    if not (np.isfinite(a) & np.isfinite(b)).all():
        return float("inf")
    return float((np.abs(a - b) / np.maximum(np.abs(b), SMALL)).max())


def _equal(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.bool_]:
    same: NDArray[np.bool_] = a == b
    if b.dtype.kind == "f":
        same |= np.isnan(a.astype(np.float64)) & np.isnan(b)
    return same


def _arrays(model: ModelProto, arrays: Arrays) -> tuple[Arrays, Arrays]:
    given = {n.removeprefix("in:"): a for n, a in arrays.items() if n.startswith("in:")}
    expected = {n.removeprefix("out:"): a for n, a in arrays.items() if n.startswith("out:")}
    if not given:
        given = {model.graph.input[0].name: arrays["x"]}
        of_numbers = [
            output.name
            for output in model.graph.output
            if output.type.tensor_type.elem_type in (TensorProto.FLOAT, TensorProto.UNDEFINED)
        ]
        expected = {of_numbers[-1]: arrays["onnxruntime"]}
    return given, expected


def main() -> None:
    folder = Path(sys.argv[1])
    if not case_folders(folder):
        raise SystemExit(
            f"there are no models below {folder}; name a folder: make models CASES=..."
        )
    failed = 0
    for path in case_folders(folder):
        try:
            result = run_case(path)
        except Exception as error:  # one broken model must not hide the others
            failed += 1
            print(f"FAILED {path.name}: {type(error).__name__}: {error}")
            continue
        failed += not result.passed
        bits = "same bits" if result.same_bits else f"differs by {result.largest_difference:.1e}"
        alone = "" if result.row_by_row else ", NOT the same row by row"
        why = f" ({result.why})" if result.why else ""
        verdict = "passed" if result.passed else "FAILED"
        print(f"{verdict} {path.name}: {result.path}{why}, {result.rows} rows, {bits}{alone}")
    total = len(case_folders(folder))
    print(f"{total - failed} passed, {failed} failed")
    raise SystemExit(1 if failed else 0)


if __name__ == "__main__":
    main()
