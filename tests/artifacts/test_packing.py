"""From an exported file to an artifact, and what is refused on the way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from fenqi.artifacts import ArtifactError, load_artifact
from fenqi.artifacts.calibration import calibrated, log_odds, logistic, margins
from fenqi.artifacts.manifest import ScoreScale
from fenqi.artifacts.packing import Packed, Wishes, pack
from fenqi.artifacts.packing.predict import Predict, load_predict
from fenqi.artifacts.packing.split_sample import write_split_sample
from fenqi.artifacts.session import Session
from fenqi.artifacts.trial import try_artifact
from fenqi.artifacts.verify import verify
from tests.artifacts.copies import needs_shared
from tests.artifacts.samples import Exported, exported, names, write_csv
from tests.artifacts.test_native_models import tree_model


def packed(given: Exported, top: Path, **wishes) -> Packed:
    given_too = {"predictions": "predicted", "library": given.made_with, "latency_budget_us": 1e5}
    wishes = given_too | wishes
    return pack(given.onnx, given.data, top / "models", Wishes(given.name, "1", **wishes))


@needs_shared
@pytest.mark.parametrize("name", names())
def test_a_conversion_is_packed_where_it_is_right_and_refused_where_it_is_wrong(
    name: str, tmp_path: Path
) -> None:
    given = exported(name, tmp_path)
    if given.wrong:
        with pytest.raises(ArtifactError) as caught:
            packed(given, tmp_path)
        assert "the graph is not what was trained" in str(caught.value)
        assert f"{given.data}:" in str(caught.value)
        assert not (tmp_path / "models").exists()
        return
    artifact = packed(given, tmp_path).artifact
    assert artifact.parity.verdict == "equal"
    assert artifact.parity.library == given.made_with
    assert artifact.golden.predictions_of == "library"
    assert set(artifact.golden.expected) <= set(given.predicted)
    # The native path is another judge, on split values too, or says why it is none.
    native = [one for one in artifact.parity.comparisons if one.between[1] == "native"]
    assert bool(native) == (artifact.parity.why_not_native is None)
    assert all(one.largest <= 1e-6 for one in native)
    if artifact.parity.split_values and native:
        assert native[1].rows == "splits"
        assert native[1].count == 3 * artifact.parity.split_values


@needs_shared
@pytest.mark.parametrize("name", ["lgb_binary", "mixed_onehot_gbc", "svc_rbf"])
def test_what_was_packed_verifies(name: str, tmp_path: Path) -> None:
    artifact = packed(exported(name, tmp_path), tmp_path).artifact
    checks = {check.subject: check for check in verify(artifact.folder)}
    assert all(check.outcome != "failed" for check in checks.values()), checks
    # Who predicts the sample only says nothing of rows beside split values.
    certificate = checks["parity certificate"]
    if artifact.parity.split_values:
        assert certificate.outcome == "doubtful"
        assert "not on those beside split values" in certificate.detail
    else:
        assert certificate.outcome == "passed"


@needs_shared
def test_the_refusal_names_the_row_with_the_largest_difference(tmp_path: Path) -> None:
    given = exported("lgb_zero_as_missing", tmp_path)
    with pytest.raises(ArtifactError, match=r"The largest difference is 0.486, at .*csv:9: "):
        packed(given, tmp_path)


@needs_shared
def test_without_predictions_the_artifact_says_that_nobody_compared(tmp_path: Path) -> None:
    given = exported("lgb_zero_as_missing", tmp_path)  # and a wrong conversion is not found out
    columns = [f"x {n}" for n in range(12)]
    made = packed(given, tmp_path, predictions=None, library=None, columns=columns)
    assert made.artifact.parity.verdict == "the training library was not compared"
    assert made.artifact.golden.predictions_of == "onnxruntime"
    assert "nobody knows whether the conversion is right" in made.notes[0]
    outcomes = {check.subject: check.outcome for check in verify(made.artifact.folder)}
    assert outcomes["parity certificate"] == "doubtful"
    assert "failed" not in outcomes.values()


@needs_shared
def test_headings_become_names_and_the_reference_counts_the_sample(tmp_path: Path) -> None:
    given = exported("lgb_binary", tmp_path)
    artifact = packed(given, tmp_path).artifact
    assert [column.name for column in artifact.manifest.columns] == [f"x_{n}" for n in range(12)]
    reference = artifact.reference
    assert sum(reference.score.counts) == len(given.predicted)
    for histogram in reference.columns.values():
        assert sum(histogram.counts) + histogram.missing == len(given.predicted)
    scale = artifact.manifest.score_scale
    edges = scale.score(log_odds(np.quantile(given.predicted, [0.9, 0.1])))
    assert edges[0] == pytest.approx(reference.score.edges[0], abs=3)
    assert edges[1] == pytest.approx(reference.score.edges[-1], abs=3)


@needs_shared
@pytest.mark.parametrize("cutoff", [None, 0.3])
def test_reasons_compare_with_those_at_or_slightly_above_the_cut_off(
    tmp_path: Path, cutoff: float | None
) -> None:
    given = exported("lgb_binary", tmp_path)
    artifact = packed(given, tmp_path, cutoff=cutoff).artifact
    limit = float(np.median(given.predicted)) if cutoff is None else cutoff
    rows = np.array(artifact.reference.rows, dtype=np.float32)
    outputs = artifact.manifest.outputs
    probability = Session(artifact.onnx).result(outputs, {"x": rows})
    assert len(rows) == (given.predicted <= limit).sum()
    assert probability.max() <= limit + 1e-6
    assert artifact.reference.margin == pytest.approx(log_odds(probability).mean())


@needs_shared
def test_nobody_below_the_cut_off_is_said(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no row has a probability of default of at most"):
        packed(exported("lgb_binary", tmp_path), tmp_path, cutoff=1e-9)


@needs_shared
@pytest.mark.parametrize("kind", ["platt", "isotonic"])
def test_calibration_brings_a_twisted_probability_back(tmp_path: Path, kind: str) -> None:
    chance = np.random.default_rng(0)
    given = exported("lgb_binary", tmp_path)
    rows = np.load(given.onnx.parent / "cases.npz")["in:x"].repeat(40, axis=0)
    predicted = given.predicted.repeat(40)
    # Outcomes at half the log-odds that the model says.
    truth = logistic(log_odds(predicted) / 2 - 0.5)
    bad = (chance.random(len(truth)) < truth).astype(int)
    columns = {f"x {n}": rows[:, n] for n in range(12)}
    write_csv(given.data, {**columns, "predicted": predicted, "bad": bad})
    manifest = packed(given, tmp_path, calibrate=kind, target="bad").artifact.manifest
    found = logistic(calibrated(manifest.calibration, None, log_odds(predicted)))
    assert np.abs(found - truth).mean() < 0.04
    assert np.abs(predicted - truth).mean() > 0.08


@needs_shared
def test_calibration_without_outcomes_or_with_others_is_refused(tmp_path: Path) -> None:
    bad = np.where(np.arange(101) % 5 == 0, 1, 0)
    given = exported("lgb_binary", tmp_path, bad=bad, odd=bad + 1)
    columns = [f"x {n}" for n in range(12)]
    with pytest.raises(ArtifactError, match="--target names their column"):
        packed(given, tmp_path, columns=columns, calibrate="platt")
    with pytest.raises(ArtifactError, match=r"csv:2: odd is neither 0 nor 1"):
        packed(given, tmp_path, columns=columns, calibrate="platt", target="odd")
    with pytest.raises(ArtifactError, match="isotonic calibration needs 1000 rows, there are 101"):
        packed(given, tmp_path, columns=columns, calibrate="isotonic", target="bad")


@needs_shared
def test_texts_and_several_inputs_are_packed_by_their_names(tmp_path: Path) -> None:
    artifact = packed(exported("mixed_onehot_gbc", tmp_path), tmp_path).artifact
    assert [(one.name, one.type) for one in artifact.manifest.inputs] == [
        ("num1", "float"),
        ("num2", "float"),
        ("cat1", "string"),
        ("cat2", "string"),
    ]
    texts = artifact.reference.columns["cat1"]
    assert sum(texts.counts) + texts.missing == 64
    # Split values behind a one-hot encoder belong to no number.
    assert artifact.parity.split_values > 0 and artifact.parity.split_values_not_tried > 0


@needs_shared
def test_rows_beside_split_values_are_compared_with_the_library_too(tmp_path: Path) -> None:
    given = exported("xgb_binary", tmp_path)
    rows = tmp_path / "splits.csv"
    count = write_split_sample(given.onnx, given.data, None, {"predicted"}, rows)
    assert count == 3 * packed(given, tmp_path).artifact.parity.split_values
    values = np.genfromtxt(rows, delimiter=",", skip_header=1).astype(np.float32)
    predicted = Session(given.onnx.read_bytes()).run("probabilities", {"x": values})[:, 1]
    columns = {f"x {n}": values[:, n] for n in range(12)}
    write_csv(rows, {**columns, "predicted": predicted})
    found = packed(given, tmp_path / "again", splits=rows).artifact.parity.comparisons
    assert [(one.rows, one.count) for one in found[:2]] == [("sample", 101), ("splits", count)]
    # Exactly on a split, which was rounded, the sides may have changed; nowhere else.
    predicted = predicted.copy()
    predicted[7] += 0.01
    write_csv(rows, {**columns, "predicted": predicted})
    made = packed(given, tmp_path / "rounded", splits=rows)
    assert made.artifact.parity.verdict == "equal but exactly on splits"
    assert f"1 of {count} rows beside split values differ" in made.notes[-1]
    checks = {check.subject: check for check in verify(made.artifact.folder)}
    assert checks["parity certificate"].outcome == "doubtful"
    predicted[8] += 0.01
    write_csv(rows, {**columns, "predicted": predicted})
    with pytest.raises(
        ArtifactError, match=r"2 of .* rows differ by more than .*splits.csv:(9|10): "
    ):
        packed(given, tmp_path / "more", splits=rows)


def stands_in(given: Exported) -> Callable[[Mapping[str, np.ndarray]], np.ndarray]:
    """A training library that predicts what the graph does, of the columns together."""
    session = Session(given.onnx.read_bytes())

    def predict(columns: Mapping[str, np.ndarray]) -> np.ndarray:
        return session.run("probabilities", {"x": np.stack(list(columns.values()), axis=1)})

    return predict


@needs_shared
def test_a_function_predicts_the_sample_and_rows_beside_split_values(tmp_path: Path) -> None:
    given = exported("xgb_binary", tmp_path)
    columns = [f"x {n}" for n in range(12)]
    seen: list[list[str]] = []

    def predict(by_heading: Mapping[str, np.ndarray]) -> np.ndarray:
        seen.append(list(by_heading))
        return stands_in(given)(by_heading)

    wishes = {"predictions": None, "predict": Predict("t:predict", predict), "columns": columns}
    artifact = packed(given, tmp_path, **wishes).artifact
    assert seen == [columns, columns]
    found = artifact.parity.comparisons
    count = 3 * artifact.parity.split_values
    assert [(one.rows, one.count, one.between) for one in found[:2]] == [
        ("sample", 101, ("library", "onnxruntime")),
        ("splits", count, ("library", "onnxruntime")),
    ]
    assert artifact.parity.gaps == []
    assert artifact.golden.predictions_of == "library"
    outcomes = {check.subject: check.outcome for check in verify(artifact.folder)}
    assert outcomes["parity certificate"] == "passed"


@needs_shared
@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda columns: np.zeros(7), r"t:f gave an array of shape \(7,\) for 101 rows"),
        (lambda columns: 1 / 0, "t:f failed on 101 rows: ZeroDivisionError"),
        (lambda columns: np.zeros((101, 1)), "the graph is not what was trained: 101 of 101 rows"),
        (lambda columns: np.full(101, np.nan), r"xgb_binary.csv:2: there is no prediction"),
        (lambda columns: ["high"] * 101, "t:f failed on 101 rows: ValueError"),
    ],
)
def test_a_function_that_predicts_nothing_of_use_is_told_why(function, said, tmp_path) -> None:
    given = exported("xgb_binary", tmp_path)
    columns = [f"x {n}" for n in range(12)]
    with pytest.raises(ArtifactError, match=said):
        packed(given, tmp_path, predictions=None, columns=columns, predict=Predict("t:f", function))
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "'nothing' names no function: expected module:function"),
        ("no_such_module:f", "no_such_module cannot be imported: ModuleNotFoundError"),
        ("json:f", "json has no function f"),
    ],
)
def test_a_function_that_is_not_there_is_named(name: str, said: str) -> None:
    with pytest.raises(ArtifactError, match=said):
        load_predict(name)


@needs_shared
def test_a_model_over_its_latency_budget_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"over the budget of 0\.1 us, so no server would take"):
        packed(exported("lgb_binary", tmp_path), tmp_path, latency_budget_us=0.1)
    assert not (tmp_path / "models").exists()


@needs_shared
def test_a_day_that_is_past_is_not_packed(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="expired already, on 2020-01-31"):
        packed(exported("lgb_binary", tmp_path), tmp_path, expires=date(2020, 1, 31))


def linear(outputs: list[tuple[str, int]], zip_map: bool = False) -> onnx.ModelProto:
    """Two columns; classifiers of sklearn's form."""
    nodes = [
        helper.make_node(
            "LinearClassifier",
            ["x"],
            ["label", "raw"],
            domain="ai.onnx.ml",
            coefficients=[-1.0, 0.5, 1.0, -0.5],
            intercepts=[0.1, -0.1],
            classlabels_ints=[0, 1],
            post_transform="LOGISTIC",
        )
    ]
    graph_outputs = [helper.make_tensor_value_info("label", TensorProto.INT64, [None])]
    if zip_map:
        nodes.append(
            helper.make_node(
                "ZipMap", ["raw"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1]
            )
        )
        key = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
        graph_outputs.append(
            helper.make_value_info(
                "probabilities",
                helper.make_sequence_type_proto(helper.make_map_type_proto(TensorProto.INT64, key)),
            )
        )
    else:
        graph_outputs += [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, width])
            for name, width in outputs
        ]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [None, 2])]
    graph = helper.make_graph(nodes, "g", inputs, graph_outputs)
    imports = [helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=imports, ir_version=8)


