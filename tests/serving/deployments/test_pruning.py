"""What a state folder keeps of its releases, and what it forgets."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.errors import RefusedError, UnknownReleaseError
from fenqi.serving.deployments.pruning import prune
from fenqi.serving.deployments.state import State
from tests.serving.deployments.test_deployments import WHY, stage, version
from tests.serving.deployments.test_state import publish, staged
from tests.serving.site import Site


def kept(deployments: Deployments) -> set[str]:
    """The versions of the policies that are kept."""
    return {origin.policy_version for origin in deployments.state.releases.origins()}


def test_the_newest_former_champions_and_the_newest_others_are_kept(site: Site) -> None:
    with site.deployments(keep_releases=2) as deployments:
        for number in range(2, 7):
            release = stage(site, deployments, number)
            deployments.promote("chen", release, WHY, dry_run=False)
        assert kept(deployments) == {"6", "5", "4", "3", "2"}
        for number in range(10, 15):
            stage(site, deployments, number)
        assert kept(deployments) == {"6", "5", "4", "14", "13"}
        told = [e for e in deployments.state.history.events() if e.kind == "pruned"]
        assert [e.what.split(" (")[0] for e in told] == [
            f"removes rules_only {number}" for number in (1, 2, 3, 10, 11, 12)
        ]
        assert told[0].who == "server"
        assert "newest 2 champions of before and 2 others" in told[0].why
        for number in ("5", "4"):
            deployments.roll_back("chen", 0, WHY, dry_run=False)
            assert version(deployments) == number


def test_whatever_answers_or_waits_is_kept_however_old_it_is(site: Site) -> None:
    with site.deployments(keep_releases=1, approval_seconds=600) as deployments:
        shadow, canary, asked = (stage_and_bind(site, deployments, n) for n in (2, 3, 4))
        for number in range(10, 14):
            stage(site, deployments, number)
        assert kept(deployments) == {"1", "2", "3", "4", "13"}
        record = deployments.current
        assert record.canary is not None and deployments.pending is not None
        assert (record.shadows, record.canary.release) == ((shadow,), canary)
        assert deployments.promote("li", asked, WHY, dry_run=False).pending is None
        assert version(deployments) == "4"


def stage_and_bind(site: Site, deployments: Deployments, number: int) -> str:
    release = stage(site, deployments, number)
    if number == 2:
        deployments.set_shadows("chen", [release], WHY, dry_run=False)
    elif number == 3:
        deployments.set_canary("chen", release, 0.1, WHY, dry_run=False)
    else:
        deployments.promote("chen", release, WHY, dry_run=False)
    return release


def test_one_that_is_staged_again_is_new_again(site: Site) -> None:
    with site.deployments(keep_releases=2) as deployments:
        for number in (2, 3, 2, 4):
            stage(site, deployments, number)
        assert kept(deployments) == {"1", "2", "4"}


def test_a_release_that_was_forgotten_says_so_and_can_be_staged_again(site: Site) -> None:
    with site.deployments(keep_releases=1) as deployments:
        for number in (2, 3, 4):
            deployments.promote("chen", stage(site, deployments, number), WHY, dry_run=False)
        with pytest.raises(RefusedError, match=r"kept no longer \(keep_releases\)"):
            deployments.roll_back("chen", 1, WHY, dry_run=False)
        stage(site, deployments, 5)
        forgotten = deployments.state.records.read(2).champion
        with pytest.raises(UnknownReleaseError, match="is kept here"):
            deployments.promote("chen", forgotten, WHY, dry_run=False)
        assert stage(site, deployments, 2) == forgotten
        deployments.roll_back("chen", 2, WHY, dry_run=False)
        assert version(deployments) == "2"


def test_a_smaller_number_holds_from_the_next_start(site: Site) -> None:
    with site.deployments() as deployments:
        for number in range(2, 6):
            stage(site, deployments, number)
        assert len(kept(deployments)) == 5
    with site.deployments(keep_releases=1) as deployments:
        assert kept(deployments) == {"1", "5"}


def test_a_trial_removes_nothing(site: Site) -> None:
    with site.deployments() as deployments:
        second, _ = (stage(site, deployments, number) for number in (2, 3))
        deployments._keep_releases = 1
        deployments.set_shadows("chen", [second], WHY, dry_run=True)
        file = site.write_policy(9, "rules_9.yaml")
        deployments.stage("chen", file, {}, WHY, dry_run=True)
        assert kept(deployments) == {"1", "2", "3"}


def test_where_the_history_was_tampered_with_nothing_is_removed(site: Site) -> None:
    with site.deployments() as deployments:
        for number in (2, 3, 4):
            stage(site, deployments, number)
    history = site.folder / "state" / "history.jsonl"
    history.write_text(history.read_text().replace("chen", "nehc"))
    with site.deployments(keep_releases=1) as deployments:
        stage(site, deployments, 5)
        assert kept(deployments) == {"1", "2", "3", "4", "5"}


def test_a_disk_that_fails_does_not_undo_the_change(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.deployments(keep_releases=1) as deployments:
        stage(site, deployments, 2)
        with monkeypatch.context() as broken:
            failure = OSError(errno.EIO, "Input/output error")
            broken.setattr(deployments.state.releases, "remove", Mock(side_effect=failure))
            stage(site, deployments, 3)
        assert kept(deployments) == {"1", "2", "3"}
        deployments.set_shadows("chen", [], WHY, dry_run=False)
        assert kept(deployments) == {"1", "3"}


# --- killed meanwhile ---

# What forgetting asks of the system, one after the other.
STEPS = ("write", "fsync", "replace", "rename", "truncate", "unlink", "rmdir")


def _prune_killed_at(folder: Path, step: int) -> None:
    """In a process of its own: kills itself before that step."""
    taken = 0

    def killing(real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal taken
            taken += 1
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*arguments, **options)

        return call

    with State(folder) as state:
        for name in STEPS:
            setattr(os, name, killing(getattr(os, name)))
        prune(state, 1)


def test_killed_at_each_step_every_release_is_whole_or_gone(tmp_path: Path) -> None:
    steps = 0
    for step in range(1, 100):
        folder = tmp_path / str(step)
        with State(folder) as state:
            for number in range(1, 7):
                publish(state, number)
        child = os.fork()
        if child == 0:
            try:
                _prune_killed_at(folder, step)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        with State(folder) as state:
            assert state.history.damages == []
            there = [int(origin.policy_version) for origin in state.releases.origins()]
            assert {4, 5, 6} <= set(there) <= set(range(1, 7))
            for number in there:
                found = state.releases.read(staged(number).origin.content_hash)
                assert found.image == staged(number).image
            assert sum(1 for _ in (folder / "releases").iterdir()) == len(there)
            # The next time removes the rest.
            prune(state, 1)
            assert {o.policy_version for o in state.releases.origins()} == {"4", "5", "6"}
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
        steps += 1
    assert steps > 15
