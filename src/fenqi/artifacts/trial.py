"""Runs an artifact for the first time, in a process of its own.

What a graph does when it runs cannot be read off it with certainty: it may crash onnxruntime, take
all memory or never end. The process may do none of this to the one that asks.
"""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from fenqi.artifacts.artifact import Artifact
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.graph.compiler import GraphInput
from fenqi.artifacts.interface import graph_inputs_of
from fenqi.artifacts.manifest import Outputs
from fenqi.artifacts.parity import Comparison

# What the process may take.
MOST_MEMORY = 8 * 2**30
MOST_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Task:
    """What the process is given."""

    onnx: bytes
    inputs: list[GraphInput]
    outputs: Outputs
    golden: Tensors
    # What the golden rows were judged to be, and by whom.
    expected: list[float]
    predictions_of: Literal["library", "onnxruntime"]


class Trial(BaseModel):
    """What the process says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    # Which path serves, and why not the native one.
    path: Literal["native", "onnxruntime"]
    why_not_native: str | None
    onnxruntime: str
    comparisons: list[Comparison]
    split_values: int
    split_values_not_tried: int
    # One row, on the path that serves, after warming up, in microseconds: medians of some rounds.
    p50_us: float
    p99_us: float

    @property
    def golden(self) -> Comparison:
        """How far onnxruntime is from the predictions of the golden rows."""
        return self.comparisons[0]


def try_artifact(artifact: Artifact) -> Trial:
    """Runs golden rows and rows beside every split value through every path that there is.

    Raises ArtifactError where the graph fails, crashes, or takes more than MOST_MEMORY or
    MOST_SECONDS; what the numbers are worth is for the caller to say (see verify.py). Takes about
    a second.
    """
    task = Task(
        onnx=artifact.onnx,
        inputs=graph_inputs_of(artifact.manifest),
        outputs=artifact.manifest.outputs,
        golden=artifact.golden.tensors(artifact.manifest),
        expected=artifact.golden.expected.tolist(),
        predictions_of=artifact.golden.predictions_of,
    )
    return run_task(task)


def run_task(task: Task) -> Trial:
    """Runs `task` in a process of its own; see `try_artifact`."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "fenqi.artifacts.trial_process"],
            input=pickle.dumps(task),
            capture_output=True,
            timeout=2 * MOST_SECONDS,
        )
    except subprocess.TimeoutExpired as late:
        raise ArtifactError(f"the trial run did not end within {late.timeout:g} s") from None
    if done.returncode < 0:
        raise ArtifactError(_killed(-done.returncode))
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines()
        raise ArtifactError(lines[-1] if lines else "the trial run failed and said nothing")
    try:
        return Trial.model_validate_json(done.stdout)
    except ValidationError as error:
        raise ArtifactError(f"the trial run gave no result: {error}") from None


def _killed(number: int) -> str:
    if number in (signal.SIGXCPU, signal.SIGKILL):
        return f"the trial run took more than {MOST_SECONDS} s of a processor, or all memory"
    return f"the trial run crashed with {signal.Signals(number).name}"
