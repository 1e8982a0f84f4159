"""How long does a policy take to decide, beside other engines, and how does it grow?

One thread on one core; each engine compiled once and given the same data. Before anything is
timed, all engines must give the same answers. They take turns, round after round, so that a slow
spell of the machine hits all of them; figures are medians over the rounds.

Fenqi runs in C++ as it serves: `program` is the compiled policy on a row that was read (what other
engines are measured by: they have their data as their own objects before the clock starts), and
`decision` is everything from a request's bytes to the answer's. The peers are called as their
Python packages offer it.
"""

from __future__ import annotations

import json
import math
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf.json_format import ParseDict

from bench.expression import Expression, Field, call, fields
from bench.machine import ROOT
from bench.peer_forms import rule_job, strategy_job, table_job
from bench.peer_processes import PEERS, Worker, install, running, versions
from bench.policy_file import rule_text, rules_text, strategy_text, table_text
from bench.requests import write_requests
from bench.servers import LOAD_CPU
from bench.strategy import Application, Strategy, make_applications, make_grid, make_strategy
from fenqi.engine import Engine
from fenqi.policy import compile_policy
from fenqi.v1 import scoring_pb2

APPLICANTS = 200
ROUNDS = 5
SECONDS = 0.5
RULES = (10, 100, 1000, 10000)
POSITIONS = ("table_first", "table_middle", "table_last")
# 3,000 rows for all who have tables, 10,000 for Fenqi alone.
GRID, LARGE_GRID = (30, 25), (50, 50)

ONE_RULE = call(
    "or",
    call(
        "and",
        call(">", Field("bureau.inquiries_3m"), 6),
        call("<", Field("identity.age_years"), 25),
    ),
    call(
        "and",
        call(">", Field("loan.amount_fen"), 2_000_000),
        call(">=", Field("bureau.lenders"), 5),
    ),
)
# Decision, score, ids of the rules that fired, outcomes of the tables.
Answer = list[Any]
_OUTCOME = re.compile(r"table \w+\.outcome")


def run() -> dict[str, Any]:
    """Figures of all engines for a rule, a strategy and a table; Fenqi's curve over rules."""
    missing = install()
    strategy, applications = make_strategy(), make_applications(APPLICANTS)
    table, hits = make_grid(*GRID)
    job = {
        "rule": rule_job(ONE_RULE, _complete(ONE_RULE)),
        "strategy": strategy_job(strategy, applications),
        "table": table_job(table, hits),
    }
    peers = [peer for peer in PEERS if peer.package not in missing]
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        ours = {
            "rule": _Fenqi(Path(folder), "rule", rule_text(ONE_RULE), _complete(ONE_RULE)),
            "strategy": _Fenqi(Path(folder), "strategy", strategy_text(strategy), applications),
        }
        for name, (grid, applicants) in (
            ("table", (table, hits)),
            ("large", make_grid(*LARGE_GRID)),
        ):
            for position, applicant in zip(POSITIONS, applicants, strict=True):
                case = position.replace("table", name)
                ours[case] = _Fenqi(Path(folder), case, table_text(grid), [applicant])
        workers = {peer.name: stack.enter_context(running(peer, job)) for peer in peers}
        _require_same_answers(strategy, ours, workers)
        figures = _take_turns(ours, workers)
        curve = [_point(Path(folder), count) for count in RULES]
    fenqi = {case: {**of.compiled, **figures["fenqi"][case]} for case, of in ours.items()}
    return {
        "fenqi": fenqi,
        "peers": {
            peer.name: {
                "what": peer.what,
                "is_engine": peer.is_engine,
                "compile_s": round(workers[peer.name].compile_s, 3),
                **figures[peer.name],
            }
            for peer in peers
        },
        "left_out": missing,
        "versions": versions({peer.package for peer in PEERS if peer.package}),
        "ratios": _ratios(fenqi, figures, {peer.name for peer in peers if peer.is_engine}),
        "curve": {"points": curve, "exponents": _exponents(curve)},
    }


def _complete(condition: Expression) -> list[Application]:
    """Applicants who lack nothing that the condition reads, and have nothing else."""
    paths = [path.split(".") for path in fields(condition)]
    return [
        {message: {n: a[message][n] for m, n in paths if m == message} for message, _ in paths}
        for a in make_applications(2 * APPLICANTS)
        if all(name in a[message] for message, name in paths)
    ][:APPLICANTS]


