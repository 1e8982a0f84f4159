"""What counter-offers are worth on the bundled data: approvals and profit at equal expected loss.

Every client of the holdout asks for a loan (loan_requests.py says what is assumed), and the engine
answers by `policies/taiwan_offers.yaml`. Lenders that are compared:

- without counter-offers: the loan that was asked for, or nothing;
- with counter-offers: whoever cannot have that loan is offered the best other one.

The second makes more loans, so it would lose more. It is held to the expected loss of the first, in
one of two ways: by a lower cut-off on the probability of default, or by a budget for the expected
loss of one loan, which makes loans smaller instead of turning people away. What is left is the gain
at equal risk. Expected numbers are weighed by the probability that the offer is taken.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fenqi.engine import Engine
from fenqi.lab.loan_requests import to_loan_request
from fenqi.lab.taiwan import Client
from fenqi.offers import Loan, TakeUp, price_batch
from fenqi.policy.compiler import compile_document
from fenqi.policy.document import Document, read_document
from fenqi.policy.offer_schema import Offers
from fenqi.policy.offer_terms import charges_of, price_terms_of
from fenqi.v1.scoring_pb2 import DECISION_APPROVE

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]

_CURVE_POINTS = 8
# Of the expected loss that the budget is to meet, from below.
_TOLERANCE = 0.01
_MOST_STEPS = 12


@dataclass(frozen=True, slots=True)
class Answers:
    """What N applicants were answered, each array of shape (N,). Amounts in minor units.

    Without an offer (`offered` is False) take_up, expected_loss, profit and amount are 0.
    """

    # The loan that was asked for; otherwise a counter-offer or nothing.
    as_asked: Flags
    offered: Flags
    probability_of_default: Numbers
    take_up: Numbers
    # Of the loan if it is taken.
    expected_loss: Numbers
    profit: Numbers
    amount: Numbers
    # What happened.
    defaulted: Flags


@dataclass(frozen=True, slots=True)
class Lender:
    """What one lender does with N applicants; sums in minor units."""

    approval_rate: float
    expected_loss: float
    profit: float
    lent: float
    # Of the loans that are taken, weighed by their probability of being taken: who did default.
    default_rate: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """The lenders at one expected loss, and what they do at others.

    `cutoff` and `budget_fen` are what hold the lenders with counter-offers to it.
    """

    without: Lender
    by_cutoff: Lender
    cutoff: float
    by_budget: Lender
    budget_fen: int
    unrestricted: Lender
    # By cut-offs from low to high.
    curve_without: list[Lender]
    curve_by_cutoff: list[Lender]
    # By budgets from low to high.
    curve_by_budget: list[Lender]


@dataclass(frozen=True, slots=True)
class Study:
    """A policy of one product with one method, and the clients who ask."""

    document: Document
    clients: Sequence[Client]
    # Times the amounts that are assumed to be asked for.
    scale: float = 1.0

    @classmethod
    def of(cls, policy: Path, clients: Sequence[Client], scale: float = 1.0) -> Study:
        """Raises PolicyError, and ValueError where the policy is no such one."""
        document = read_document(policy)
        products, offers = document.policy.products, document.policy.offers
        if offers is None or offers.annual_rate_cap is None or len(products) != 1:
            raise ValueError(f"{policy}: the study needs one product, and a cap on its yearly cost")
        (product,) = products.values()
        if len(product.methods) != 1:
            raise ValueError(f"{policy}: the study needs one method of repayment")
        return cls(document, clients, scale)

    def answers(self, budget_fen: int | None = None) -> Answers:
        """The engine's, with at most `budget_fen` of expected loss in one loan."""
        document = self.document if budget_fen is None else _within(self.document, budget_fen)
        engine = Engine()
        engine.publish(compile_document(document).image)
        requests = [to_loan_request(client, self.scale) for client in self.clients]
        replies = [engine.score(request) for request in requests]
        offers = [reply.offers[0] if reply.offers else None for reply in replies]
        there = np.array([offer is not None for offer in offers])
        risks = np.array([reply.probability_of_default for reply in replies])
        amounts = np.array([offer.amount_fen if offer else 1 for offer in offers])
        terms = np.array([offer.term_months if offer else 1 for offer in offers])
        rates = np.array([offer.annual_rate if offer else 0.0 for offer in offers])
        nominal = np.array([offer.nominal_annual_rate if offer else 0.0 for offer in offers])
        asked = np.array([request.application.loan.amount_fen for request in requests])
        (product,) = self.document.policy.products.values()
        lending = _offers(self.document)
        loan = Loan(principal_fen=1, periods=1, method=product.methods[0])
        priced = price_batch(
            loan,
            price_terms_of(lending, lending.annual_rate_cap or 0.0, loan.method),
            risks,
            charges_of(product),
            principal_fen=amounts,
            periods=terms,
        )
        if not (priced.offered[there].all() and np.allclose(priced.rate[there], rates[there])):
            raise RuntimeError("the engine and fenqi.offers price the same loan differently")
        taken = np.ones(len(self.clients))
        if lending.take_up is not None:
            take_up = TakeUp(**lending.take_up.model_dump())
            taken = take_up.probability(nominal, amounts, asked)
        return Answers(
            as_asked=np.array([reply.decision == DECISION_APPROVE for reply in replies]) & there,
            offered=there,
            probability_of_default=risks,
            take_up=taken * there,
            expected_loss=priced.expected_loss_fen.filled(0.0) * there,
            profit=priced.net_present_value_fen.filled(0.0) * there,
            amount=amounts * there.astype(float),
            defaulted=np.array([client.defaulted for client in self.clients]),
        )


