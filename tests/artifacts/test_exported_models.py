"""Models as people export them: trained by four libraries, converted, run natively.

Judge: onnxruntime on the same file. What a conversion gets wrong is the artifact's business
(golden rows), not the core's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import ModelProto, TensorProto

from fenqi.artifacts.graph import GraphInput, compile_graph, without_zip_maps
from fenqi.artifacts.graph.parity import LIMIT, Parity, compare
from fenqi.artifacts.graph.probing import random_rows
from tests.artifacts.every_split import rows_of_every_split, splits_of

COLUMNS = 7
Data = tuple[NDArray[np.float32], NDArray[Any]]


def data(classes: int = 2, missing: bool = False) -> Data:
    """Made-up applicants; `classes` 0: a number to predict."""
    random = np.random.default_rng(classes + 10 * missing)
    x = random.normal(size=(400, COLUMNS)).astype(np.float32)
    signal = x[:, 0] - 0.5 * x[:, 1] * x[:, 2] + 0.3 * random.normal(size=len(x))
    y = np.digitize(signal, np.quantile(signal, np.arange(1, classes) / classes))
    if missing:
        x[random.random(x.shape) < 0.1] = np.nan
    return x, (signal if classes == 0 else y)


def parity_of(model: ModelProto, golden: NDArray[np.float32]) -> Parity:
    """Both paths on the training rows, random ones and beside every split value."""
    plain = without_zip_maps(model)
    (value,) = plain.graph.input
    inputs = [GraphInput(value.name, TensorProto.FLOAT, COLUMNS)]
    native = compile_graph(plain, inputs, [output.name for output in plain.graph.output])
    known = {value.name: golden[:100]}
    parts = [
        known,
        random_rows(native, splits_of(plain, inputs), 150, golden=known),
        rows_of_every_split(plain, inputs, native, golden=known),
    ]
    rows = np.concatenate([part[value.name][:300] for part in parts])
    with np.errstate(all="ignore"):
        return compare(plain, native, inputs, {value.name: rows})


def onnx_of_scikit(model: Any) -> ModelProto:
    skl2onnx = pytest.importorskip("skl2onnx", reason="skl2onnx converts scikit-learn's models")
    from skl2onnx.common.data_types import FloatTensorType

    return skl2onnx.to_onnx(
        model,
        initial_types=[("x", FloatTensorType([None, COLUMNS]))],
        target_opset={"": 17, "ai.onnx.ml": 3},
    )


def forests() -> dict[str, Callable[[], tuple[Any, Data]]]:
    from sklearn import ensemble, linear_model, naive_bayes, neural_network, tree
    from sklearn.feature_selection import SelectKBest
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import (
        Binarizer,
        KBinsDiscretizer,
        MaxAbsScaler,
        MinMaxScaler,
        Normalizer,
        PolynomialFeatures,
        RobustScaler,
        StandardScaler,
    )

    small = {"n_estimators": 12, "random_state": 1}
    return {
        "random forest": lambda: (ensemble.RandomForestClassifier(**small), data()),
        "random forest of four classes": lambda: (
            ensemble.RandomForestClassifier(**small), data(4),
        ),
        "extra trees regression": lambda: (ensemble.ExtraTreesRegressor(**small), data(0)),
        "boosting": lambda: (ensemble.GradientBoostingClassifier(**small), data()),
        "boosting of three classes": lambda: (
            ensemble.GradientBoostingClassifier(**small), data(3),
        ),
        "boosting regression": lambda: (ensemble.GradientBoostingRegressor(**small), data(0)),
        "decision tree": lambda: (tree.DecisionTreeClassifier(max_depth=9), data()),
        "bagging": lambda: (ensemble.BaggingClassifier(**small), data()),
        "imputer, scaler, logistic regression": lambda: (
            make_pipeline(SimpleImputer(), StandardScaler(), linear_model.LogisticRegression()),
            data(missing=True),
        ),
        "logistic regression of five classes": lambda: (
            make_pipeline(MinMaxScaler(), linear_model.LogisticRegression()), data(5),
        ),
        "polynomials": lambda: (
            make_pipeline(PolynomialFeatures(2), RobustScaler(), linear_model.Ridge()), data(0),
        ),
        "bins": lambda: (
            make_pipeline(
                KBinsDiscretizer(4, encode="onehot-dense"), linear_model.LogisticRegression()
            ),
            data(),
        ),
        "normaliser": lambda: (
            make_pipeline(Normalizer(), linear_model.LogisticRegression()), data(),
        ),
        "selection and forest": lambda: (
            make_pipeline(
                MaxAbsScaler(), SelectKBest(k=4), ensemble.RandomForestClassifier(**small)
            ),
            data(),
        ),
        "binarizer": lambda: (make_pipeline(Binarizer(), linear_model.RidgeClassifier()), data()),
        "stochastic gradient": lambda: (
            make_pipeline(StandardScaler(), linear_model.SGDClassifier(loss="log_loss")), data(),
        ),
        "network": lambda: (
            neural_network.MLPClassifier((16, 8), max_iter=60, random_state=1), data(),
        ),
        "naive Bayes": lambda: (naive_bayes.GaussianNB(), data()),
        "voting": lambda: (
            ensemble.VotingClassifier(
                [("tree", tree.DecisionTreeClassifier(max_depth=3)),
                 ("line", linear_model.LogisticRegression())],
                voting="soft", flatten_transform=False,
            ),
            data(),
        ),
    }  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(forests()))
def test_scikit_learn_exports_agree(name: str) -> None:
    model, (x, y) = forests()[name]()
    parity = parity_of(onnx_of_scikit(model.fit(x, y)), x)
    assert parity.largest_difference <= LIMIT, parity


LIGHTGBM = {
    "binary": ({"objective": "binary"}, data(missing=True)),
    "binary, leaf-wise and deep": ({"objective": "binary", "num_leaves": 63}, data()),
    "dart": ({"objective": "binary", "boosting": "dart"}, data()),
    "bagged forest": (
        {"objective": "binary", "boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.7},
        data(),
    ),
    "multiclass": ({"objective": "multiclass", "num_class": 4}, data(4)),
    "regression": ({"objective": "regression"}, data(0)),
    "quantile": ({"objective": "quantile", "alpha": 0.3}, data(0)),
    "poisson": ({"objective": "poisson"}, (data(0)[0], np.exp(data(0)[1] / 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(LIGHTGBM))
def test_lightgbm_exports_agree(name: str) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    convert = pytest.importorskip(
        "onnxmltools", reason="onnxmltools converts LightGBM's models"
    ).convert_lightgbm
    from onnxmltools.convert.common.data_types import FloatTensorType

    parameters, (x, y) = LIGHTGBM[name]
    settings = {"verbose": -1, "num_threads": 1, "seed": 1} | parameters
    model = lightgbm.train(settings, lightgbm.Dataset(x, y), 20)
    converted = convert(
        model, initial_types=[("x", FloatTensorType([None, COLUMNS]))], target_opset=15
    )
    parity = parity_of(converted, x)
    assert parity.largest_difference <= LIMIT, parity


XGBOOST = {
    "binary": ({"objective": "binary:logistic"}, data(missing=True)),
    "loss-guided": (
        {"objective": "binary:logistic", "grow_policy": "lossguide", "tree_method": "hist"}, data(),
    ),
    "multiclass": ({"objective": "multi:softprob", "num_class": 3}, data(3)),
    "regression": ({"objective": "reg:squarederror"}, data(0)),
}  # fmt: skip


@pytest.mark.parametrize("name", sorted(XGBOOST))
def test_xgboost_exports_agree(name: str) -> None:
    xgboost = pytest.importorskip("xgboost", reason="too large to be a development dependency")
    convert = pytest.importorskip("onnxmltools").convert_xgboost
    from onnxmltools.convert.common.data_types import FloatTensorType

    parameters, (x, y) = XGBOOST[name]
    kind = xgboost.XGBRegressor if "reg:" in parameters["objective"] else xgboost.XGBClassifier
    settings = {key: value for key, value in parameters.items() if key != "num_class"}
    model = kind(n_estimators=15, **settings).fit(x, y)
    converted = convert(
        model, initial_types=[("x", FloatTensorType([None, COLUMNS]))], target_opset=15
    )
    parity = parity_of(converted, x)
    assert parity.largest_difference <= LIMIT, parity


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_catboost_exports_agree(classes: int, tmp_path: Any) -> None:
    catboost = pytest.importorskip("catboost", reason="too large to be a development dependency")
    x, y = data(classes)
    kind = catboost.CatBoostRegressor if classes == 0 else catboost.CatBoostClassifier
    model = kind(iterations=15, verbose=False).fit(x, y)
    model.save_model(str(tmp_path / "model.onnx"), format="onnx")
    parity = parity_of(onnx.load(tmp_path / "model.onnx"), x)
    assert parity.largest_difference <= LIMIT, parity
