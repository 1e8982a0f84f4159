"""What `verify` says of an artifact's explanation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fenqi.artifacts.json_file import serialize
from fenqi.artifacts.verify import Check, verify
from tests.artifacts.copies import change_manifest, copy_of, replace


def checked(folder: Path) -> Check:
    (found,) = [check for check in verify(folder) if check.subject == "explanation"]
    return found


def explain_by(folder: Path, **explanation: Any) -> None:
    change_manifest(folder, lambda manifest: manifest["explanation"].update(explanation))


def test_it_measures_the_explanation_and_compares_with_the_golden_one(tmp_path: Path) -> None:
    found = checked(copy_of("taiwan_gbm/1", tmp_path))
    assert found.outcome == "passed"
    assert "the budget is 1000 us; off from the golden contributions by " in found.detail


def test_an_explanation_beyond_its_budget_fails(tmp_path: Path) -> None:
    folder = copy_of("taiwan_gbm/1", tmp_path)
    explain_by(folder, budget_us=0.001)
    assert checked(folder).outcome == "failed"


def test_contributions_that_the_core_does_not_give_fail(tmp_path: Path) -> None:
    folder = copy_of("taiwan_gbm/1", tmp_path)
    golden = json.loads((folder / "golden.json").read_text())
    golden["contributions"][3][0] += 0.01
    replace(folder, "golden.json", serialize(golden))
    found = checked(folder)
    assert found.outcome == "failed"
    assert "by 1.0e-02 at most" in found.detail


def test_a_model_without_explanation_is_named(tmp_path: Path) -> None:
    folder = copy_of("taiwan_gbm/1", tmp_path)
    explain_by(folder, method="none")
    found = checked(folder)
    assert (found.outcome, "no reasons" in found.detail) == ("doubtful", True)
