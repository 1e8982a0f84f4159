"""`fenqi model`, run as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.artifacts.copies import MODELS, change_manifest, copy_of, needs_shared
from tests.artifacts.samples import exported, write_csv
from tests.artifacts.test_native_models import tree_model
from tests.cli.test_cli import run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of("taiwan_scorecard/1", tmp_path)


def test_show_is_one_page_and_json_holds_everything() -> None:
    page = run("model", "show", str(MODELS / "taiwan_gbm" / "1"))
    assert page.returncode == 0
    for said in (
        "taiwan_gbm 1, gradient boosting",
        "served by",
        "platt, a = -0.97",
        "64, predicted",
    ):
        assert said in page.stdout
    assert "utilisation_0" in page.stdout and "R_UTILISATION" in page.stdout
    found = json.loads(run("model", "show", str(MODELS / "taiwan_gbm" / "1"), "--json").stdout)
    assert found["trial"]["path"] in ("native", "onnxruntime")
    assert found["manifest"]["score_scale"]["base_score"] == 600


def test_verify_ends_with_the_status_of_its_checks(folder: Path) -> None:
    fine = run("model", "verify", str(folder))
    assert fine.returncode == 0 and "onnxruntime on golden rows: 64 rows" in fine.stdout
    strict = run("model", "verify", str(folder), "--strict")
    assert strict.returncode == 1 and "doubtful signature: it is not signed" in strict.stdout
    (folder / "model.onnx").write_bytes(b"")
    broken = run("model", "verify", str(folder), "--json")
    assert broken.returncode == 1
    assert json.loads(broken.stdout)[0]["outcome"] == "failed"


def test_what_is_signed_verifies_with_its_key_and_no_other(folder: Path, tmp_path: Path) -> None:
    mine, other = str(tmp_path / "mine"), str(tmp_path / "other")
    assert run("model", "keys", mine).returncode == run("model", "keys", other).returncode == 0
    assert run("model", "sign", str(folder), "--key", mine).returncode == 0
    fine = run("model", "verify", str(folder), "--trusted", f"{mine}.pub")
    assert fine.returncode == 0 and "passed   signature" in fine.stdout
    refused = run("model", "verify", str(folder), "--trusted", f"{other}.pub")
    assert refused.returncode == 1 and "not trusted here" in refused.stdout
    unreadable = run("model", "verify", str(folder), "--trusted", str(tmp_path / "none.pub"))
    assert unreadable.returncode == 2 and "No such file" in unreadable.stderr


def test_what_was_changed_after_signing_can_be_signed_again(folder: Path, tmp_path: Path) -> None:
    key = str(tmp_path / "mine")
    run("model", "keys", key)
    run("model", "sign", str(folder), "--key", key)
    change_manifest(folder, lambda manifest: manifest.update(owner="Someone else"))
    assert run("model", "verify", str(folder)).returncode == 1
    assert run("model", "sign", str(folder), "--key", key).returncode == 0
    assert run("model", "verify", str(folder)).returncode == 0


def test_diff_says_nothing_of_equal_artifacts(folder: Path) -> None:
    same = run("model", "diff", str(folder), str(folder))
    assert same.returncode == 0 and "the manifests say the same" in same.stdout
    assert "+0.0 on average" in same.stdout


def test_diff_says_what_changed_and_how_far_scores_move(folder: Path, tmp_path: Path) -> None:
    other = copy_of("taiwan_scorecard/1", tmp_path / "other")

    def change(manifest: dict) -> None:
        manifest["score_scale"]["base_score"] = 610
        manifest["inputs"][0]["columns"][0]["monotone"] = 0

    change_manifest(other, change)
    done = run("model", "diff", str(folder), str(other))
    assert done.returncode == 1
    assert "score_scale.base_score: 600.0 -> 610.0" in done.stdout
    assert "column repayment_status_0.monotone: 1 -> 0" in done.stdout
    assert "+10.0 on average, from +10.0 to +10.0" in done.stdout
    found = json.loads(run("model", "diff", str(folder), str(other), "--json").stdout)
    assert found["score_shift"]["mean"] == pytest.approx(10)
    assert {drift["psi"] for drift in found["stability"]} == {0.0}


def test_diff_of_models_with_other_columns_compares_no_scores(folder: Path) -> None:
    done = run("model", "diff", str(MODELS / "taiwan_gbm" / "1"), str(folder))
    assert done.returncode == 1
    assert "the models read different columns" in done.stdout


def test_what_cannot_be_read_ends_with_status_2(tmp_path: Path) -> None:
    done = run("model", "show", str(tmp_path / "none" / "1"))
    assert done.returncode == 2
    assert "cannot read" in done.stderr and "Traceback" not in done.stderr


@needs_shared
def test_a_newcomer_packs_in_one_command_and_verifies(tmp_path: Path) -> None:
    given = exported("xgb_binary", tmp_path)
    models = str(tmp_path / "models")
    arguments = ["pack", str(given.onnx), "--data", str(given.data), "--name", "mine"]
    done = run("model", *arguments, "--predictions", "predicted", "--models", models)
    assert done.returncode == 0, done.stderr
    assert "training library and onnxruntime: 101 rows of the sample" in done.stdout
    assert run("model", "verify", f"{models}/mine/1").returncode == 0
    again = run("model", *arguments, "--predictions", "predicted", "--models", models)
    assert again.returncode == 2 and "never changes" in again.stderr


def break_files(folder: Path, onnx: bytes, rows: str) -> None:
    """Files that somebody may give by mistake, by their faults."""
    heading, first, *rest = rows.splitlines()
    texts = {
        "good.csv": rows,
        "empty.csv": "",
        "heading.csv": heading,
        "few.csv": "\n".join(line.partition(",")[2] for line in rows.splitlines()),
        "text.csv": "\n".join([heading, "high" + first[first.index(",") :], *rest]),
        "semicolons.csv": rows.replace(",", ";"),
        "labels.csv": "\n".join(
            [f"{heading},bad", *(f"{line},{n % 3}" for n, line in enumerate([first, *rest]))]
        ),
    }
    for name, text in texts.items():
        (folder / name).write_text(text)
    (folder / "gbk.csv").write_bytes("年龄,收入\n1,2\n".encode("gbk"))
    (folder / "good.onnx").write_bytes(onnx)
    (folder / "truncated.onnx").write_bytes(onnx[: len(onnx) // 2])
    (folder / "empty.onnx").write_bytes(b"")
    (folder / "text.onnx").write_text("a model\n")
    (folder / "folder").mkdir()


@needs_shared
def test_whatever_is_given_by_mistake_ends_in_a_sentence(tmp_path: Path) -> None:
    given = exported("xgb_binary", tmp_path)
    break_files(tmp_path, given.onnx.read_bytes(), given.data.read_text())
    good = ("good.onnx", "good.csv")
    for graph, data, more, said in [
        ("truncated.onnx", "good.csv", (), "truncated"),
        ("empty.onnx", "good.csv", (), "it is empty"),
        ("text.onnx", "good.csv", (), "no ONNX file"),
        ("folder", "good.csv", (), "is no file"),
        ("nothing", "good.csv", (), "No such file or directory"),
        ("good.onnx", "folder", (), "Is a directory"),
        ("good.onnx", "nothing", (), "No such file or directory"),
        ("good.onnx", "empty.csv", (), "needs a heading and rows below it"),
        ("good.onnx", "heading.csv", (), "needs a heading and rows below it"),
        ("good.onnx", "few.csv", (), "the graph wants x (12 columns of float)"),
        ("good.onnx", "text.csv", (), "text.csv:2: x 0: 'high' is no number"),
        ("good.onnx", "semicolons.csv", (), "columns are parted by commas"),
        ("good.onnx", "gbk.csv", (), "gbk.csv is no text in UTF-8: byte 0"),
        ("good.onnx", "truncated.onnx", (), "truncated.onnx"),
        ("good.onnx", "labels.csv", ("--target", "bad"), "labels.csv:4: bad is neither 0 nor 1"),
        (*good, ("--target", "nothing"), "has no column nothing"),
        (*good, ("--name", "Cash Loan"), "is no name of a model"),
        (*good, ("--version", "../1"), "is no version"),
        (*good, ("--predict", "nothing"), "expected module:function"),
        (*good, ("--expires", "2020-01-31"), "expired already"),
        (*good, ("--base-odds", "0"), "Invalid value"),
        (*good, ("--models", str(tmp_path / "good.csv")), "good.csv"),
    ]:
        files = [str(tmp_path / graph), "--data", str(tmp_path / data)]
        fixed = ["--name", "mine", "--models", str(tmp_path / "models")]
        fixed += [] if "--predict" in more else ["--predictions", "predicted"]
        done = run("model", "pack", *files, *fixed, *more)
        assert done.returncode == 2, (more, done.stdout)
        assert said in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
        assert not list(tmp_path.glob("models/*")), (graph, data, more)


def test_a_function_of_the_packers_predicts(tmp_path: Path) -> None:
    """In one command: the sample and rows beside split values, with the bundled booster's trees."""
    rows = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    write_csv(tmp_path / "sample.csv", {"年龄": rows[:, 0], "income": rows[:, 1]})
    onnx.save(tree_of_two_columns(), tmp_path / "tree.onnx")
    (tmp_path / "mine.py").write_text(
        "import numpy as np\n"
        "def predict(columns):\n"
        "    return np.where(columns['income'] <= np.float32(0.5), 0.25, -0.5)\n"
        "def wrong(columns):\n"
        "    return np.where(columns['income'] < np.float32(0.5), 0.25, -0.5)\n"
    )
    arguments = ["pack", "tree.onnx", "--data", "sample.csv", "--name", "mine"]
    done = run("model", *arguments, "--predict", "mine:predict", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "training library and onnxruntime: 3 rows beside split values, 0.0e+00" in done.stdout
    assert "explanation: scorecard, exact" in done.stdout
    again = ["--version", "2", "--predict", "mine:wrong"]
    done = run("model", *arguments, *again, folder=tmp_path)
    # Only exactly on the split, where a conversion may have rounded.
    assert done.returncode == 0 and "1 of 3 rows beside split values differ" in done.stdout
    strict = run("model", "verify", "models/mine/2", "--strict", folder=tmp_path)
    assert strict.returncode == 1 and "exactly on splits" in strict.stdout
    shown = run("model", "show", "models/mine/2", folder=tmp_path).stdout
    assert "scorecard, against at_cutoff" in shown and "not compared" in shown


def tree_of_two_columns() -> onnx.ModelProto:
    """0.25 where the second column is at most 0.5, else -0.5."""
    graph = tree_model(nodes_featureids=[1, 0, 0], target_weights=[0.25, -0.5])
    (given,), (result,) = graph.graph.input, graph.graph.output
    given.type.tensor_type.shape.dim[1].dim_value = 2
    result.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    return graph


@needs_shared
def test_a_wrong_conversion_is_not_packed(tmp_path: Path) -> None:
    given = exported("linear_svc_cal", tmp_path)
    arguments = ["pack", str(given.onnx), "--data", str(given.data), "--name", "mine"]
    models = tmp_path / "models"
    done = run("model", *arguments, "--predictions", "predicted", "--models", str(models))
    assert done.returncode == 2
    assert "the graph is not what was trained" in done.stderr
    assert not models.exists()
