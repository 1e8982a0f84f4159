"""What is found of conditions for one applicant a region is true of every applicant."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.policy.check import Checker
from fenqi.policy.lower import Lowering
from fenqi.policy.program import NOWHERE, Operand, ProgramBuilder
from fenqi.policy.regions import Regions

Truth = bool | None
Meaning = Callable[[dict[str, int | None]], Truth]

# Neither has limits in the contract.
FIELDS = {
    "a": "application.identity.id_days_to_expiry",
    "b": "application.behaviour.card_statements[0].statement_balance_fen",
}
CHECKER = Checker()


def regions(*texts: str) -> Regions:
    builder = ProgramBuilder()
    lowering = Lowering(builder)
    operands: list[Operand] = []
    for text in texts:
        value = lowering.lower(CHECKER.check(text), lambda line, column: NOWHERE)
        assert value.type == "bool"
        operands.append(value.operand)
    return Regions(builder, operands)


def outcomes(text: str) -> set[object]:
    found = regions(text)
    return {found.values(applicant)[0] for applicant in found.applicants()}


def compared(name: str, sign: str, constant: int) -> tuple[str, Meaning]:
    def meaning(values: dict[str, int | None]) -> Truth:
        value = values[name]
        if value is None:
            return None
        return {
            "<": value < constant,
            "<=": value <= constant,
            ">": value > constant,
            ">=": value >= constant,
            "==": value == constant,
            "!=": value != constant,
        }[sign]

    return f"{FIELDS[name]} {sign} {constant}", meaning


def combined(kind: str, parts: list[tuple[str, Meaning]]) -> tuple[str, Meaning]:
    (left, one), (right, other), (third, last) = parts

    def both(values: dict[str, int | None], decisive: bool) -> Truth:
        known = {one(values), other(values)}
        return decisive if decisive in known else None if None in known else not decisive

    def choice(values: dict[str, int | None]) -> Truth:
        test = one(values)
        return None if test is None else other(values) if test else last(values)

    def opposite(values: dict[str, int | None]) -> Truth:
        value = one(values)
        return None if value is None else not value

    return {
        "and": (f"({left} && {right})", lambda values: both(values, False)),
        "or": (f"({left} || {right})", lambda values: both(values, True)),
        "choice": (f"({left} ? {right} : {third})", choice),
        "not": (f"!({left})", opposite),
    }[kind]


comparisons = st.builds(
    compared,
    st.sampled_from(["a", "b"]),
    st.sampled_from(["<", "<=", ">", ">=", "==", "!="]),
    st.integers(-2, 2),
)
conditions = st.recursive(
    comparisons,
    lambda inner: st.builds(
        combined,
        st.sampled_from(["and", "or", "choice", "not"]),
        st.lists(inner, min_size=3, max_size=3),
    ),
    max_leaves=6,
)


def applicants() -> Iterator[dict[str, int | None]]:
    values = [*range(-4, 5), None]
    for a, b in itertools.product(values, values):
        yield {"a": a, "b": b}


@given(conditions, conditions)
@settings(max_examples=150, deadline=None)
def test_implication_is_what_trying_every_applicant_finds(
    one: tuple[str, Meaning], other: tuple[str, Meaning]
) -> None:
    tried = all(other[1](values) is True for values in applicants() if one[1](values) is True)
    found = regions(one[0], other[0])
    pairs = [found.values(applicant) for applicant in found.applicants()]
    assert all(values[1] is True for values in pairs if values[0] is True) is tried


@given(conditions)
@settings(max_examples=100, deadline=None)
def test_outcomes_are_what_trying_every_applicant_finds(one: tuple[str, Meaning]) -> None:
    assert outcomes(one[0]) == {one[1](values) for values in applicants()}


AMOUNT = "application.loan.amount_fen"
SCORE = "application.identity.liveness_score"
CITY = "application.location.gps_city"
ROOTED = "application.device.rooted"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"true || {AMOUNT} > 1", {True}),
        (f"{AMOUNT} > 5 && {AMOUNT} < 6", {False, None}),
        # A double has room between, an int has not.
        (f"{SCORE} > 0.5 && {SCORE} < 0.6", {False, True, None}),
        # The contract refuses negative amounts.
        (f"{AMOUNT} < 0", {False, None}),
        (f"{AMOUNT} >= 0", {True, None}),
        (f'{CITY} == "x" && {CITY} == "y"', {False, None}),
        (f'{CITY} in ["x", "y"] || {CITY} != "x" && {CITY} != "y"', {True, None}),
        (f"{ROOTED} || !{ROOTED}", {True, None}),
        (f"5 < {AMOUNT} && {AMOUNT} < 5", {False, None}),
        (f"has({AMOUNT}) && !has({AMOUNT})", {False}),
        (f"!has({AMOUNT}) || {AMOUNT} >= 9 || {AMOUNT} < 9", {True}),
        # What is computed may be anything, not a number too.
        (f"{SCORE} / {SCORE} < 1.0 || {SCORE} / {SCORE} >= 1.0", {False, True, None}),
    ],
)
def test_outcomes_of_a_condition(text: str, expected: set[bool | None]) -> None:
    assert outcomes(text) == expected


def test_the_same_value_written_otherwise_is_the_same() -> None:
    assert len(regions(f"({AMOUNT}) > 1 && 2 < {AMOUNT}").leaves) == 1


def test_between_a_fields_limit_and_a_constant_there_are_applicants_too() -> None:
    assert outcomes("application.identity.liveness_score < 0.5") == {True, False, None}
    assert outcomes("application.identity.liveness_score > 0.5") == {True, False, None}
    assert outcomes("application.identity.liveness_score > 1.0") == {False, None}
    assert outcomes("application.behaviour.card_statements[0].repayment_status > 20") == {
        *(False, None)
    }