def write(top: Path, model: onnx.ModelProto, rows: str) -> tuple[Path, Path]:
    onnx.save(model, top / "m.onnx")
    (top / "m.csv").write_text(rows)
    return top / "m.onnx", top / "m.csv"


ROWS = "Income (CNY),age\n0.5,1\n-1,2\n"


def test_dictionaries_of_probabilities_become_tensors(tmp_path: Path) -> None:
    files = write(tmp_path, linear([], zip_map=True), ROWS)
    made = pack(*files, tmp_path, Wishes("m", "1"))
    assert made.artifact.manifest.outputs.probability == "probabilities"
    assert "took out the ZipMap" in made.notes[0]
    assert [column.name for column in made.artifact.manifest.columns] == ["income_cny", "age"]


def test_headings_without_latin_letters_are_called_by_their_place(tmp_path: Path) -> None:
    files = write(tmp_path, linear([("raw", 2)]), "年龄,收入\n0.5,1\n-1,2\n")
    artifact = pack(*files, tmp_path, Wishes("m", "1")).artifact
    assert [column.name for column in artifact.manifest.columns] == ["column_1", "column_2"]
    files = write(tmp_path, linear([("raw", 2)]), "A b,a_B\n0.5,1\n-1,2\n")
    artifact = pack(*files, tmp_path, Wishes("m", "2")).artifact
    assert [column.name for column in artifact.manifest.columns] == ["a_b", "a_b_2"]


