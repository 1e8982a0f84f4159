"""`fenqi demo`: the bundled policy on real applications, through the RPC."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from fenqi.cli.answer import answer_panel
from fenqi.client import AsyncClient
from fenqi.deployment import StageLatency
from fenqi.errors import CallError
from fenqi.lab import taiwan
from fenqi.lab.evaluation import auc
from fenqi.serving.config import load_settings
from fenqi.serving.process import ServingProcess, Termination
from fenqi.v1 import scoring_pb2
from fenqi.v1.scoring_pb2 import ScoreRequest, ScoreResponse

_DEADLINE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Case:
    """One application, and whether its client went bad afterwards."""

    request: ScoreRequest
    bad: bool


@dataclass(frozen=True, slots=True)
class Scored:
    """What came back for a case, and microseconds from send to answer as this client saw it."""

    case: Case
    answer: ScoreResponse | CallError
    latency_us: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What the demo found; the names are those of its JSON. A share of nothing is None."""

    applications: int
    failed: int
    approved: int
    referred: int
    declined: int
    approval_rate: float | None
    bad_rate_approved: float | None
    bad_rate_all: float | None
    auc: float | None
    p50_us: float
    p99_us: float
    concurrency: int
    policy: str
    release: str
    server_stages: dict[str, StageLatency]
    machine: str


def run(applications: int, once: bool, json_file: str, concurrency: int, port: int) -> None:
    # With the JSON on stdout, people read stderr.
    console = Console(stderr=json_file == "-", highlight=False)
    with Termination() as termination, _serving(port) as process:
        address = process.addresses[0]
        console.print(f"serving {process.engine.release.policy} on {address}")
        cases = load_cases(applications)
        scored = asyncio.run(
            _score_with_progress(address, cases, concurrency, console, termination)
        )
        if termination.asked:
            return
        summary = summarise(scored, concurrency, process)
        _print_summary(console, summary, scored)
        if json_file:
            _write_json(summary, json_file)
        if not once:
            _print_how_to_call(console, address, process.admin_address)
            termination.wait()


def load_cases(applications: int) -> list[Case]:
    """Clients of the Taiwan data that no shipped model was trained on, with the share of defaults
    of them all."""
    wanted = taiwan.holdout_sample(applications)
    return [Case(taiwan.to_request(client), client.defaulted) for client in wanted]


async def score_all(
    target: str, cases: Sequence[Case], concurrency: int, go_on: Callable[[], bool]
) -> list[Scored]:
    """Scores every case with at most `concurrency` calls in flight; results in the cases' order.

    Asks `go_on` after each, and ends early where it says no.
    """
    results: list[Scored | None] = [None] * len(cases)
    waiting = iter(enumerate(cases))

    async def score_in_turn(client: AsyncClient) -> None:
        for i, case in waiting:
            request = case.request.SerializeToString()
            answer: ScoreResponse | CallError
            sent = perf_counter_ns()
            try:
                answer = await client.score(request, timeout=_DEADLINE_SECONDS)
            except CallError as error:
                answer = error
            results[i] = Scored(case, answer, (perf_counter_ns() - sent) / 1000)
            if not go_on():
                return

    async with AsyncClient(target) as client:
        await asyncio.gather(*(score_in_turn(client) for _ in range(concurrency)))
    return [result for result in results if result is not None]


def summarise(scored: Sequence[Scored], concurrency: int, process: ServingProcess) -> Summary:
    answered = [
        (one.case.bad, one.answer) for one in scored if isinstance(one.answer, ScoreResponse)
    ]
    decisions = np.array([answer.decision for _, answer in answered], dtype=np.int64)
    bad = np.array([is_bad for is_bad, _ in answered], dtype=np.int64)
    approved = decisions == scoring_pb2.DECISION_APPROVE
    latencies = np.array([one.latency_us for one in scored])
    release = process.engine.release
    return Summary(
        applications=len(scored),
        failed=len(scored) - len(answered),
        approved=int(approved.sum()),
        referred=int((decisions == scoring_pb2.DECISION_REFER).sum()),
        declined=int((decisions == scoring_pb2.DECISION_DECLINE).sum()),
        approval_rate=_share(approved),
        bad_rate_approved=_share(bad[approved]),
        bad_rate_all=_share(bad),
        auc=_auc(answered),
        p50_us=round(float(np.percentile(latencies, 50)), 1),
        p99_us=round(float(np.percentile(latencies, 99)), 1),
        concurrency=concurrency,
        policy=f"{release.policy} {release.policy_version}",
        release=release.content_hash,
        server_stages=process.engine.latency(),
        machine=f"{platform.machine()}, {len(os.sched_getaffinity(0))} cores",
    )


