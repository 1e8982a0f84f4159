"""`fenqi model`, run as a person would."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.artifacts.copies import MODELS, change_manifest, copy_of, needs_shared
from tests.artifacts.samples import exported
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
    assert "library and onnxruntime: 101 sample rows" in done.stdout
    assert run("model", "verify", f"{models}/mine/1").returncode == 0
    again = run("model", *arguments, "--predictions", "predicted", "--models", models)
    assert again.returncode == 2 and "never changes" in again.stderr


@needs_shared
def test_a_wrong_conversion_is_not_packed(tmp_path: Path) -> None:
    given = exported("linear_svc_cal", tmp_path)
    arguments = ["pack", str(given.onnx), "--data", str(given.data), "--name", "mine"]
    models = tmp_path / "models"
    done = run("model", *arguments, "--predictions", "predicted", "--models", str(models))
    assert done.returncode == 2
    assert "the graph is not what was trained" in done.stderr
    assert not models.exists()
