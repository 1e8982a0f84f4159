"""What every engine's worker does: compile once, answer, and be timed, as the benchmark asks.

Speaks lines of JSON: first the job comes in; each further line names a case, and `answers` or
seconds to run. Written for the peers' environment: nothing of Fenqi is imported.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

BATCH_NS = 20_000


@dataclass(frozen=True)
class Case:
    """One question: `decide` is timed on each of `inputs` in turn; `read` makes its result an
    answer that can be compared, and is not timed.
    """

    inputs: Sequence[Any]
    decide: Callable[[Any], Any]
    read: Callable[[Any], Any] = lambda answer: answer


def serve(compile_job: Callable[[dict[str, Any]], dict[str, Case]]) -> None:
    """Reads the job, then answers until the input ends."""
    # Chains of a hundred conditionals are deep for parsers that descend.
    sys.setrecursionlimit(100_000)
    job = json.loads(sys.stdin.readline())
    start = time.perf_counter()
    cases = compile_job(job)
    _say({"cases": list(cases), "compile_s": time.perf_counter() - start})
    for line in sys.stdin:
        asked = json.loads(line)
        case = cases[asked["case"]]
        if "seconds" in asked:
            _say(_timed(case, asked["seconds"]))
        else:
            _say([case.read(case.decide(given)) for given in case.inputs])


def by_position(
    inputs: Sequence[Any],
    decide: Callable[[Any], Any],
    read: Callable[[Any], Any] = lambda answer: answer,
) -> dict[str, Case]:
    """A case for each row of the table that is hit."""
    names = ("table_first", "table_middle", "table_last")
    return {name: Case([given], decide, read) for name, given in zip(names, inputs, strict=True)}


def concluded(
    job: dict[str, Any], score: float, rules: Sequence[bool], outcomes: Sequence[str]
) -> tuple[int, float, list[int], list[str]]:
    """Decision, score, numbers of the rules that fired, outcomes of the tables."""
    decision = 1 if score >= job["approve_from"] else 3 if score >= job["refer_from"] else 4
    hits = [number for number, fired in enumerate(rules) if fired]
    gravities = job["gravities"]
    for number in hits:
        if gravities[number] > decision:
            decision = gravities[number]
    return decision, score, hits, list(outcomes)


def _timed(case: Case, seconds: float) -> dict[str, float]:
    """ns a decision: the median of batches of some 20 us, and the least of them."""
    decide, inputs = case.decide, list(case.inputs)
    clock = time.perf_counter_ns
    batches = []
    size = 1
    end = clock() + seconds * 1e9
    position = 0
    while (start := clock()) < end:
        batch = [inputs[(position + i) % len(inputs)] for i in range(size)]
        position += size
        start = clock()
        for given in batch:
            decide(given)
        taken = clock() - start
        batches.append(taken / size)
        if taken < BATCH_NS / 2:
            size *= 2
    warm = sorted(batches[len(batches) // 2 :])
    return {"p50_ns": warm[len(warm) // 2], "least_ns": warm[0], "batches": len(warm)}


def _say(what: Any) -> None:
    print(json.dumps(what), flush=True)
