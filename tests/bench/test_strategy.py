"""The strategy of the policy benchmark means the same to every engine, or the comparison would be
of different things.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from google.protobuf.json_format import ParseDict  # noqa: E402

from bench.expression import Field, call  # noqa: E402
from bench.peer_forms import rule_job, strategy_job, table_job  # noqa: E402
from bench.peer_processes import PEERS, PYTHON, Peer, Worker, running, versions  # noqa: E402
from bench.plain_python import compiled, source  # noqa: E402
from bench.policy_file import rule_text, strategy_text, table_text  # noqa: E402
from bench.strategy import (  # noqa: E402
    Application,
    Strategy,
    make_applications,
    make_grid,
    make_strategy,
)
from fenqi.engine import Engine  # noqa: E402
from fenqi.v1 import scoring_pb2  # noqa: E402


@pytest.fixture(scope="module")
def strategy() -> Strategy:
    return make_strategy()


@pytest.fixture(scope="module")
def applications() -> list[Application]:
    return make_applications(300, seed=5)


@pytest.fixture(scope="module")
def expected(strategy: Strategy, applications: list[Application]) -> list[Any]:
    decide = compiled(source(strategy), "decide")
    return [list(decide(application)) for application in applications]


def engine_of(folder: Path, text: str) -> Engine:
    policy = folder / "policy.yaml"
    policy.write_text(text)
    return Engine.from_policy(policy)


def request(application: Application) -> scoring_pb2.ScoreRequest:
    return ParseDict({"application": application}, scoring_pb2.ScoreRequest())


def test_the_strategy_is_as_large_as_the_benchmark_says(strategy: Strategy) -> None:
    assert len(strategy.features) == 150
    assert len(strategy.rules) == 200
    assert [len(table.rows) for table in strategy.tables] == [100, 100, 100]
    assert len(strategy.attributes) == 15


def test_the_same_seed_makes_the_same_strategy(strategy: Strategy) -> None:
    assert make_strategy() == strategy
    assert make_strategy(seed=12) != strategy


def test_applicants_differ_in_what_the_strategy_does_with_them(expected: list[Any]) -> None:
    decisions, scores, hits, tables = zip(*expected, strict=True)
    assert set(decisions) == {
        scoring_pb2.DECISION_APPROVE,
        scoring_pb2.DECISION_REFER,
        scoring_pb2.DECISION_DECLINE,
    }
    assert len(set(scores)) > 100
    assert len({rule for fired in hits for rule in fired}) > 100
    assert all(len({outcomes[i] for outcomes in tables}) == 5 for i in range(3))


def test_fenqi_decides_as_the_plain_python_function(
    tmp_path: Path, strategy: Strategy, applications: list[Application], expected: list[Any]
) -> None:
    engine = engine_of(tmp_path, strategy_text(strategy))
    for application, (decision, score, hits, outcomes) in zip(applications, expected, strict=True):
        answer = engine.score(request(application))
        assert answer.decision == decision
        assert answer.score == score
        assert [hit.rule_id for hit in answer.rule_hits] == hits
        trace = engine.trace(request(application))
        assert [trace[f"table {t.name}.outcome"] for t in strategy.tables] == outcomes


def test_fenqi_finds_the_first_the_middle_and_the_last_row(tmp_path: Path) -> None:
    table, applications = make_grid(30, 25)
    assert len(table.rows) == 3000
    engine = engine_of(tmp_path, table_text(table))
    rows = [engine.trace(request(a))["table grid.row"] for a in applications]
    assert rows == [1, 1501, 3000]


RULE = call(
    "and", call(">", Field("bureau.lenders"), 5), call("<", Field("loan.amount_fen"), 10**6)
)


@pytest.fixture(scope="module", params=PEERS, ids=lambda peer: peer.name)
def worker(
    request: pytest.FixtureRequest, strategy: Strategy, applications: list[Application]
) -> Iterator[Worker]:
    peer: Peer = request.param
    if not PYTHON.exists():
        pytest.skip("the engines to compare with are not installed: python -m bench policy")
    if peer.package is not None and not versions({peer.package}):
        pytest.skip(f"{peer.package} did not install")
    complete = [a for a in applications if "lenders" in a["bureau"] and "amount_fen" in a["loan"]]
    job = {
        "rule": rule_job(RULE, complete),
        "strategy": strategy_job(strategy, applications),
        "table": table_job(*make_grid(30, 25)),
    }
    with running(peer, job) as running_worker:
        yield running_worker


def test_a_peer_decides_as_the_plain_python_function(
    worker: Worker, strategy: Strategy, expected: list[Any]
) -> None:
    found = worker.answers("strategy")
    assert found
    for (decision, score, hits, outcomes), wanted in zip(found, expected, strict=False):
        ids = [hit if isinstance(hit, str) else strategy.rules[hit].id for hit in hits]
        assert [decision, score, ids, outcomes] == wanted


def test_a_peer_finds_the_rows_that_fenqi_finds(worker: Worker) -> None:
    if "table_first" not in worker.cases:
        pytest.skip("it has no tables")
    table, _ = make_grid(30, 25)
    for case, row in (("table_first", 0), ("table_middle", 1500), ("table_last", 2999)):
        assert worker.answers(case) == [table.rows[row][1]]


def test_a_rule_over_fields_is_the_same_rule(
    tmp_path: Path, worker: Worker, applications: list[Application]
) -> None:
    if "rule" not in worker.cases:
        pytest.skip("it is measured on strategies alone")
    engine = engine_of(tmp_path, rule_text(RULE))
    complete = [a for a in applications if "lenders" in a["bureau"] and "amount_fen" in a["loan"]]
    ours = [len(engine.score(request(a)).rule_hits) == 1 for a in complete]
    assert worker.answers("rule") == ours
