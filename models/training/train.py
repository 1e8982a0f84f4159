"""Trains the two bundled models on the Taiwan data and writes their artifacts.

    python -m models.training        (make train)

The same data and library versions give the same files. Takes about a minute and a half.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm
import numpy as np
import shap
import sklearn
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from . import boosting, scorecard
from .artifact import SCORE_SCALE, Development, Golden, Story, write_artifact
from .dataset import Dataset, Floats, load_dataset, shortened_histories
from .measures import (
    BAD_RATE_BUDGET,
    Platt,
    approval,
    calibration_line,
    fit_platt,
    measure,
    prudent_cut_off,
)
from .trees import to_onnx

FOLDS = 5
SHORTENED_SHARE = 0.1
# Approved applicants nearest to the cut-off: what reasons compare with (12 CFR 1002,
# Supplement I, comment 9(b)(2)-5(a)).
REFERENCE_ROWS = 1000
GOLDEN_ROWS = 64
LIMITS_OF_USE = [
    "An example on card clients of Taiwan in 2005; not for real lending anywhere.",
    "Needs at least the newest monthly card statement; older ones may be missing.",
]

Doubles = NDArray[np.float64]
# Trains on features and outcomes; gives the margin of new rows.
Trainer = Callable[[Floats, NDArray[np.int64]], Callable[[Floats], Doubles]]


@dataclass(frozen=True)
class Sample:
    """Rows to train on: whole histories, and copies with shortened ones."""

    features: Floats
    defaulted: NDArray[np.int64]
    shortened: Floats
    origin: NDArray[np.intp]  # row of `features` that each shortened copy was made from

    def training(self, rows: NDArray[np.intp]) -> tuple[Floats, NDArray[np.int64]]:
        """`rows` with the shortened copies of just those rows."""
        copies = np.isin(self.origin, rows)
        return (
            np.concatenate([self.features[rows], self.shortened[copies]]),
            np.concatenate([self.defaulted[rows], self.defaulted[self.origin[copies]]]),
        )


@dataclass(frozen=True)
class Evaluation:
    """Out-of-fold margins of a sample, and what they are worth."""

    margin: Doubles
    platt: Platt
    metrics: dict[str, Any]
    cut_off: float


def out_of_fold(sample: Sample, train: Trainer) -> Evaluation:
    """Trains on four fifths, five times; each row is judged by a model that did not see it."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=0)
    margin = np.empty(len(sample.defaulted))
    by_fold = []
    for seen, unseen in folds.split(sample.features, sample.defaulted):
        predict = train(*sample.training(seen))
        margin[unseen] = predict(sample.features[unseen])
        by_fold.append(measure(1 / (1 + np.exp(-margin[unseen])), sample.defaulted[unseen]))
    platt = fit_platt(margin, sample.defaulted)
    probability = platt.probability(margin)
    metrics: dict[str, Any] = {}
    for name in by_fold[0]:
        values = [fold[name] for fold in by_fold]
        metrics[f"{name}_mean"] = round(float(np.mean(values)), 4)
        metrics[f"{name}_sd"] = round(float(np.std(values)), 4)
    metrics["approval_rate"] = round(approval(probability, sample.defaulted), 4)
    metrics["at_bad_rate"] = BAD_RATE_BUDGET
    return Evaluation(margin, platt, metrics, prudent_cut_off(probability, sample.defaulted))


def reference_rows(evaluation: Evaluation) -> NDArray[np.intp]:
    """The approved rows nearest to the cut-off."""
    probability = evaluation.platt.probability(evaluation.margin)
    approved = np.flatnonzero(probability <= evaluation.cut_off)
    return approved[np.argsort(-probability[approved], kind="stable")[:REFERENCE_ROWS]]


