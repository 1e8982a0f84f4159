"""Whatever is wrong with an artifact is said, with the file, before anything of it runs."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from fenqi.artifacts import load_artifact
from tests.artifacts.copies import change_manifest, copy_of, refusal, replace


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copy_of("taiwan_scorecard/1", tmp_path)


def test_an_untouched_copy_loads(folder: Path) -> None:
    artifact = load_artifact(folder)
    assert artifact.manifest.name == "taiwan_scorecard"
    assert len(artifact.reference.rows) == 1000
    assert len(artifact.golden.expected) == 64


@pytest.mark.parametrize(
    "name", ["model.onnx", "golden.json", "reference.json", "parity.json", "card.md"]
)
def test_any_changed_file_is_named_with_both_hashes(folder: Path, name: str) -> None:
    listed = load_artifact(folder).manifest.files[name]
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    said = refusal(folder)
    assert name in said and listed in said and "was changed" in said


@pytest.mark.parametrize("name", ["manifest.yaml", "model.onnx", "golden.json"])
def test_a_file_that_is_absent_or_none_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    assert f"cannot read {folder / name}: No such file" in refusal(folder)
    os.mkfifo(folder / name)  # would wait for ever
    assert f"{folder / name} is no file" in refusal(folder)


def test_a_version_stands_in_its_own_folder(folder: Path) -> None:
    moved = folder.rename(folder.with_name("2"))
    assert "describes taiwan_scorecard/1, not taiwan_scorecard/2" in refusal(moved)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m.update(format=1), "it must be 2"),
        (lambda m: m.pop("materiality"), "`materiality` is missing: tier of model risk"),
        (lambda m: m.update(colour="red"), "`colour` is no key of a manifest"),
        (lambda m: m["files"].pop("golden.json"), "golden.json must be listed"),
        (lambda m: m["files"].update({"../x": "0" * 64}), "no name of a file beside"),
        (lambda m: m["files"].update({"a": "0"}), "'0' is no SHA-256"),
        (lambda m: m.update(version="../1"), "is not of the form"),
        (lambda m: m["outputs"].update(probability="p"), "either a margin or a probability"),
        (lambda m: m["calibration"].update(a=0.5), "a higher margin is a higher risk"),
        (lambda m: m.update(calibration={"kind": "isotonic"}), "`points` belong to"),
        (
            lambda m: m.update(calibration={"kind": "isotonic", "points": [[0, 0], [1, 2]]}),
            "[1, 2] is no pair of probabilities",
        ),
        (
            lambda m: m.update(calibration={"kind": "isotonic", "points": [[0, 0.5], [1, 0.4]]}),
            "[1, 0.4] does not ascend",
        ),
        (lambda m: m.update(prior_shift={"trained_on": 0, "applied_to": 1}), "greater than 0"),
        (lambda m: m["score_scale"].update(base_odds=0), "greater than 0"),
        (lambda m: m.update(expires="2028-02-30"), "date"),
        (
            lambda m: m["inputs"][0]["columns"].append(m["inputs"][0]["columns"][0]),
            "two columns are called",
        ),
    ],
)
def test_a_mistake_in_the_manifest_is_reported_with_its_line(folder, change, said) -> None:
    change_manifest(folder, change)
    assert said in refusal(folder)
    assert refusal(folder).startswith(f"{folder / 'manifest.yaml'}:")


def test_an_alias_bomb_in_the_manifest_is_refused(folder: Path) -> None:
    levels = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    levels += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    (folder / "manifest.yaml").write_text("\n".join(levels))
    assert "manifest.yaml:" in refusal(folder)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda m: m["inputs"][0].update(name="x"), "its inputs are features; the manifest says x"),
        (lambda m: m["inputs"][0].update(type="double"), "is of type float; the manifest says"),
        (lambda m: m["inputs"][0]["columns"].pop(), "has 19 columns; the manifest names 18"),
        (lambda m: m["outputs"].update(margin="logit"), "it has no output logit; there are margin"),
    ],
)
def test_a_graph_that_is_not_as_the_manifest_says_is_refused(folder, change, said) -> None:
    change_manifest(folder, change)
    text = refusal(folder)
    assert said in text and "model.onnx" in text


def edited(folder: Path, name: str, edit) -> str:
    content = json.loads((folder / name).read_text())
    edit(content)
    replace(folder, name, json.dumps(content).encode())
    return refusal(folder)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda g: g["margin"].pop(), "inputs.features has 64 rows, margin has 63"),
        (lambda g: g["inputs"]["features"][5].pop(), "inputs.features.5 has 18 values for 19"),
        (lambda g: g["inputs"].update(other=[]), "`inputs` are not the manifest's"),
        (lambda g: g.pop("margin"), "it must hold just that"),
        (lambda g: g.update(probability=[0.5] * 64), "it must hold just that"),
        (lambda g: g.update(tolerance=1), "tolerance: Input should be less than or equal"),
        (lambda g: g["inputs"]["features"][0].__setitem__(0, "much"), "could not convert"),
    ],
)
def test_golden_rows_that_do_not_fit_are_refused(folder: Path, edit, said: str) -> None:
    assert said in edited(folder, "golden.json", edit)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r["score"]["counts"].pop(), "one count more than there are edges"),
        (lambda r: r["score"]["edges"].reverse(), "edges ascend"),
        (lambda r: r["columns"].popitem(), "`columns` are not the manifest's"),
        (lambda r: r["rows"][3].pop(), "rows.3 has 18 values for 19 columns"),
        (lambda r: r.update(rows=[]), "rows: List should have at least 1 item"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(folder: Path, edit, said: str) -> None:
    assert said in edited(folder, "reference.json", edit)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is not JSON that can be read"),
        (b'{"margin": NaN}', "NaN is no JSON; a missing value is null"),
        (b"[" * 100_000, "is not JSON that can be read"),
        (b"[]", "valid dictionary"),
        (b"\xff\xfe", "is not JSON that can be read"),
    ],
)
def test_json_that_is_none_is_refused(folder: Path, content: bytes, said: str) -> None:
    for name in ("golden.json", "reference.json", "parity.json"):
        replace(folder, name, content)
        assert said in refusal(folder)
