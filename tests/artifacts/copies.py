"""Copies of a bundled artifact, to be changed by a test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from fenqi.artifacts import ArtifactError, load_artifact

MODELS = Path(__file__).parents[2] / "models"
SHARED = Path(__file__).parents[2].parent / "shared"
PIPELINES = SHARED / "conformance" / "models" / "pipelines"

needs_shared = pytest.mark.skipif(
    not PIPELINES.exists(), reason="the models of ../shared/conformance are not there"
)


def copy_of(name: str, top: Path) -> Path:
    """`name`, as `taiwan_gbm/1`, below `top`."""
    folder = top / name
    folder.mkdir(parents=True)
    for file in (MODELS / name).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder


def change_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Lets `change` edit the manifest."""
    path = folder / "manifest.yaml"
    manifest = YAML(typ="safe").load(path.read_text("utf-8"))
    change(manifest)
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(manifest, file)


def replace(folder: Path, name: str, content: bytes) -> None:
    """Another content of a file, with its hash in the manifest: as an attacker would."""
    (folder / name).write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    change_manifest(folder, lambda manifest: manifest["files"].update({name: digest}))


def refusal(folder: Path, **arguments: Any) -> str:
    """What loading says."""
    with pytest.raises(ArtifactError) as caught:
        load_artifact(folder, **arguments)
    return str(caught.value)