def _share(chosen: np.ndarray[Any, Any]) -> float | None:
    return round(float(chosen.mean()), 4) if len(chosen) else None


def _auc(answered: Sequence[tuple[bool, ScoreResponse]]) -> float | None:
    """Over the answers for which a model ran; None unless they hold both outcomes."""
    rated = [
        (is_bad, answer.probability_of_default)
        for is_bad, answer in answered
        if answer.HasField("probability_of_default")
    ]
    if len({is_bad for is_bad, _ in rated}) < 2:
        return None
    return round(auc([is_bad for is_bad, _ in rated], [risk for _, risk in rated]), 4)


@contextmanager
def _serving(port: int) -> Iterator[ServingProcess]:
    flags = {"address": "127.0.0.1", "port": port, "admin_port": 0, "workers": 1}
    process = ServingProcess(load_settings(None, {}, flags))
    process.start()
    try:
        yield process
    finally:
        process.stop()


async def _score_with_progress(
    target: str,
    cases: Sequence[Case],
    concurrency: int,
    console: Console,
    termination: Termination,
) -> list[Scored]:
    columns = (TextColumn("scoring"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("scoring", total=len(cases))

        def go_on() -> bool:
            progress.advance(task)
            return not termination.asked

        return await score_all(target, cases, concurrency, go_on)


def _print_summary(console: Console, summary: Summary, scored: Sequence[Scored]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_row("applications", f"{summary.applications}", "Taiwan card clients, held out")
    table.add_row("failed", f"{summary.failed}")
    decided = f"{summary.approved} approved, {summary.referred} referred, "
    table.add_row("decisions", decided + f"{summary.declined} declined")
    table.add_row("approval rate", _percent(summary.approval_rate))
    table.add_row("bad rate, approved", _percent(summary.bad_rate_approved))
    table.add_row("bad rate, all", _percent(summary.bad_rate_all), "the base rate")
    table.add_row("AUC", "-" if summary.auc is None else f"{summary.auc:.3f}")
    seen_by = f"as this Python client sees it, {summary.concurrency} calls in flight"
    latency = f"p50 {summary.p50_us:.0f} us, p99 {summary.p99_us:.0f} us"
    table.add_row("latency", latency, seen_by)
    total = summary.server_stages["total"]
    inside = f"p50 {total['p50_us']:.1f} us, p99 {total['p99_us']:.1f} us"
    table.add_row("  of it scoring", inside, "as the server counts it:")
    for stage, figures in summary.server_stages.items():
        if stage != "total":
            p50, p99 = figures["p50_us"], figures["p99_us"]
            table.add_row(f"    {stage}", f"p50 {p50:.1f} us, p99 {p99:.1f} us")
    console.print()
    console.print(table)
    console.print()
    _print_one_answer(console, scored)
    console.print(
        "Data: Default of credit card clients, Yeh and Lien (2009), UCI, CC BY 4.0.", style="dim"
    )


def _print_one_answer(console: Console, scored: Sequence[Scored]) -> None:
    """One answer in full: a declined one where there is one, for its reasons."""
    answers = [one.answer for one in scored if isinstance(one.answer, ScoreResponse)]
    if not answers:
        errors = [one.answer for one in scored if isinstance(one.answer, CallError)]
        console.print(f"no call was answered; the first error: {errors[0]}")
        return
    declined = (one for one in answers if one.decision == scoring_pb2.DECISION_DECLINE)
    console.print(answer_panel(next(declined, answers[0]), title="one answer in full"))


def _print_how_to_call(console: Console, address: str, admin_address: str) -> None:
    console.print(
        f"\nStill serving on {address} (admin on {admin_address}). From another terminal:\n"
        f"  .venv/bin/fenqi score --server {address} FILE\n"
        "or from Python:\n"
        "  from fenqi.client import Client\n"
        f'  Client("{address}").score({{"loan": {{"amount_fen": 500000, "currency": "TWD"}}}})\n'
        "Ctrl-C ends it.",
        soft_wrap=True,
    )


def _write_json(summary: Summary, file: str) -> None:
    text = json.dumps(asdict(summary))
    if file == "-":
        print(text)
        sys.stdout.flush()
    else:
        Path(file).write_text(text + "\n", encoding="utf-8")


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.2%}"
