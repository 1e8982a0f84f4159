"""Offers in Score: what a yes becomes, judged by pricing every candidate in Python."""

from __future__ import annotations

import datetime
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fenqi.deployment import Canary, Deployment
from fenqi.engine import Engine
from fenqi.errors import CallError, InvalidRequestError
from fenqi.internal.v1 import release_image_pb2
from fenqi.offers import (
    Charge,
    Loan,
    PriceTerms,
    TakeUp,
    annual_rate_batch,
    instalment_room,
    price,
    schedule,
)
from fenqi.v1 import application_pb2, quote_pb2, scoring_pb2
from fenqi.v1.scoring_pb2 import Help, LimitKind, Offer, ScoreResponse
from tests.policy import decisions
from tests.policy.decisions import (
    APPROVE,
    COUNTER_OFFER,
    DECLINE,
    REFER,
    codes,
    feature,
    plain_card,
    rule,
    signal,
)

DAY = 20_650
MORNING = DAY * 86_400 + 9 * 3_600
METHODS = ("equal_instalments", "equal_principal", "interest_only", "flat_fee")
GUARANTEE = {
    "name_zh": "担保费", "name_en": "Guarantee fee", "timing": "each_instalment",
    "base": "balance", "rate": 0.002, "payee": "guarantor",
}  # fmt: skip
CASH = {
    "meaning": "Cash.",
    "amounts": {"from_fen": 100_000, "to_fen": 2_000_000, "step_fen": 50_000},
    "terms_months": [3, 6, 12, 24],
    "methods": ["equal_instalments", "flat_fee"],
    "charges": [GUARANTEE],
}
SHOPPING = {
    "meaning": "For a purchase.",
    "when": signal("shops") + " > 0.0",
    "amounts": {"from_fen": 50_000, "to_fen": 600_000, "step_fen": 10_000},
    "terms_months": [6, 12],
    "methods": ["equal_principal"],
    "day_count": "actual/365",
}
LIMITS = (
    "product", "cap", "affordability", "income_multiple", "expected_loss", "ladder", "price",
)  # fmt: skip
OFFERS = {
    "income_fen": "income",
    "debt_service_fen": "debts",
    "debt_service_ratio": 0.5,
    "residual_income_fen": 100_000,
    "loss_given_default": 0.65,
    "cost_of_funds": 0.05,
    "acquisition_fen": 3_000,
    "servicing_fen": 200,
    "margin": 0.03,
    "rate_step": 0.001,
    "annual_rate_cap": 0.24,
    "hurdle": 0.1,
    "take_up": {"intercept": 2, "rate_weight": -8, "amount_weight": 1, "market_rate": 0.15},
    "most_offers": 4,
    "reasons": {"product": "R_B", "affordability": "R_C", "price": "R_D"},
}
POLICY: dict[str, Any] = {
    "features": {
        "income": feature(f"int({signal('income')})"),
        "debts": feature("application.obligations.monthly_debt_service_fen"),
    },
    "scorecards": {"card": plain_card()},
    "cutoffs": {"approve_from": 500, "refer_from": 480},
    "products": {"cash": CASH, "shopping": SHOPPING},
}


def lender(folder: Path, *, policy: dict[str, Any] | None = None, **offers: Any) -> Engine:
    parts = {**POLICY, "offers": {**OFFERS, **offers}, **(policy or {})}
    return decisions.engine(folder, **parts)


def request(
    loan: dict[str, Any] | None = None,
    *,
    score: float = 640,
    income: float | None = 800_000,
    debts: int | None = 0,
    stage: str = "STAGE_APPLICATION",
    **signals: float,
) -> dict[str, Any]:
    application: dict[str, Any] = {"signals": {"s": score, "shops": 1.0, **signals}}
    if income is not None:
        application["signals"]["income"] = income
    if debts is not None:
        application["obligations"] = {"monthly_debt_service_fen": debts}
    if loan is not None:
        application["loan"] = loan
    return {"application": application, "stage": stage, "decided_at_seconds": MORNING}


def asked(**changes: Any) -> dict[str, Any]:
    loan = {
        "product": "cash",
        "amount_fen": 1_000_000,
        "term_months": 12,
        "repayment_method": "REPAYMENT_METHOD_EQUAL_INSTALMENTS",
    }
    return {key: value for key, value in {**loan, **changes}.items() if value is not None}


