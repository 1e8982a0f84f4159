"""The process that trial.py starts: a Task on stdin, a Trial on stdout."""

from __future__ import annotations

import pickle
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from fenqi._native import StatusError
from fenqi.artifacts.error import ArtifactError
from fenqi.artifacts.golden import Tensors
from fenqi.artifacts.graph import serving_form
from fenqi.artifacts.graph.parity import native_runner
from fenqi.artifacts.parity import Comparison, Rows, compare
from fenqi.artifacts.safety import parse_graph
from fenqi.artifacts.session import Session, result_of
from fenqi.artifacts.splits import split_rows
from fenqi.artifacts.trial import MOST_MEMORY, MOST_SECONDS, Task, Trial

_WARM_UP_RUNS = 50
# The median of rounds is what the machine does when others leave it alone for half of them.
_ROUNDS = 7
_RUNS_OF_A_ROUND = 200
# Of a slow model, fewer rounds.
_ENOUGH_SECONDS = 5.0


def run(task: Task) -> Trial:
    """Raises ArtifactError where a path cannot run the graph."""
    outputs = task.outputs
    session = Session(task.onnx)
    result = session.result(outputs, task.golden)
    comparisons: list[Comparison] = [
        compare("golden", (task.predictions_of, "onnxruntime"), np.array(task.expected), result)
    ]
    widths = {given.name: given.width for given in task.inputs}
    splits = split_rows(parse_graph(task.onnx), widths, task.golden)
    form = serving_form(task.onnx, task.inputs, [outputs.result], task.golden)
    answer: Callable[[Tensors], object] = partial(session.run, outputs.result)
    if form.native is not None:
        core = native_runner(form.native, task.inputs)
        answer = core.run
        both: list[tuple[Rows, Tensors]] = [("golden", task.golden)]
        if splits.values:
            both.append(("splits", splits.inputs))
        for rows, inputs in both:
            theirs = session.result(outputs, inputs)
            ours = result_of(outputs, core.run(inputs)[outputs.result])
            comparisons.append(compare(rows, ("onnxruntime", "native"), theirs, ours))
    p50_us, p99_us = _latency(answer, task.golden)
    return Trial(
        path="onnxruntime" if form.native is None else "native",
        why_not_native=form.why or None,
        onnxruntime=version("onnxruntime"),
        comparisons=comparisons,
        split_values=splits.values,
        split_values_not_tried=splits.not_tried,
        p50_us=p50_us,
        p99_us=p99_us,
    )


def _latency(answer: Callable[[Tensors], object], golden: Tensors) -> tuple[float, float]:
    """Microseconds for one row, after warming up: the medians of the rounds' 50th and 99th
    percentiles."""
    count = len(next(iter(golden.values())))
    rows = [{name: t[i : i + 1] for name, t in golden.items()} for i in range(count)]
    for number in range(_WARM_UP_RUNS):
        answer(rows[number % count])
    rounds: list[NDArray[np.float64]] = []
    began = time.perf_counter()
    while len(rounds) < _ROUNDS and (not rounds or time.perf_counter() - began < _ENOUGH_SECONDS):
        rounds.append(np.percentile(_times(answer, rows), [50, 99]))
    p50_us, p99_us = np.median(rounds, axis=0)
    return float(p50_us), float(p99_us)


def _times(answer: Callable[[Tensors], object], rows: list[Tensors]) -> list[float]:
    """Microseconds for one row, of a round."""
    times = []
    for number in range(_RUNS_OF_A_ROUND):
        began = time.perf_counter_ns()
        answer(rows[number % len(rows)])
        times.append((time.perf_counter_ns() - began) / 1000)
    return times


def main() -> int:
    """Exit code 1 and a sentence on stderr where the graph cannot be run."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_SECONDS, MOST_SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    task: Task = pickle.load(sys.stdin.buffer)
    try:
        trial = run(task)
    except (ArtifactError, StatusError, MemoryError) as error:
        print(str(error).replace("\n", " ") or "there is not enough memory", file=sys.stderr)
        return 1
    sys.stdout.write(trial.model_dump_json())
    return 0


if __name__ == "__main__":
    sys.exit(main())