def test_probit_is_warned_of_and_left_to_onnxruntime(tmp_path: Path) -> None:
    graph = tree_model(post_transform="PROBIT", target_weights=[0.3, 0.6])
    graph.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT
    files = write(tmp_path, graph, "a\n0.2\n0.7\n")
    made = pack(*files, tmp_path, Wishes("m", "1"))
    assert "answers for it vary from run to run" in made.notes[0]
    assert "PROBIT" in (made.artifact.parity.why_not_native or "")
    assert made.artifact.parity.native is None
    assert made.artifact.manifest.explanation.method == "none"
    assert "PROBIT" in made.explanation
    assert "PROBIT" in (try_artifact(made.artifact).why_not_native or "")


def test_a_packed_version_is_never_written_over(tmp_path: Path) -> None:
    files = write(tmp_path, linear([("raw", 2)]), "a,b\n1,2\n3,4\n")
    before = pack(*files, tmp_path, Wishes("m", "1")).artifact
    with pytest.raises(ArtifactError, match="is there already; a packed version never changes"):
        pack(*files, tmp_path, Wishes("m", "1"))
    assert load_artifact(before.folder).digest == before.digest
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["1"]


@pytest.mark.parametrize(
    ("rows", "wishes", "said"),
    [
        ("a,b\n1,x\n", {}, "m.csv:2: b: 'x' is no number"),
        ("a,b\n1,2\n1\n", {}, "m.csv:3: 1 values for 2 columns"),
        ("a,a\n1,2\n", {}, "m.csv:1: two columns are called a"),
        ("a,b\n", {}, "needs a heading and rows below it"),
        ("a,b,c\n1,2,3\n", {}, "has 3 columns for them: a, b, c. Name those"),
        ("a,b\n1,2\n", {"columns": ["a", "z"]}, "has no column z; it has a, b"),
        ("a,b\n1,2\n", {"predictions": "p", "columns": ["a", "b"]}, "has no column p"),
        ("a,b\n1,2\n", {"target": "t"}, "has no column t; it has a, b"),
        ("a,b,p\n1,2,\n", {"predictions": "p"}, "m.csv:2: there is no prediction"),
        ("a,b\n1,2\n", {"output": "z"}, "has no output z of float; there are raw"),
        ("a,b\n1,2\n", {"default_class": 2}, "has 2 columns; there is no class 2"),
        ("a,b\n,\n", {}, "m.csv:2: the graph gives nan, no finite number"),
    ],
)
def test_data_that_does_not_fit_is_refused_with_its_line(tmp_path, rows, wishes, said) -> None:
    files = write(tmp_path, linear([("raw", 2)]), rows)
    with pytest.raises(ArtifactError) as caught:
        pack(*files, tmp_path, Wishes("m", "1", **wishes))
    assert said in str(caught.value)
    assert not (tmp_path / "m").exists()