def limit(answer: ScoreResponse) -> str:
    return LimitKind.Name(answer.limit_binding).removeprefix("LIMIT_KIND_").lower()


def help_in(answer: ScoreResponse) -> list[str]:
    return [Help.Name(one).removeprefix("HELP_").lower() for one in answer.what_would_help]


def terms(offer: Offer) -> tuple[str, int, int, str]:
    method = application_pb2.RepaymentMethod.Name(offer.repayment_method)
    return (
        offer.product,
        offer.amount_fen,
        offer.term_months,
        method.removeprefix("REPAYMENT_METHOD_").lower(),
    )


# --- the oracle ---


def candidates(pd: float, room: int) -> Iterator[tuple[tuple[str, int, int, str], float, float]]:
    """Terms, nominal yearly cost and net present value of every loan that fits."""
    for code, product in (("cash", CASH), ("shopping", SHOPPING)):
        charges = [
            Charge(timing="each_instalment", base="balance", rate=0.002, payee="guarantor")
            for _ in product.get("charges", [])
        ]
        for method in product["methods"]:
            share = 12 if method == "flat_fee" else 1
            pricing = PriceTerms(
                lgd=0.65, cost_of_funds=0.05, acquisition_fen=3_000, servicing_fen=200,
                margin=0.03 / share, rate_step=0.001 / share, cap=0.24,
            )  # fmt: skip
            amounts = product["amounts"]
            for term in product["terms_months"]:
                for amount in range(
                    amounts["from_fen"], amounts["to_fen"] + 1, amounts["step_fen"]
                ):
                    loan = Loan(
                        principal_fen=amount,
                        periods=term,
                        method=method,
                        day_count=product.get("day_count", "30/360"),
                        disbursed=decided_day(),
                    )
                    found = price(loan, pricing, pd, charges)
                    if found.rate is None or found.raroc is None or found.raroc < 0.1:
                        continue
                    key = "flat_rate" if method == "flat_fee" else "annual_rate"
                    plan = schedule(loan.model_copy(update={key: found.rate}), charges)
                    if max(row.payment_fen for row in plan.rows) <= room:
                        assert found.cost is not None
                        assert found.net_present_value_fen is not None
                        yield (
                            (code, amount, term, method),
                            found.cost.nominal,
                            found.net_present_value_fen,
                        )


def decided_day() -> datetime.date:
    return datetime.date(1970, 1, 1) + datetime.timedelta(days=DAY)


def best_by_form(
    fitting: list[tuple[tuple[str, int, int, str], float, float]], ask: int
) -> list[tuple[str, int, int, str]]:
    """Of each product, term and method the amount worth most, best first."""
    take_up = TakeUp(intercept=2, rate_weight=-8, amount_weight=1, market_rate=0.15)
    worth: dict[tuple[str, int, str], tuple[float, tuple[str, int, int, str]]] = {}
    for what, cost, value in fitting:
        code, amount, term, method = what
        expected = value * float(take_up.probability(cost, amount, ask or amount))
        if expected > worth.get((code, term, method), (float("-inf"), what))[0]:
            worth[code, term, method] = (expected, what)
    return [what for _, what in sorted(worth.values(), key=lambda pair: -pair[0])]


# --- the loan that was asked for ---


def test_the_loan_asked_for_is_approved_with_its_plan(tmp_path: Path) -> None:
    answer = lender(tmp_path).score(request(asked()))
    (offer,) = answer.offers
    assert (answer.decision, limit(answer), help_in(answer)) == (APPROVE, "unspecified", [])
    assert terms(offer) == ("cash", 1_000_000, 12, "equal_instalments")
    assert [row.number for row in offer.instalments] == list(range(1, 13))
    assert sum(row.principal_fen for row in offer.instalments) == 1_000_000
    assert offer.instalments[-1].balance_fen == 0
    assert offer.disbursed_date_days == DAY
    assert 28 <= offer.instalments[0].due_date_days - DAY <= 31
    paid = sum(r.principal_fen + r.interest_fen + r.fees_fen for r in offer.instalments)
    assert (offer.paid_fen, offer.received_fen) == (paid, 1_000_000)
    assert offer.interest_fen == sum(row.interest_fen for row in offer.instalments)
    assert offer.charges_fen == sum(row.fees_fen for row in offer.instalments) > 0
    assert offer.nominal_annual_rate > offer.annual_rate > 0