def golden_features(sample: Sample) -> Floats:
    """Rows over the whole data, a quarter with shortened histories."""
    whole = np.linspace(0, len(sample.features) - 1, GOLDEN_ROWS * 3 // 4).astype(int)
    short = np.linspace(0, len(sample.shortened) - 1, GOLDEN_ROWS // 4).astype(int)
    return np.concatenate([sample.features[whole], sample.shortened[short]])


def split(dataset: Dataset) -> tuple[Sample, Sample]:
    """Everything, and the part that shipped models may see."""
    shortened, origin = shortened_histories(dataset, SHORTENED_SHARE, seed=1)
    everything = Sample(dataset.features, dataset.defaulted, shortened, origin)
    seen = np.flatnonzero(~dataset.holdout)
    position = np.full(len(dataset.clients), -1)
    position[seen] = np.arange(len(seen))
    copies = position[origin] >= 0
    visible = Sample(
        dataset.features[seen],
        dataset.defaulted[seen],
        shortened[copies],
        position[origin[copies]],
    )
    return everything, visible


def card(title: str, method: str, metrics: dict[str, Any], cut_off: float) -> str:
    """The model card, from figures only."""
    folds, holdout = metrics["five_fold"], metrics["holdout"]
    return f"""# {title}

Made by `make train`; every figure below comes from that run.

**Intended use.** An example for Fenqi's demo, tests and benchmarks: probability that a card client
defaults in the next month. Not for real lending.

**Data.** Default of credit card clients, Taiwan 2005 (Yeh & Lien; UCI 350; CC BY 4.0): 30,000
clients, 22.12 % default. Trained on four in five clients by a hash of the id; the rest is the
holdout. Inputs are features of the six newest card statements only. Sex, marital status,
education and age are in the data and are not inputs.

**Method.** {method}

**Five folds over all data, seed 0, each row judged by a model that did not see it.**

| measure | mean | standard deviation |
|---|---|---|
| AUC | {folds["auc_mean"]} | {folds["auc_sd"]} |
| KS | {folds["ks_mean"]} | {folds["ks_sd"]} |
| Brier | {folds["brier_mean"]} | {folds["brier_sd"]} |

At a bad rate among the approved of at most {BAD_RATE_BUDGET:.2%}: **{folds["approval_rate"]:.2%}**
of the applicants approved.

**Holdout** ({holdout["rows"]} clients, the shipped model): AUC {holdout["auc"]},
KS {holdout["ks"]}, Brier {holdout["brier"]}; calibration slope
{holdout["calibration_slope"]} (1 is right), intercept
{holdout["calibration_intercept"]} (0 is right). The shipped cut-off of {cut_off:.4f} is the highest
at which the bad rate is within the budget with 95 % confidence, out of fold on the training part;
on the holdout it approves {holdout["approval_rate"]:.2%},
{holdout["bad_rate_approved"]:.2%} of them bad.

**Reasons.** The core explains the trees exactly: interventional Shapley values in log-odds against
{REFERENCE_ROWS} applicants who were just approved out of fold. The golden rows hold what the `shap`
package says for comparison.

**Missing data.** {SHORTENED_SHARE:.0%} of the rows are repeated with only the newest 0 to 5
statements known. A client without any statement gets a probability of
{metrics["probability_without_statements"]:.3f}.
"""


def holdout_metrics(
    dataset: Dataset, margin: Doubles, platt: Platt, cut_off: float
) -> dict[str, Any]:
    """What the shipped model does on clients that it never saw."""
    defaulted = dataset.defaulted[dataset.holdout]
    probability = platt.probability(margin)
    slope, intercept = calibration_line(probability, defaulted)
    approved = probability <= cut_off
    figures = {
        **measure(probability, defaulted),
        "calibration_slope": slope,
        "calibration_intercept": intercept,
        "approval_rate": float(approved.mean()),
        "bad_rate_approved": float(defaulted[approved].mean()),
    }
    return {"rows": int(dataset.holdout.sum())} | {k: round(v, 4) for k, v in figures.items()}


def without_statements(dataset: Dataset) -> Floats:
    """The features of a client of whom nothing is known."""
    return dataset.extractor.matrix(dataset.clients[:1], [0])


def train_boosting(dataset: Dataset, everything: Sample, visible: Sample) -> None:
    """models/taiwan_gbm/1."""

    def trainer(features: Floats, defaulted: NDArray[np.int64]) -> Callable[[Floats], Doubles]:
        booster = boosting.train(dataset.columns, features, defaulted)
        return lambda rows: np.asarray(booster.predict(rows, raw_score=True))

    overall = out_of_fold(everything, trainer)
    shipped = out_of_fold(visible, trainer)
    compared = reference_rows(shipped)
    reference = visible.features[compared]
    booster = boosting.train(dataset.columns, *visible.training(np.arange(len(visible.defaulted))))
    golden = golden_features(visible)
    background = shap.maskers.Independent(reference, max_samples=len(reference))
    explainer = shap.TreeExplainer(booster, background, feature_perturbation="interventional")
    shapley = np.asarray(explainer.shap_values(golden, check_additivity=False))
    platt, cut_off = shipped.platt, shipped.cut_off
    nothing = booster.predict(without_statements(dataset), raw_score=True)
    metrics = {
        "five_fold": overall.metrics,
        "cut_off": round(cut_off, 4),
        "holdout": holdout_metrics(
            dataset,
            np.asarray(booster.predict(dataset.features[dataset.holdout], raw_score=True)),
            platt,
            cut_off,
        ),
        "probability_without_statements": round(float(platt.probability(nothing)[0]), 4),
    }
    method = (
        f"LightGBM, {boosting.TREES} trees of at most {boosting.PARAMETERS['num_leaves']} leaves, "
        "monotone in every column that promises it (see the manifest). Platt calibration, fitted "
        "out of fold."
    )
    story = Story(
        "taiwan_gbm",
        "1",
        "gradient boosting",
        "Probability of default, example.",
        LIMITS_OF_USE,
        metrics,
        card("taiwan_gbm 1", method, metrics, cut_off),
    )
    write_artifact(
        story,
        to_onnx(boosting.trees_of(booster), len(dataset.columns), 0.0, story.name),
        dataset.columns,
        platt,
        Golden(
            f"lightgbm {lightgbm.__version__}",
            lambda rows: np.asarray(booster.predict(rows, raw_score=True)),
            golden,
            np.asarray(booster.predict(golden, raw_score=True)),
            shapley,
        ),
        Development(
            visible.features,
            np.asarray(booster.predict(visible.features, raw_score=True)),
            compared,
        ),
    )
    _say(story)


def train_scorecard(dataset: Dataset, everything: Sample, visible: Sample) -> None:
    """models/taiwan_scorecard/1."""

    def trainer(features: Floats, defaulted: NDArray[np.int64]) -> Callable[[Floats], Doubles]:
        return scorecard.train(dataset.columns, features, defaulted).margin

    overall = out_of_fold(everything, trainer)
    shipped = out_of_fold(visible, trainer)
    compared = reference_rows(shipped)
    reference = visible.features[compared]
    fitted = scorecard.train(dataset.columns, *visible.training(np.arange(len(visible.defaulted))))
    read = [attribute.axis.feature for attribute in fitted.attributes]
    columns = [dataset.columns[feature] for feature in read]
    golden = golden_features(visible)
    contributions = fitted.parts(golden) - fitted.parts(reference).mean(axis=0)
    platt, cut_off = shipped.platt, shipped.cut_off
    nothing = fitted.margin(without_statements(dataset))
    metrics = {
        "five_fold": overall.metrics,
        "cut_off": round(cut_off, 4),
        "holdout": holdout_metrics(
            dataset, fitted.margin(dataset.features[dataset.holdout]), platt, cut_off
        ),
        "probability_without_statements": round(float(platt.probability(nothing)[0]), 4),
    }
    method = (
        f"{len(columns)} attributes in bins with weights of evidence, monotone where promised, put "
        "together by logistic regression with positive coefficients. The ONNX graph is one small "
        "tree for each attribute. Platt calibration, fitted out of fold."
    )
    story = Story(
        "taiwan_scorecard",
        "1",
        "scorecard",
        "Probability of default, example.",
        LIMITS_OF_USE,
        metrics,
        card("taiwan_scorecard 1", method, metrics, cut_off),
    )
    write_artifact(
        story,
        to_onnx(scorecard.trees(fitted), len(columns), fitted.intercept, story.name),
        columns,
        platt,
        Golden(
            f"scikit-learn {sklearn.__version__}",
            lambda rows: _margin_of_own(fitted, rows, golden.shape[1]),
            golden[:, read],
            fitted.margin(golden),
            contributions,
        ),
        Development(visible.features[:, read], fitted.margin(visible.features), compared),
        scorecard.points(
            fitted,
            columns,
            {"at_cutoff": reference, "population": visible.features},
            platt,
            SCORE_SCALE,
        ),
    )
    _say(story)


def _margin_of_own(fitted: scorecard.Scorecard, rows: Floats, columns: int) -> Doubles:
    """Margins of rows that hold only the columns that the scorecard reads."""
    whole = np.full((len(rows), columns), np.nan, dtype=np.float32)
    whole[:, [attribute.axis.feature for attribute in fitted.attributes]] = rows
    return fitted.margin(whole)


def _say(story: Story) -> None:
    print(f"{story.name}/{story.version}: {story.metrics}")


def main() -> None:
    dataset = load_dataset()
    everything, visible = split(dataset)
    train_boosting(dataset, everything, visible)
    train_scorecard(dataset, everything, visible)
