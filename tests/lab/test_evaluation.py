"""Evaluation against scikit-learn and against counting by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss, roc_auc_score, roc_curve

from fenqi.lab import evaluation

# Few distinct risks, so that ties are the rule.
ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from([0.0, 0.1, 0.2, 0.25, 0.5, 0.9, 1.0])),
    min_size=1,
    max_size=60,
)
ROWS_OF_BOTH = ROWS.filter(lambda rows: {bad for bad, _ in rows} == {0, 1})


def columns(rows: list[tuple[int, float]]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    return np.array([bad for bad, _ in rows]), np.array([risk for _, risk in rows])


@given(ROWS_OF_BOTH)
def test_auc_with_ties_equals_scikit_learns(rows: list[tuple[int, float]]) -> None:
    bad, risk = columns(rows)
    assert evaluation.auc(bad, risk) == pytest.approx(roc_auc_score(bad, risk), abs=1e-12)


@given(ROWS_OF_BOTH)
def test_auc_is_the_share_of_pairs_in_the_right_order(rows: list[tuple[int, float]]) -> None:
    bads = [risk for bad, risk in rows if bad]
    goods = [risk for bad, risk in rows if not bad]
    won = sum((b > g) + (b == g) / 2 for b in bads for g in goods)
    assert evaluation.auc(*columns(rows)) == pytest.approx(won / (len(bads) * len(goods)))


@given(ROWS_OF_BOTH)
def test_ks_is_the_widest_gap_of_the_roc_curve(rows: list[tuple[int, float]]) -> None:
    bad, risk = columns(rows)
    false_positives, true_positives, _ = roc_curve(bad, risk, drop_intermediate=False)
    widest = np.max(np.abs(true_positives - false_positives))
    assert evaluation.ks(bad, risk) == pytest.approx(widest, abs=1e-12)


@given(ROWS)
def test_brier_equals_scikit_learns(rows: list[tuple[int, float]]) -> None:
    bad, risk = columns(rows)
    expected = brier_score_loss(bad, risk, labels=[0, 1], pos_label=1)
    assert evaluation.brier(bad, risk) == pytest.approx(expected, abs=1e-12)


@given(ROWS)
def test_each_point_of_the_curve_is_what_its_cut_off_approves(
    rows: list[tuple[int, float]],
) -> None:
    bad, risk = columns(rows)
    curve = evaluation.approval_curve(bad, risk)
    assert list(curve.cut_off) == sorted(set(risk))
    for i, cut_off in enumerate(curve.cut_off):
        approved = risk <= cut_off
        assert curve.approval[i] == pytest.approx(np.mean(approved))
        assert curve.bad_rate[i] == pytest.approx(np.mean(bad[approved]))
        assert curve.marginal_rate[i] == pytest.approx(np.mean(bad[risk == cut_off]))


@given(ROWS, st.floats(0, 1))
def test_approval_at_a_budget_is_the_best_of_all_cut_offs(
    rows: list[tuple[int, float]], budget: float
) -> None:
    bad, risk = columns(rows)
    best = 0.0
    for cut_off in set(risk):
        approved = risk <= cut_off
        if np.mean(bad[approved]) <= budget:
            best = max(best, float(np.mean(approved)))
    found = evaluation.approval_at_bad_rate(bad, risk, budget)
    assert found.approval == pytest.approx(best)
    assert float(np.mean(risk <= found.cut_off)) == pytest.approx(best)
    assert found.bad_rate <= budget


def test_a_budget_below_the_safest_approves_nobody() -> None:
    found = evaluation.approval_at_bad_rate([1, 0, 1], [0.1, 0.2, 0.3], 0.0)
    assert (found.approval, found.cut_off) == (0.0, float("-inf"))


@pytest.mark.parametrize(
    ("bad", "risk", "message"),
    [
        ([0, 1], [0.1], "same length"),
        ([], [], "not empty"),
        ([0, 2], [0.1, 0.2], "0 and 1 only"),
        ([0, 1], [0.1, float("nan")], "NaN"),
    ],
)
def test_what_cannot_be_evaluated_is_refused(
    bad: list[int], risk: list[float], message: str
) -> None:
    for function in (evaluation.auc, evaluation.ks, evaluation.brier, evaluation.approval_curve):
        with pytest.raises(ValueError, match=message):
            function(bad, risk)


def test_discrimination_needs_both_outcomes() -> None:
    for function in (evaluation.auc, evaluation.ks):
        with pytest.raises(ValueError, match="one bad and one good"):
            function([1, 1], [0.1, 0.2])