def test_its_price_is_that_of_the_public_function(tmp_path: Path) -> None:
    answer = lender(tmp_path).score(request(asked()))
    priced = candidates(answer.probability_of_default, 10**9)
    fitting = {what: cost for what, cost, _ in priced}
    offer = answer.offers[0]
    assert offer.nominal_annual_rate == fitting[terms(offer)]


def test_what_the_request_leaves_open_is_filled_in_with_the_best(tmp_path: Path) -> None:
    answer = lender(tmp_path).score(request({"term_months": 12}))
    fitting = [one for one in candidates(answer.probability_of_default, 400_000)
               if one[0][2] == 12]  # fmt: skip
    assert answer.decision == APPROVE
    assert [terms(offer) for offer in answer.offers] == best_by_form(fitting, 0)[:4]


def test_without_a_word_on_the_loan_the_best_of_all_are_offered(tmp_path: Path) -> None:
    answer = lender(tmp_path).score(request(None))
    fitting = list(candidates(answer.probability_of_default, 400_000))
    assert answer.decision == APPROVE
    assert [terms(offer) for offer in answer.offers] == best_by_form(fitting, 0)[:4]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    score=st.integers(520, 690),
    income=st.integers(100_000, 1_500_000),
    debts=st.integers(0, 300_000),
    amount=st.sampled_from([100_000, 450_000, 1_000_000, 2_000_000]),
    term=st.sampled_from([3, 6, 12, 24]),
    method=st.sampled_from(["equal_instalments", "flat_fee"]),
)
def test_the_search_finds_what_pricing_every_candidate_finds(
    tmp_path: Path, score: int, income: int, debts: int, amount: int, term: int, method: str
) -> None:
    engine = lender(tmp_path)
    loan = asked(
        amount_fen=amount,
        term_months=term,
        repayment_method=f"REPAYMENT_METHOD_{method.upper()}",
    )
    answer = engine.score(request(loan, score=score, income=income, debts=debts))
    room = instalment_room(income, debts, max_debt_service_ratio=0.5, residual_income_fen=100_000)
    assert room is not None
    fitting = list(candidates(answer.probability_of_default, room))
    wish = ("cash", amount, term, method)
    if wish in [what for what, _, _ in fitting]:
        assert answer.decision == APPROVE
        assert [terms(offer) for offer in answer.offers] == [wish]
        return
    offered = {terms(offer) for offer in answer.offers}
    fitting = [one for one in fitting if one[0][1] <= amount]
    assert answer.decision == (COUNTER_OFFER if fitting else DECLINE)
    assert bool(offered) == bool(fitting)
    if not fitting:
        return
    assert best_by_form(fitting, amount)[0] in offered
    smaller = [what for what, _, _ in fitting if what[0] == "cash" and what[2:] == wish[2:]]
    if smaller:
        assert max(smaller) in offered
    assert ("smaller_amount" in help_in(answer)) == bool(smaller)
    same = [what[2] for what, _, _ in fitting if what[:2] == wish[:2] and what[3] == method]
    longer = [months for months in same if months > term]
    assert ("longer_term" in help_in(answer)) == bool(longer)
    others = [one for one in fitting if one[0][0] == "shopping"]
    if others:
        assert best_by_form(others, amount)[0] in offered


