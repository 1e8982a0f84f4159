"""The study of counter-offers: two lenders at one expected loss, by hand and by properties."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenqi.bundled import LENDING_POLICY
from fenqi.lab.loan_requests import (
    INCOMES_ASKED,
    TERMS_ASKED,
    asked,
    debt_service_fen,
    income_fen,
    to_loan_request,
)
from fenqi.lab.offer_study import Answers, Study, compare, cutoff_at, lender
from fenqi.lab.taiwan import load_holdout
from fenqi.policy.document import read_document

# As asked, probability of default, take-up, expected loss, profit; None: no offer at all.
Row = tuple[bool | None, float, float, float, float]
ROW = st.tuples(
    st.sampled_from([True, False, None]),
    st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.3]),
    st.floats(0.1, 1),
    st.floats(1, 100),
    st.floats(1, 100),
)


ROWS = st.lists(ROW, min_size=1, max_size=30).filter(lambda rows: any(row[0] for row in rows))


def answered(rows: list[Row]) -> Answers:
    there = np.array([row[0] is not None for row in rows])
    return Answers(
        as_asked=np.array([row[0] is True for row in rows]),
        offered=there,
        probability_of_default=np.array([row[1] for row in rows]),
        take_up=np.array([row[2] for row in rows]) * there,
        expected_loss=np.array([row[3] for row in rows]) * there,
        profit=np.array([row[4] for row in rows]) * there,
        amount=np.full(len(rows), 1000.0) * there,
        defaulted=np.array([row[1] > 0.05 for row in rows]),
    )


def in_smaller_loans(rows: list[Row]) -> Callable[[int | None], Answers]:
    """Applicants whose counter-offers shrink until their expected loss is within the budget."""

    def within(budget: int | None) -> Answers:
        free = answered(rows)
        if budget is None:
            return free
        part = np.minimum(1.0, budget / np.maximum(free.expected_loss, 1e-9))
        return replace(
            free,
            as_asked=free.as_asked & (part == 1.0),
            expected_loss=free.expected_loss * part,
            profit=free.profit * part,
            amount=free.amount * part,
        )

    return within


def test_both_ways_of_lending_more_meet_the_expected_loss() -> None:
    """Two loans as asked lose 10 + 20. Up to 5 % the offers lose 10 + 5 + 15; with at most 10 for
    each loan 10 + 5 + 10 + 10, and with 25 / 3 for each just as much as the two."""
    rows: list[Row] = [
        (True, 0.01, 1.0, 10.0, 7.0),
        (False, 0.02, 0.5, 10.0, 6.0),
        (False, 0.05, 1.0, 15.0, 5.0),
        (True, 0.1, 1.0, 20.0, 4.0),
        (None, 0.02, 1.0, 99.0, 99.0),
    ]
    found = compare(in_smaller_loans(rows))
    assert (found.without.expected_loss, found.without.profit) == (30.0, 11.0)
    assert found.cutoff == 0.05
    assert (found.by_cutoff.expected_loss, found.by_cutoff.profit) == (30.0, 15.0)
    assert (found.without.approval_rate, found.by_cutoff.approval_rate) == (2 / 5, 3 / 5)
    assert (found.without.default_rate, found.by_cutoff.default_rate) == (0.5, 0.0)
    assert found.budget_fen == 8
    assert found.by_budget.expected_loss == 28.0
    assert found.by_budget.approval_rate == 4 / 5
    assert found.unrestricted.expected_loss == 50.0


@given(ROWS)
def test_with_counter_offers_no_more_is_lost_and_a_higher_cut_off_would_lose_more(
    rows: list[Row],
) -> None:
    answers = answered(rows)
    found = compare(in_smaller_loans(rows))
    most = found.without.expected_loss
    assert found.by_cutoff.expected_loss <= most * (1 + 1e-9)
    assert found.by_budget.expected_loss <= most * (1 + 1e-9) or found.budget_fen == 1
    risks = np.unique(answers.probability_of_default[answers.offered])
    for higher in risks[risks > found.cutoff]:
        lends = answers.offered & (answers.probability_of_default <= higher)
        assert lender(answers, lends).expected_loss > most


@given(ROWS)
def test_without_a_budget_counter_offers_only_add(rows: list[Row]) -> None:
    found = compare(in_smaller_loans(rows))
    assert found.without.approval_rate <= found.unrestricted.approval_rate
    assert found.without.profit <= found.unrestricted.profit + 1e-9
    for one, other in zip(found.curve_without, found.curve_by_cutoff, strict=True):
        assert one.approval_rate <= other.approval_rate
    assert found.curve_by_budget[-1].profit == pytest.approx(found.unrestricted.profit)


def test_no_cut_off_fits_a_loss_below_the_first() -> None:
    answers = answered([(True, 0.01, 1.0, 10.0, 7.0)])
    assert cutoff_at(answers, np.array([0.01]), 9.0) == 0.0


def test_without_any_offer_there_is_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="nobody got an offer"):
        compare(in_smaller_loans([(None, 0.01, 1.0, 1.0, 1.0)]))


def test_a_budget_makes_loans_smaller_instead_of_turning_people_away() -> None:
    """On some real clients, by the engine."""
    study = Study.of(LENDING_POLICY, load_holdout()[:150])
    free, within = study.answers(), study.answers(300_000)
    assert within.offered.sum() >= 0.8 * free.offered.sum()
    assert (within.expected_loss <= 300_000).all()
    assert (free.expected_loss > 300_000).any()
    assert within.amount.sum() < 0.7 * free.amount.sum()
    assert (free.as_asked <= free.offered).all()


# --- what is assumed of the clients ---


def test_a_request_rests_on_what_was_known_before_and_never_on_the_outcome() -> None:
    for client in load_holdout()[:200]:
        twin = type(client)(**{**_fields(client), "defaulted": not client.defaulted})
        assert to_loan_request(client) == to_loan_request(twin)


def _fields(client: object) -> dict[str, object]:
    return {name: getattr(client, name) for name in type(client).__slots__}


def test_requests_are_spread_over_amounts_and_terms_as_assumed() -> None:
    clients = load_holdout()
    terms = np.array([asked(client)[1] for client in clients])
    for term in TERMS_ASKED:
        assert np.mean(terms == term) == pytest.approx(1 / len(TERMS_ASKED), abs=0.02)
    large = [client for client in clients if income_fen(client) >= 2_000_000]
    incomes = [round(asked(client)[0] / income_fen(client)) for client in large]
    inside = [one for one in incomes if one in INCOMES_ASKED]
    assert len(inside) > 0.9 * len(incomes)


def test_debts_are_a_tenth_of_the_card_and_a_credit_balance_is_none() -> None:
    for client in load_holdout()[:500]:
        expected = max(0, client.balances[0]) * 10
        assert debt_service_fen(client) == expected


def test_the_policy_of_the_study_says_how_its_prices_are_made() -> None:
    policy = read_document(LENDING_POLICY).policy
    assert policy.offers is not None and policy.offers.annual_rate_cap == 0.2
    (product,) = policy.products.values()
    assert product.currency == "TWD"
