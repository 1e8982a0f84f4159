"""The watched folder: versions are brought in when they are complete, and broken ones told once."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import pytest

from fenqi.bundled import MODELS, POLICY
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.history import Event
from fenqi.serving.deployments.watched_folder import WatchedFolder
from tests.serving.artifacts import pack_version
from tests.serving.site import Site

MODEL = "taiwan_gbm"


@pytest.fixture
def model_site(tmp_path: Path) -> Site:
    """The bundled policy and its models."""
    shutil.copytree(MODELS, tmp_path / "models", ignore=shutil.ignore_patterns("training"))
    shutil.copytree(POLICY.parent, tmp_path / "policies")
    (tmp_path / "policies" / POLICY.name).rename(tmp_path / "policies" / "rules.yaml")
    return Site(tmp_path)


@contextmanager
def watching(
    site: Site, then: Literal["stage", "promote"], settled_seconds: float = 0.3
) -> Iterator[tuple[Deployments, Callable[[str], Event]]]:
    """Deployments with a watched folder, and what waits for the next event of a kind."""
    with site.deployments() as deployments:
        folder = WatchedFolder(deployments, then, 0.02, settled_seconds)
        folder.start()
        seen = 0

        def next_event(kind: str) -> Event:
            nonlocal seen
            until = time.monotonic() + 60
            while time.monotonic() < until:
                for event in deployments.state.history.wait(seen, 1):
                    seen = event.sequence
                    if event.kind == kind:
                        return event
            raise AssertionError(f"no {kind}: {deployments.state.history.events()}")

        try:
            yield deployments, next_event
        finally:
            folder.stop()


def slots(deployments: Deployments) -> dict[str, str]:
    return deployments.champion.models


def test_a_version_that_appears_is_staged_in_the_slots_of_its_model(model_site: Site) -> None:
    with watching(model_site, "stage") as (deployments, next_event):
        (slot,) = (s for s, name in slots(deployments).items() if name == f"{MODEL}/1")
        pack_version(model_site.folder / "models" / MODEL, "2")
        staged = next_event("staged")
        assert (staged.who, staged.deployment) == ("watch", None)
        assert f"{slot}: {MODEL}/2" in staged.what
        assert slots(deployments)[slot] == f"{MODEL}/1"


def test_it_is_promoted_where_settings_say_so(model_site: Site) -> None:
    with watching(model_site, "promote") as (deployments, next_event):
        pack_version(model_site.folder / "models" / MODEL, "2")
        next_event("promoted")
        assert f"{MODEL}/2" in slots(deployments).values()


def test_a_copy_that_takes_its_time_is_waited_for(model_site: Site, tmp_path: Path) -> None:
    made = pack_version(tmp_path / "elsewhere" / MODEL, "2", model_site.folder / "models" / MODEL)
    with watching(model_site, "stage") as (deployments, next_event):
        folder = model_site.folder / "models" / MODEL / "2"
        folder.mkdir()
        # The manifest comes first: at every moment the version looks as if it were there.
        for file in sorted(made.iterdir(), key=lambda path: path.name != "manifest.yaml"):
            content = file.read_bytes()
            half = len(content) // 2
            (folder / file.name).write_bytes(content[:half])
            time.sleep(0.1)
            (folder / file.name).write_bytes(content)
        next_event("staged")
        assert not [e for e in deployments.state.history.events() if e.kind == "artifact"]


def test_a_broken_version_is_told_once_with_the_reason(model_site: Site) -> None:
    with watching(model_site, "promote", 0.1) as (deployments, next_event):
        made = pack_version(model_site.folder / "elsewhere" / MODEL, "2")
        (made / "model.onnx").write_bytes(b"broken")
        made.rename(model_site.folder / "models" / MODEL / "2")
        told = next_event("artifact")
        assert f"{MODEL}/2 is broken" in told.what and "model.onnx" in told.what
        pack_version(model_site.folder / "models" / MODEL, "3")
        next_event("promoted")
        told_again = [e for e in deployments.state.history.events() if e.kind == "artifact"]
        assert told_again == [told]


def test_a_model_that_no_slot_holds_is_told(model_site: Site) -> None:
    with watching(model_site, "promote") as (_, next_event):
        unused = model_site.folder / "models" / "another"
        pack_version(unused, "1", model_site.folder / "models" / MODEL, name="another")
        assert "no slot with another" in next_event("artifact").what
