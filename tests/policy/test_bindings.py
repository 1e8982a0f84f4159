"""A slot may be filled with another artifact than the policy says."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from fenqi.bundled import MODELS, POLICY
from fenqi.policy import PolicyError, compile_policy


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The bundled models; the boosted one also as version 1b, with the same contents."""
    folder = tmp_path / "models"
    shutil.copytree(MODELS, folder, ignore=shutil.ignore_patterns("training"))
    other = shutil.copytree(folder / "taiwan_gbm" / "1", folder / "taiwan_gbm" / "1b")
    manifest = other / "manifest.yaml"
    text = manifest.read_text(encoding="utf-8")
    manifest.write_text(re.sub(r"(?m)^version: .*$", "version: 1b", text), encoding="utf-8")
    return folder


def test_another_version_makes_another_release_that_names_it(models: Path) -> None:
    plain = compile_policy(POLICY, models)
    slot = next(s for s, a in plain.models.items() if a.manifest.name == "taiwan_gbm")
    bound = compile_policy(POLICY, models, {slot: "taiwan_gbm/1b"})
    assert bound.models[slot].manifest.version == "1b"
    assert bound.content_hash != plain.content_hash
    same = compile_policy(POLICY, models, {slot: "taiwan_gbm/1"})
    assert same.content_hash == plain.content_hash


@pytest.mark.parametrize(
    ("bindings", "message"),
    [
        ({"nobody": "taiwan_gbm/1"}, "there is no slot nobody to fill"),
        ({"SLOT": "taiwan_gbm"}, "taiwan_gbm cannot fill it: expected name/version"),
        ({"SLOT": "../taiwan_gbm/1"}, "cannot fill it"),
        ({"SLOT": "taiwan_gbm/9"}, "taiwan_gbm/9"),
    ],
)
def test_what_cannot_fill_a_slot_is_refused_at_its_place(
    models: Path, bindings: dict[str, str], message: str
) -> None:
    slot = next(iter(compile_policy(POLICY, models).models))
    given = {slot if name == "SLOT" else name: artifact for name, artifact in bindings.items()}
    with pytest.raises(PolicyError, match=message) as caught:
        compile_policy(POLICY, models, given)
    assert caught.value.problems[0].position.line > 1