class _Fenqi:
    """A policy, compiled, with its applicants as request bytes."""

    def __init__(self, folder: Path, name: str, text: str, applications: list[Application]) -> None:
        self._policy = folder / f"{name}.yaml"
        self._policy.write_text(text)
        start, cpu_start = time.perf_counter(), time.process_time()
        built = compile_policy(self._policy)
        self.compiled = {
            "compile_s": round(time.perf_counter() - start, 3),
            "compile_cpu_s": round(time.process_time() - cpu_start, 3),
            "instructions": built.instructions,
        }
        self._image, self._file = folder / f"{name}.image", folder / f"{name}.requests"
        self._image.write_bytes(built.image)
        self.requests = [_request(application) for application in applications]
        write_requests(self._file, self.requests)

    def answers(self) -> list[Answer]:
        """From the engine in this process: decision, score, rules that fired, tables' outcomes."""
        engine = Engine.from_policy(self._policy)
        return [_answer(engine, request) for request in self.requests]

    def time(self, seconds: float) -> dict[str, Any]:
        """What policy_bench says. Raises RuntimeError where a decision took memory."""
        command = [
            *["taskset", "-c", str(LOAD_CPU)],
            str(ROOT / "build" / "native" / "release" / "bin" / "policy_bench"),
            *["--image", str(self._image), "--requests", str(self._file)],
            *["--seconds", str(seconds)],
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures: dict[str, Any] = json.loads(done.stdout)
        if figures["allocations"] != 0:
            raise RuntimeError(f"decisions took {figures['allocations']} blocks from the heap")
        return figures


def _request(application: Application) -> scoring_pb2.ScoreRequest:
    return ParseDict({"application": application}, scoring_pb2.ScoreRequest())


def _answer(engine: Engine, request: scoring_pb2.ScoreRequest) -> Answer:
    answer, trace = engine.score(request), engine.trace(request)
    outcomes = [value for name, value in trace.items() if _OUTCOME.fullmatch(name)]
    score = answer.score if answer.HasField("score") else None
    return [answer.decision, score, [hit.rule_id for hit in answer.rule_hits], outcomes]


def _require_same_answers(
    strategy: Strategy, ours: dict[str, _Fenqi], workers: dict[str, Worker]
) -> None:
    """Raises RuntimeError where an engine answers anything else than Fenqi."""
    ids = [rule.id for rule in strategy.rules]
    answers = {case: fenqi.answers() for case, fenqi in ours.items()}
    expected: dict[str, list[Any]] = {
        "rule": [bool(hits) for _, _, hits, _ in answers["rule"]],
        "strategy": answers["strategy"],
        **{case: [tables[0] for _, _, _, tables in answers[case]] for case in POSITIONS},
    }
    for name, worker in workers.items():
        for case in worker.cases:
            found = worker.answers(case)
            if case == "strategy" and name != "plain_python":
                found = [[d, s, [ids[n] for n in hits], tables] for d, s, hits, tables in found]
            # An engine that takes a second for a decision answers some of the applicants.
            for number, (one, other) in enumerate(zip(found, expected[case], strict=False)):
                if one != other:
                    raise RuntimeError(f"{name}, {case}, applicant {number}: {one}, not {other}")


def _take_turns(
    ours: dict[str, _Fenqi], workers: dict[str, Worker]
) -> dict[str, dict[str, dict[str, float]]]:
    rounds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for _ in range(ROUNDS):
        for case, fenqi in ours.items():
            rounds.setdefault(("fenqi", case), []).append(fenqi.time(SECONDS))
        for name, worker in workers.items():
            for case in worker.cases:
                rounds.setdefault((name, case), []).append(worker.time(case, SECONDS))
    results: dict[str, dict[str, dict[str, float]]] = {}
    for (name, case), taken in rounds.items():
        results.setdefault(name, {})[case] = (
            _fenqi_summary(taken) if name == "fenqi" else _summary(taken)
        )
    return results


def _fenqi_summary(taken: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "program": _summary(figures["program"] for figures in taken),
        "decision": {
            name: round(statistics.median(figures["decision"][name] for figures in taken), 1)
            for name in ("p50_ns", "p99_ns")
        },
        "allocations": 0,
    }


def _summary(taken: Iterable[dict[str, float]]) -> dict[str, float]:
    figures = list(taken)
    return {
        "p50_ns": round(statistics.median(f["p50_ns"] for f in figures), 1),
        "least_ns": round(min(f["least_ns"] for f in figures), 1),
    }


def _ratios(
    fenqi: dict[str, Any], figures: dict[str, Any], engines: set[str]
) -> dict[str, dict[str, float | str]]:
    """How many times longer the fastest engine takes than Fenqi's program."""
    ratios: dict[str, dict[str, float | str]] = {}
    for case in ("rule", "strategy", *POSITIONS):
        own = fenqi[case]["program"]["p50_ns"]
        others = {
            name: of[case]["p50_ns"]
            for name, of in figures.items()
            if name != "fenqi" and case in of
        }
        fastest = min((others[name], name) for name in engines if name in others)
        ratios[case] = {
            "fastest_engine": fastest[1],
            "fastest_engine_over_fenqi": round(fastest[0] / own, 1),
            "plain_python_over_fenqi": round(others["plain_python"] / own, 1),
        }
    return ratios


def _point(folder: Path, count: int) -> dict[str, Any]:
    fenqi = _Fenqi(folder, f"rules{count}", rules_text(make_strategy(count)), make_applications(20))
    figures = fenqi.time(2 * SECONDS)
    return {
        "rules": count,
        **fenqi.compiled,
        "load_ms": figures["load_ms"],
        "program": {name: round(value, 1) for name, value in figures["program"].items()},
        "decision_p50_ns": figures["decision"]["p50_ns"],
    }


def _exponents(curve: list[dict[str, Any]]) -> list[float]:
    """By which power of the number of rules the cost above that of the first point grows, from one
    point to the next: 1 is linear.
    """
    first = curve[0]
    above = [
        (point["rules"] - first["rules"], point["program"]["p50_ns"] - first["program"]["p50_ns"])
        for point in curve[1:]
    ]
    return [
        round(math.log(b_cost / a_cost) / math.log(b / a), 3)
        for (a, a_cost), (b, b_cost) in pairwise(above)
    ]