def compare(answers_within: Callable[[int | None], Answers]) -> Comparison:
    """The lenders. `answers_within` gives what applicants are answered where each loan is expected
    to lose at most a budget over its life, in minor units; None: without one."""
    free = answers_within(None)
    risks = np.unique(free.probability_of_default[free.offered])
    if risks.size == 0:
        raise ValueError("nobody got an offer: there is nothing to compare")
    without = lender(free, free.as_asked)
    cutoff = cutoff_at(free, risks, without.expected_loss)

    def with_budget(budget_fen: int) -> Lender:
        answers = answers_within(budget_fen)
        return lender(answers, answers.offered)

    most = math.ceil(float(free.expected_loss.max()))
    budget, by_budget = budget_at(with_budget, without.expected_loss, most)
    spread = np.geomspace(max(1, budget / 8), most, _CURVE_POINTS)
    cutoffs = np.quantile(risks, np.linspace(0.05, 1.0, 4 * _CURVE_POINTS))
    below = free.probability_of_default
    return Comparison(
        without=without,
        by_cutoff=lender(free, free.offered & (below <= cutoff)),
        cutoff=cutoff,
        by_budget=by_budget,
        budget_fen=budget,
        unrestricted=lender(free, free.offered),
        curve_without=[lender(free, free.as_asked & (below <= one)) for one in cutoffs],
        curve_by_cutoff=[lender(free, free.offered & (below <= one)) for one in cutoffs],
        curve_by_budget=[with_budget(round(one)) for one in spread],
    )


def lender(answers: Answers, lends: Flags) -> Lender:
    """What a lender does that makes the offers of `lends`, shape (N,)."""
    taken = answers.take_up * lends
    accepted = float(taken.sum())
    return Lender(
        approval_rate=float((lends & answers.offered).mean()),
        expected_loss=float((taken * answers.expected_loss).sum()),
        profit=float((taken * answers.profit).sum()),
        lent=float((taken * answers.amount).sum()),
        default_rate=float((taken * answers.defaulted).sum()) / accepted if accepted else 0.0,
    )


def cutoff_at(answers: Answers, risks: Numbers, most_loss: float) -> float:
    """The highest of `risks`, ascending, up to which the offers' expected loss is at most
    `most_loss`; 0 where not even the first fits."""
    order = np.argsort(answers.probability_of_default, kind="stable")
    sums = np.cumsum((answers.take_up * answers.expected_loss)[order])
    ends = np.searchsorted(answers.probability_of_default[order], risks, side="right") - 1
    within = np.flatnonzero(sums[ends] <= most_loss * (1 + 1e-12))
    return float(risks[within[-1]]) if within.size else 0.0


def budget_at(
    with_budget: Callable[[int], Lender], most_loss: float, most_budget: int
) -> tuple[int, Lender]:
    """A budget for one loan with which a lender's expected loss is at most `most_loss` and close
    to it, at most `most_budget`; and that lender."""
    low, high = 1, most_budget
    best = (low, with_budget(low))
    for _ in range(_MOST_STEPS):
        middle = round(math.sqrt(low * high))
        if middle in (low, high):
            break
        found = with_budget(middle)
        if found.expected_loss > most_loss:
            high = middle
            continue
        low, best = middle, (middle, found)
        if found.expected_loss >= (1 - _TOLERANCE) * most_loss:
            break
    return best


def _offers(document: Document) -> Offers:
    offers = document.policy.offers
    assert offers is not None
    return offers


def _within(document: Document, budget_fen: int) -> Document:
    """The same policy with a budget for the expected loss of one loan."""
    offers = _offers(document)
    reasons = {"expected_loss": offers.reasons["price"], **offers.reasons}
    changed = {"expected_loss_budget_fen": budget_fen, "reasons": reasons}
    policy = document.policy.model_copy(update={"offers": offers.model_copy(update=changed)})
    return Document(policy, document.pack, document.origins, document.files, document.places)
