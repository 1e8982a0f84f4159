"""Runs a graph with onnxruntime from Python, for many rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.manifest import Outputs

_MOST_ROWS = 4096


class Session:
    """A graph, loaded. One thread, so that runs agree. Raises ArtifactError where onnxruntime
    refuses it."""

    def __init__(self, onnx: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Exporters declare shapes that their graphs do not keep; warnings of it help nobody.
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(
                onnx, options, providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            # onnxruntime's exceptions have no common class of their own.
            raise ArtifactError(f"onnxruntime refuses the graph: {error}") from None

    def run(self, output: str, inputs: Tensors) -> NDArray[Any]:
        """One output, [rows, ...]. Raises ArtifactError."""
        rows = len(next(iter(inputs.values())))
        parts = []
        for begin in range(0, rows, _MOST_ROWS):
            part = {name: tensor[begin : begin + _MOST_ROWS] for name, tensor in inputs.items()}
            try:
                parts.append(np.asarray(self._session.run([output], part)[0]))
            except Exception as error:
                raise ArtifactError(f"onnxruntime cannot run the graph: {error}") from None
        return np.concatenate(parts)

    def result(self, outputs: Outputs, inputs: Tensors) -> NDArray[np.float64]:
        """The margin, or the probability of default, of each row."""
        return result_of(outputs, self.run(outputs.result, inputs))


def result_of(outputs: Outputs, values: NDArray[Any]) -> NDArray[np.float64]:
    """The margin, or the probability of default, [rows], in the output that `outputs` names.

    Raises ArtifactError where it has no such column.
    """
    by_row = np.asarray(values, dtype=np.float64).reshape(len(values), -1)
    if outputs.probability is None or by_row.shape[1] == 1:
        return by_row[:, 0]
    if outputs.class_ >= by_row.shape[1]:
        raise ArtifactError(
            f"the output {outputs.result} has {by_row.shape[1]} columns; there is no class "
            f"{outputs.class_}, from 0"
        )
    return by_row[:, outputs.class_]
