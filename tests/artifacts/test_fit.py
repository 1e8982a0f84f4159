"""Calibration is fitted as others fit it, and says when it cannot be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenqi.artifacts import ArtifactError
from fenqi.artifacts.calibration import calibrated, log_odds, logistic
from fenqi.artifacts.manifest import Calibration, PriorShift
from fenqi.artifacts.packing.fit import fit_isotonic, fit_platt


def sample(seed: int, rows: int, slope: float = 0.6, intercept: float = -0.4):
    chance = np.random.default_rng(seed)
    margin = chance.normal(-1, 1.5, rows)
    return margin, chance.random(rows) < logistic(slope * margin + intercept)


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_platt_is_at_the_maximum_of_its_smoothed_likelihood(seed: int) -> None:
    margin, bad = sample(seed, 500)
    found = fit_platt(margin, bad)
    bads, goods = bad.sum(), (~bad).sum()
    target = np.where(bad, (bads + 1) / (bads + 2), 1 / (goods + 2))
    wrong = logistic(calibrated(found, None, margin)) - target
    # The gradient vanishes in both parameters.
    assert abs(wrong.mean()) < 1e-9 and abs((wrong * margin).mean()) < 1e-9


def test_platt_equals_scikit_learns() -> None:
    calibration = pytest.importorskip("sklearn.calibration", reason="scikit-learn is in `train`")
    margin, bad = sample(1, 2000)
    theirs = calibration._SigmoidCalibration().fit(margin, bad)
    ours = fit_platt(margin, bad)
    assert (ours.a, ours.b) == pytest.approx((theirs.a_, theirs.b_), abs=1e-4)


def test_isotonic_equals_scikit_learns_inside() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic", reason="scikit-learn is in `train`")
    margin, bad = sample(2, 3000)
    theirs = isotonic.IsotonicRegression(out_of_bounds="clip").fit(logistic(margin), bad)
    ours = fit_isotonic(margin, bad)
    at = np.linspace(-4, 3, 500)
    expected = theirs.predict(logistic(at))
    inside = (expected > 0.01) & (expected < 0.99)
    found = logistic(calibrated(ours, None, at))
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-9)
    assert found.min() > 0 and found.max() < 1


@given(seed=st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_isotonic_never_falls_and_is_a_valid_calibration(seed: int) -> None:
    margin, bad = sample(seed, 1000)
    found = fit_isotonic(np.round(margin, 1), bad)  # ties
    Calibration.model_validate(found.model_dump())
    steps = np.diff(calibrated(found, None, np.linspace(-8, 8, 300)))
    assert steps.min() >= 0


def test_what_orders_nobody_is_refused() -> None:
    margin, bad = sample(3, 500)
    with pytest.raises(ArtifactError, match="a higher result would be a lower risk"):
        fit_platt(-margin, bad)
    with pytest.raises(ArtifactError, match="needs applicants who defaulted and some who did not"):
        fit_platt(margin, np.zeros(500, dtype=bool))


@given(p=st.floats(1e-6, 1 - 1e-6), before=st.floats(0.01, 0.9), after=st.floats(0.01, 0.9))
def test_the_prior_shift_multiplies_the_odds(p: float, before: float, after: float) -> None:
    shift = PriorShift(trained_on=before, applied_to=after)
    margin = log_odds(np.array([p]))
    found = logistic(calibrated(Calibration(), shift, margin))[0]
    odds = p / (1 - p) * (after / (1 - after)) / (before / (1 - before))
    assert found == pytest.approx(odds / (1 + odds), rel=1e-9)