# --- prices ---


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    scores=st.tuples(st.integers(520, 690), st.integers(520, 690)),
    incomes=st.tuples(st.integers(200_000, 3_000_000), st.integers(200_000, 3_000_000)),
    amount=st.sampled_from([100_000, 450_000, 1_000_000, 2_000_000]),
    term=st.sampled_from([3, 6, 12, 24]),
    method=st.sampled_from(["equal_instalments", "flat_fee"]),
)
def test_the_price_of_a_loan_rests_on_its_risk_and_on_nothing_else_of_the_applicant(
    tmp_path: Path,
    scores: tuple[int, int],
    incomes: tuple[int, int],
    amount: int,
    term: int,
    method: str,
) -> None:
    engine = lender(tmp_path, cap_basis="nominal")
    loan = asked(
        amount_fen=amount, term_months=term, repayment_method=f"REPAYMENT_METHOD_{method.upper()}"
    )
    # The better risk first; each once poor and young, once rich, elsewhere and through the web.
    priced: list[set[float]] = []
    for score in sorted(scores, reverse=True):
        rates = set()
        for income, channel in zip(incomes, ("CHANNEL_APP", "CHANNEL_WEB"), strict=True):
            wish = request(loan, score=score, income=income)
            wish["application"] |= {"channel": channel, "customer_key": f"{income}"}
            answer = engine.score(wish)
            for offer in answer.offers:
                rows = offer.instalments
                paid = [[r.principal_fen + r.interest_fen + r.fees_fen for r in rows]]
                nominal, effective = annual_rate_batch([offer.received_fen], paid)
                # Of the whole flow that the borrower is shown, the guarantor's fee included.
                assert offer.nominal_annual_rate == pytest.approx(nominal[0], rel=1e-12)
                assert offer.effective_annual_rate == pytest.approx(effective[0], rel=1e-12)
                assert math.floor(nominal[0] * 1e4 + 0.5) <= 2400
                if terms(offer) == ("cash", amount, term, method):
                    rates.add(offer.nominal_annual_rate)
        assert len(rates) <= 1
        priced.append(rates)
    if priced[0] and priced[1]:
        assert priced[0].pop() <= priced[1].pop()


# --- what stands in the way ---


def test_an_instalment_that_does_not_fit_brings_a_smaller_and_a_longer_loan(tmp_path: Path) -> None:
    answer = lender(tmp_path).score(request(asked(), income=160_000))
    assert (answer.decision, limit(answer), codes(answer)) == (
        COUNTER_OFFER, "affordability", ["R_C"],
    )  # fmt: skip
    assert {"smaller_amount", "verified_income"} <= set(help_in(answer))
    assert all(
        max(r.principal_fen + r.interest_fen + r.fees_fen for r in offer.instalments) <= 60_000
        for offer in answer.offers
    )