def test_a_result_that_is_of_the_other_class_is_told_of(tmp_path: Path) -> None:
    rows = "a,b,bad\n" + "\n".join(f"{n},0,{int(n > 5)}" for n in range(10))
    files = write(tmp_path, linear([("raw", 2)]), rows)
    right = pack(*files, tmp_path, Wishes("m", "1", target="bad"))
    assert not any("lower risk" in note for note in right.notes)
    wrong = pack(*files, tmp_path, Wishes("m", "2", target="bad", default_class=0))
    assert "by the sample's outcomes a higher result is a lower risk" in wrong.notes[0]


def test_a_name_or_version_that_is_none_leaves_nothing_behind(tmp_path: Path) -> None:
    files = write(tmp_path, linear([("raw", 2)]), "a,b\n1,2\n")
    for name, version in (("M", "1"), ("m", "../../x"), ("m", "")):
        with pytest.raises(ArtifactError):
            pack(*files, tmp_path / "models", Wishes(name, version))
    assert not list(tmp_path.glob("models/*/*"))


def test_the_margin_of_a_probability_is_its_log_odds(tmp_path: Path) -> None:
    files = write(tmp_path, linear([("raw", 2)]), "a,b\n1,2\n0.5,-1\n")
    scale = ScoreScale(base_score=600, base_odds=1, points_to_double_odds=20)
    artifact = pack(*files, tmp_path, Wishes("m", "1", score_scale=scale)).artifact
    margin = margins(artifact.manifest.outputs, artifact.golden.expected)
    # The second class's logit is x0 - 0.5 x1 - 0.1.
    np.testing.assert_allclose(margin, [-0.1, 0.9], atol=1e-5)
    assert scale.score(np.array([0.0]))[0] == 600
