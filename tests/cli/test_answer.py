"""An answer, printed for people: what is offered, and what stands in the way of more."""

from __future__ import annotations

from rich.console import Console

from fenqi.cli.answer import answer_panel
from fenqi.v1 import application_pb2, scoring_pb2


def printed(answer: scoring_pb2.ScoreResponse) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(answer_panel(answer))
    return capture.get()


def test_an_offer_is_told_with_what_it_costs() -> None:
    offer = scoring_pb2.Offer(
        product="cash",
        amount_fen=1_000_000,
        term_months=12,
        repayment_method=application_pb2.REPAYMENT_METHOD_EQUAL_INSTALMENTS,
        nominal_annual_rate=0.180002,
        paid_fen=1_100_161,
        instalments=[
            scoring_pb2.Instalment(principal_fen=76_680, interest_fen=15_000, fees_fen=50)
        ],
    )
    said = printed(scoring_pb2.ScoreResponse(decision=scoring_pb2.DECISION_APPROVE, offers=[offer]))
    (line,) = (line for line in said.splitlines() if "cash" in line)
    assert line.split()[1:-1] == [
        *("cash", "10,000.00", "12", "equal", "instalments", "917.30", "18.00%", "11,001.61")
    ]
    assert "limit that binds" not in said


def test_a_limit_is_told_with_what_would_help() -> None:
    said = printed(
        scoring_pb2.ScoreResponse(
            decision=scoring_pb2.DECISION_DECLINE,
            limit_binding=scoring_pb2.LIMIT_KIND_AFFORDABILITY,
            what_would_help=[scoring_pb2.HELP_LONGER_TERM, scoring_pb2.HELP_REPAY_DEBTS],
        )
    )
    assert "limit that binds  affordability" in said
    assert "longer term, repay debts" in said


def test_an_answer_without_products_says_nothing_of_them() -> None:
    said = printed(scoring_pb2.ScoreResponse(decision=scoring_pb2.DECISION_APPROVE))
    assert "offers" not in said and "limit" not in said