def test_debts_that_fill_the_room_can_be_repaid(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    answer = engine.score(request(asked(), income=400_000, debts=190_000))
    assert limit(answer) == "affordability"
    assert "repay_debts" in help_in(answer)
    assert engine.score(request(asked(), income=400_000, debts=0)).decision == APPROVE


def test_where_nothing_fits_the_answer_is_no_with_the_limits_reason(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    answer = engine.score(request(asked(), income=104_000))
    assert (answer.decision, limit(answer), codes(answer)) == (DECLINE, "affordability", ["R_C"])
    assert help_in(answer) == ["verified_income"]
    assert not answer.offers
    assert engine.score(request(asked(), income=900_000)).decision == APPROVE


def test_a_risk_that_no_price_pays_for_is_declined(tmp_path: Path) -> None:
    policy = {"cutoffs": {"approve_from": 410, "refer_from": 405}}
    answer = lender(tmp_path, policy=policy).score(request(asked(), score=450))
    assert (answer.decision, limit(answer), codes(answer)) == (DECLINE, "price", ["R_D"])
    assert help_in(answer) == []


def test_an_unknown_product_an_odd_amount_and_a_foreign_term_are_met_with_others(
    tmp_path: Path,
) -> None:
    engine = lender(tmp_path)
    for changes, way, binding in (
        ({"product": "yacht"}, "other_product", "product"),
        ({"amount_fen": 1_000_001}, "smaller_amount", "amount"),
        ({"term_months": 9}, "longer_term", "product"),
        ({"repayment_method": "REPAYMENT_METHOD_INTEREST_ONLY"}, "other_method", "product"),
    ):
        answer = engine.score(request(asked(**changes)))
        assert (answer.decision, limit(answer), codes(answer)) == (
            COUNTER_OFFER, binding, ["R_B"],
        )  # fmt: skip
        assert way in help_in(answer)
        assert answer.offers
        assert all(offer.amount_fen <= 1_000_001 for offer in answer.offers)


@pytest.mark.parametrize(
    ("amount", "lendable"),
    [(1_000_001, 1_000_000), (1_049_999, 1_000_000), (2_300_000, 2_000_000), (60_000, 100_000)],
)
def test_an_amount_that_no_product_has_is_told_as_such_and_the_nearest_is_offered(
    tmp_path: Path, amount: int, lendable: int
) -> None:
    reasons = {**OFFERS["reasons"], "amount": "R_E"}
    answer = lender(tmp_path, reasons=reasons).score(request(asked(amount_fen=amount)))
    assert (answer.decision, limit(answer), codes(answer)) == (COUNTER_OFFER, "amount", ["R_E"])
    assert ("cash", lendable, 12, "equal_instalments") in [terms(one) for one in answer.offers]


def test_an_odd_amount_that_would_not_fit_anyhow_is_told_what_binds(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    for amount in (1_000_000, 1_000_001):
        answer = engine.score(request(asked(amount_fen=amount), income=160_000))
        assert (answer.decision, limit(answer)) == (COUNTER_OFFER, "affordability")


def test_of_two_limits_the_one_that_leaves_less_binds(tmp_path: Path) -> None:
    reasons = {**OFFERS["reasons"], "income_multiple": "R_E"}
    for multiple, binding in ((1.0, "income_multiple"), (5.4, "affordability")):
        engine = lender(tmp_path, income_multiple=multiple, reasons=reasons)
        answer = engine.score(request(asked(), income=180_000))
        assert (answer.decision, limit(answer)) == (COUNTER_OFFER, binding)


def test_a_product_that_somebody_may_not_have_is_not_offered(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    for signals in ({"shops": 0.0}, {}):
        wish = request({"amount_fen": 100_000}, **signals)
        if not signals:
            del wish["application"]["signals"]["shops"]
        assert {offer.product for offer in engine.score(wish).offers} == {"cash"}


@pytest.mark.parametrize("then", ["refer", "decline"])
def test_a_limit_that_is_missing_never_passes(tmp_path: Path, then: str) -> None:
    engine = lender(tmp_path, when_missing=then)
    decision = REFER if then == "refer" else DECLINE
    for missing, way in (("income", ["verified_income"]), ("debts", ["known_debts"])):
        answer = engine.score(request(asked(), **{missing: None}))
        assert (answer.decision, limit(answer), codes(answer)) == (
            decision, "affordability", ["R_C"],
        )  # fmt: skip
        assert (help_in(answer), list(answer.offers)) == (way, [])


def test_more_than_so_many_incomes_is_not_lent(tmp_path: Path) -> None:
    reasons = {**OFFERS["reasons"], "income_multiple": "R_E"}
    engine = lender(tmp_path, income_multiple=2.0, reasons=reasons)
    answer = engine.score(request(asked(), income=400_000))
    assert (answer.decision, limit(answer), codes(answer)) == (
        COUNTER_OFFER, "income_multiple", ["R_E"],
    )  # fmt: skip
    assert max(offer.amount_fen for offer in answer.offers) == 800_000
    assert {"smaller_amount", "verified_income"} <= set(help_in(answer))


def lifetime_loss(answer: ScoreResponse, offer: Offer) -> float:
    """By period survival over the plan that is offered (3.8)."""
    survival = (1 - answer.probability_of_default) ** (1 / 12)
    rows = offer.instalments
    opening = [offer.amount_fen, *(row.balance_fen for row in rows[:-1])]
    return 0.65 * sum(
        (survival**k - survival ** (k + 1)) * balance for k, balance in enumerate(opening)
    )


def test_the_expected_loss_of_one_loan_is_limited_over_its_life(tmp_path: Path) -> None:
    reasons = {**OFFERS["reasons"], "expected_loss": "R_E"}
    budget = 1_500
    engine = lender(tmp_path, expected_loss_budget_fen=budget, reasons=reasons)
    unlimited = lender(tmp_path)
    largest = []
    for term in (3, 6, 12, 24):
        answer = engine.score(request(asked(term_months=term), score=600))
        assert (answer.decision, limit(answer), codes(answer)) == (
            COUNTER_OFFER, "expected_loss", ["R_E"],
        )  # fmt: skip
        for offer in answer.offers:
            assert lifetime_loss(answer, offer) <= budget
        amount = max(
            one.amount_fen for one in answer.offers if terms(one)[2:] == (term, "equal_instalments")
        )
        more = unlimited.score(
            request(asked(term_months=term, amount_fen=amount + 50_000), score=600)
        )
        assert lifetime_loss(more, more.offers[0]) > budget
        largest.append(amount)
    # The longer it runs, the less of it.
    assert largest == sorted(largest, reverse=True) and largest[0] > 2 * largest[-1]


def test_a_thin_file_starts_small_and_grows_with_good_repayment(tmp_path: Path) -> None:
    ladder = {
        "amounts_fen": [200_000, 600_000, 2_000_000],
        "good_repayments": [0, 3, 9],
        "reached": f"int({signal('repaid')})",
    }
    reasons = {**OFFERS["reasons"], "ladder": "R_E"}
    engine = lender(tmp_path, ladder=ladder, reasons=reasons)
    first = engine.score(request(asked(), repaid=0.0))
    later = engine.score(request(asked(), repaid=4.0))
    regular = engine.score(request(asked(), repaid=9.0))
    assert (first.decision, limit(first), codes(first)) == (COUNTER_OFFER, "ladder", ["R_E"])
    assert "good_repayment" in help_in(first)
    assert max(offer.amount_fen for offer in first.offers) == 200_000
    assert max(offer.amount_fen for offer in later.offers) == 600_000
    assert regular.decision == APPROVE
    assert engine.score(request(asked())).decision == REFER


def test_a_cap_of_the_rules_limits_the_offers_and_is_their_reason(tmp_path: Path) -> None:
    rules = [rule("CAPPED", f"{signal('new')} > 0.0", "cap", cap_fen="300000", on_error="skip")]
    reasons = {**OFFERS["reasons"], "cap": "R_E"}
    engine = lender(tmp_path, policy={"rules": rules}, reasons=reasons)
    answer = engine.score(request(asked(), new=1.0))
    assert (answer.decision, limit(answer), codes(answer)) == (COUNTER_OFFER, "cap", ["R_A"])
    assert max(offer.amount_fen for offer in answer.offers) == 300_000
    open_ask = engine.score(request({"product": "cash"}, new=1.0))
    assert open_ask.decision == APPROVE
    assert max(offer.amount_fen for offer in open_ask.offers) <= 300_000


def test_who_is_explored_is_lent_no_more_than_exploration_allows(tmp_path: Path) -> None:
    cutoffs = {
        "approve_from": 660, "refer_from": 650, "explore_rate": 1.0, "explore_budget": 100_000,
        "explore_from": 560, "explore_amount_fen": 200_000,
    }  # fmt: skip
    reasons = {**OFFERS["reasons"], "cap": "R_E"}
    engine = lender(tmp_path, policy={"cutoffs": cutoffs}, reasons=reasons)
    wish = request(asked())
    wish["application"]["customer_key"] = "k"
    answer = engine.score(wish)
    assert (answer.decision, answer.explored, limit(answer)) == (COUNTER_OFFER, True, "cap")
    assert max(offer.amount_fen for offer in answer.offers) == 200_000
    wish["application"]["signals"]["income"] = 104_000
    poor = engine.score(wish)
    assert (poor.decision, poor.explored, poor.propensity) == (DECLINE, False, 0.0)


# --- no, and other stages ---


def test_a_no_of_rules_or_cutoffs_has_no_offers(tmp_path: Path) -> None:
    rules = [rule("REFERRED", f"{signal('odd')} > 0.0", "refer", on_error="skip")]
    engine = lender(tmp_path, policy={"rules": rules})
    for answer, decision in (
        (engine.score(request(asked(), odd=1.0)), REFER),
        (engine.score(request(asked(), score=490)), REFER),
        (engine.score(request(asked(), score=450)), DECLINE),
    ):
        assert (answer.decision, list(answer.offers), limit(answer)) == (
            decision,
            [],
            "unspecified",
        )


def test_a_drawdown_is_checked_again_and_nothing_else_is_offered(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    fine = engine.score(request(asked(), stage="STAGE_DRAWDOWN"))
    poorer = engine.score(request(asked(), stage="STAGE_DRAWDOWN", income=160_000))
    assert (fine.decision, len(fine.offers)) == (APPROVE, 1)
    assert (poorer.decision, limit(poorer), list(poorer.offers)) == (DECLINE, "affordability", [])
    assert help_in(poorer) == ["verified_income"]


def test_a_prospect_is_offered_loans_and_a_line_under_review_is_not(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    assert engine.score(request(stage="STAGE_PRESCREEN")).offers
    assert not engine.score(request(stage="STAGE_ACCOUNT_REVIEW")).offers


def test_the_same_request_gives_the_same_bytes(tmp_path: Path) -> None:
    one, other = lender(tmp_path), lender(tmp_path)
    for loan in (asked(), asked(amount_fen=2_000_000, term_months=3), None):
        answers = {engine.score(request(loan)).SerializeToString() for engine in (one, other, one)}
        assert len(answers) == 1


@pytest.mark.parametrize(
    "zone",
    ["Asia/Shanghai", "America/New_York", "Europe/Berlin", "Australia/Sydney", "Asia/Kolkata"],
)
def test_a_loan_begins_on_the_day_of_its_decision_also_in_summer_time(
    tmp_path: Path, zone: str
) -> None:
    engine = lender(tmp_path, policy={"time_zone": zone})
    local = ZoneInfo(zone)
    for month in range(1, 13):
        midnight = datetime.datetime(2027, month, 28, tzinfo=local).timestamp()
        for seconds in (-1, 0, 3_599, 3_600):
            moment = int(midnight) + seconds
            wish = request(asked()) | {"decided_at_seconds": moment}
            day = datetime.datetime.fromtimestamp(moment, local).date()
            answer = engine.score(wish)
            assert answer.offers[0].disbursed_date_days == (day - datetime.date(1970, 1, 1)).days


# --- quotes ---


def quote_request(offer: Offer, probability: float, **changes: Any) -> quote_pb2.QuoteRequest:
    fields: dict[str, Any] = {
        "customer_key": "k",
        "quoted_at_seconds": MORNING,
        "product": offer.product,
        "amount_fen": offer.amount_fen,
        "term_months": offer.term_months,
        "repayment_method": offer.repayment_method,
        "probability_of_default": probability,
        **changes,
    }
    return quote_pb2.QuoteRequest(**{k: v for k, v in fields.items() if v is not None})


def test_a_quote_of_a_product_is_the_offer(tmp_path: Path) -> None:
    engine = lender(tmp_path)
    answer = engine.score(request(None))
    assert answer.offers
    for offer in answer.offers:
        quote = engine.quote(quote_request(offer, answer.probability_of_default)).quote
        assert list(quote.schedule.instalments) == list(offer.instalments)
        assert quote.schedule.nominal_annual_rate == offer.nominal_annual_rate
        assert quote.schedule.charges_fen == offer.charges_fen
        assert quote.currency == "CNY"


def test_a_quote_is_of_the_release_that_decides_for_the_customer(tmp_path: Path) -> None:
    engine = Engine()
    champion, canary = (
        engine.load(decisions.compiled(tmp_path, **POLICY, offers={**OFFERS, "margin": m}).image)
        for m in (0.03, 0.06)
    )
    engine.deploy(Deployment(champion, Canary(canary, 0.4, "salt")))
    quoted = set()
    for customer in (f"customer {number}" for number in range(60)):
        application = request(None)
        application["application"]["customer_key"] = customer
        answer = engine.score(application)
        asks = quote_request(answer.offers[0], answer.probability_of_default, customer_key=customer)
        quote = engine.quote(asks).quote
        assert quote.release.content_hash == answer.release.content_hash
        assert list(quote.schedule.instalments) == list(answer.offers[0].instalments)
        # So is one of a loan with terms of its own.
        loan = quote_pb2.LoanTerms(
            principal_fen=100_000, annual_rate=0.1, periods=12, disbursed_date_days=DAY
        )
        asks = quote_pb2.QuoteRequest(customer_key=customer, loan=loan)
        assert engine.quote(asks).quote.release == quote.release
        quoted.add((quote.release.content_hash, quote.schedule.nominal_annual_rate))
    assert {release for release, _ in quoted} == {champion.content_hash, canary.content_hash}
    assert len(quoted) == 2 == len({rate for _, rate in quoted})
    # When nobody is on trial any more, they are all quoted by the champion.
    engine.deploy(Deployment(champion))
    assert engine.quote(asks).quote.release.content_hash == champion.content_hash


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("product", {"product": "yacht"}),
        ("amount_fen", {"amount_fen": 1_000_001}),
        ("amount_fen", {"amount_fen": None}),
        ("term_months", {"term_months": 7}),
        ("repayment_method", {"repayment_method": application_pb2.REPAYMENT_METHOD_INTEREST_ONLY}),
        ("probability_of_default", {"probability_of_default": None}),
        ("probability_of_default", {"probability_of_default": 1.0}),
        ("probability_of_default", {"probability_of_default": float("nan")}),
        ("probability_of_default", {"probability_of_default": 0.9}),
        ("loan", {"loan": quote_pb2.LoanTerms(principal_fen=1)}),
        ("lender", {"lender": "Somebody"}),
    ],
)
def test_a_quote_that_cannot_be_names_the_field(
    tmp_path: Path, field: str, changes: dict[str, Any]
) -> None:
    offer = Offer(product="cash", amount_fen=1_000_000, term_months=12)
    with pytest.raises(InvalidRequestError) as caught:
        lender(tmp_path).quote(quote_request(offer, 0.02, **changes))
    assert caught.value.violations[0].field == field


# --- what the core trusts: nothing ---


def _damage(plan: Any, path: str, value: Any) -> None:
    *parents, leaf = path.split(".")
    for name in parents:
        plan = plan[int(name)] if name.isdigit() else getattr(plan, name)
    if isinstance(value, list):
        del getattr(plan, leaf)[:]
        getattr(plan, leaf).extend(value)
    else:
        setattr(plan, leaf, value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("income_register_plus_one", 10**6),
        ("income_register_plus_one", 0),
        ("debt_service_ratio", float("nan")),
        ("debt_service_ratio", 0.0),
        ("when_missing", scoring_pb2.RULE_ACTION_CAP),
        ("loss_given_default", 2.0),
        ("cost_of_funds", float("nan")),
        ("margin", -0.1),
        ("rate_step", 0.0),
        ("annual_rate_cap", 0.0),
        ("hurdle", float("nan")),
        ("horizon_months", 0),
        ("most_offers", 11),
        ("take_up.rate_weight", 3.0),
        ("take_up.intercept", float("inf")),
        ("product_slot_plus_one", 0),
        ("term_months_slot_plus_one", 9_999),
        ("utc_offset_minutes", 5_000),
        ("clock_changes.0.utc_offset_minutes", 5_000),
        ("clock_changes.1.at_seconds", 0),
        ("expected_loss_budget_fen", -1),
        ("expected_loss_budget_fen", 2**60),
        ("reasons.0.reason", 999),
        ("reasons.0.limit", 0),
        ("products.0.code", "shopping"),
        ("products.0.step_fen", 0),
        ("products.0.from_fen", -5),
        ("products.0.to_fen", 2**60),
        ("products.0.terms_months", [12, 6]),
        ("products.0.terms_months", []),
        ("products.0.terms_months", [4_000_000_000]),
        ("products.0.methods", [9]),
        ("products.0.methods", [1, 1]),
        ("products.0.eligible_register_plus_one", 10**6),
        ("products.0.loan.frequency", quote_pb2.FREQUENCY_WEEKLY),
        ("products.0.loan.grace", quote_pb2.GRACE_FULL),
        ("products.0.loan.grace_periods", 3),
        ("products.0.loan.disbursed_date_days", 20_000),
        ("products.0.servicing.penalty_rate", -1.0),
    ],
)
def test_a_damaged_plan_is_refused(tmp_path: Path, path: str, value: Any) -> None:
    parts = {**POLICY, "offers": OFFERS, "time_zone": "America/New_York"}
    image = release_image_pb2.ReleaseImage.FromString(decisions.compiled(tmp_path, **parts).image)
    if path == "products.0.loan.grace":
        image.offer_plan.products[0].loan.grace_periods = 1
    _damage(image.offer_plan, path, value)
    engine = Engine()
    with pytest.raises(CallError):
        engine.publish(image.SerializeToString())
