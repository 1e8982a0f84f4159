"""What does a Score cost over the network where each yes is a search for loans?

The policy lends cash in 991 amounts and 5 terms to the card customers of the bundled data, at
prices that rest on a model, as its file says. Of the applicants a third asks for what they can
carry, a third for more than that, a third leaves amount and term open: the first take one price,
the others a search. One core serves, the other loads, open loop, latency from the moment a
request was due. Beside it, in turns, the same server with the same requests under a policy that
decides only.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from bench.load import offer
from bench.requests import holdout_requests, write_requests
from bench.score import CONNECTIONS, STREAMS, WARMUP_S, summary
from bench.servers import FENQI, Contender, running
from fenqi.engine import Engine
from fenqi.v1 import scoring_pb2

REQUESTS = 2000
ROUNDS = 5
DURATION_S = 4
RATES = (1000, 5000)
POLICY = Path("policies") / "taiwan_offers.yaml"
DECIDES_ONLY = Path("policies") / "taiwan_card.yaml"


def run() -> dict[str, Any]:
    """Latency at each rate with offers and without, and what the requests were answered with."""
    requests = loan_requests(REQUESTS)
    contenders = [_serving("offers", POLICY), _serving("decision_only", DECIDES_ONLY)]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "requests"
        write_requests(file, requests)
        rounds: dict[str, list[dict[str, Any]]] = {one.name: [] for one in contenders}
        for _ in range(ROUNDS):
            for contender in contenders:
                rounds[contender.name].append(_round(contender, file))
    results: dict[str, Any] = {
        name: {str(rate): summary(one[str(rate)] for one in taken) for rate in RATES}
        for name, taken in rounds.items()
    }
    return {**results, "answers": _answers(requests)}


def loan_requests(count: int) -> list[scoring_pb2.ScoreRequest]:
    """`count` requests of held-out clients who ask for a loan. Income is a fifth of the card's
    limit, debts are a twentieth of the bill: made up, to fill the search with work.
    """
    requests = holdout_requests(count)
    for number, request in enumerate(requests):
        statement = request.application.behaviour.card_statements[0]
        limit = statement.credit_limit_fen
        request.application.income_sources.add(monthly_amount_fen=limit // 5, verified=True)
        owed = max(0, statement.statement_balance_fen)
        request.application.obligations.monthly_debt_service_fen = owed // 20
        if number % 3 == 2:
            continue
        loan = request.application.loan
        steps = limit // (2 if number % 3 == 0 else 1) // 100_000
        loan.amount_fen = max(1_000_000, steps * 100_000)
        loan.term_months = 12
    return requests


def _serving(name: str, policy: Path) -> Contender:
    return Contender(name, f"{FENQI.what}, {policy}", [*FENQI.command, "--policy", str(policy)])


def _round(contender: Contender, requests: Path) -> dict[str, Any]:
    with running(contender) as server:
        return {
            str(rate): offer(
                server.port,
                requests,
                rate=rate,
                connections=CONNECTIONS,
                streams=STREAMS,
                duration=DURATION_S,
                warmup=WARMUP_S,
            )
            for rate in RATES
        }


def _answers(requests: list[scoring_pb2.ScoreRequest]) -> dict[str, Any]:
    """How often each decision was given, and the stages of the engine, microseconds."""
    engine = Engine.from_policy(POLICY)
    counts: dict[str, int] = {}
    for request in requests:
        decision = scoring_pb2.Decision.Name(engine.score(request).decision)
        counts[decision] = counts.get(decision, 0) + 1
    return {"decisions": counts, "stages": engine.latency()}
