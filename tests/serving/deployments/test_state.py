"""The state folder: a server that was killed finds what was published last."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fenqi.serving.deployments.errors import StateError, UnknownReleaseError
from fenqi.serving.deployments.history import now
from fenqi.serving.deployments.records import CanaryRecord, DeploymentRecord
from fenqi.serving.deployments.releases import ReleaseOrigin, StagedRelease
from fenqi.serving.deployments.state import State
from fenqi.v1.scoring_pb2 import ScoreRequest


def staged(number: int) -> StagedRelease:
    origin = ReleaseOrigin(
        content_hash=f"{number:064x}"[::-1],
        policy="small_loan",
        policy_version=str(number),
        models={"score": f"model/{number}"},
        policy_file="small_loan.yaml",
        bindings={},
        staged_at=now(),
        staged_by="chen",
    )
    golden = [ScoreRequest(request_id=str(number)).SerializeToString()]
    return StagedRelease(origin, bytes([number % 256]) * 5000, golden)


def publish(state: State, number: int) -> DeploymentRecord:
    """Deployment `number`, of a release of its own, which says `number` everywhere."""
    release = staged(number)
    state.releases.add(release)
    record = DeploymentRecord(
        number=state.records.next_number,
        kind="promoted",
        at=now(),
        who="chen",
        why=str(number),
        what="",
        about=release.origin.content_hash,
        champion=release.origin.content_hash,
        canary=CanaryRecord(release=release.origin.content_hash, share=0.1, salt="s"),
    )
    state.publish(record)
    state.tell(record)
    return record


def test_what_was_published_is_found_again(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        assert state.records.published is None
        records = [publish(state, number) for number in range(1, 4)]
    with State(tmp_path) as state:
        assert state.records.published == records[-1]
        assert list(state.records.before(3)) == [records[1], records[0]]
        assert [event.deployment for event in state.history.events()] == [1, 2, 3]
        release = state.releases.read(records[1].champion)
        assert release.image == staged(2).image
        assert release.golden == staged(2).golden
        assert state.releases.find(records[1].champion[:6]) == records[1].champion
        assert [o.policy_version for o in state.releases.origins()] == ["3", "2", "1"]


def test_a_second_server_cannot_use_the_folder(tmp_path: Path) -> None:
    with State(tmp_path), pytest.raises(StateError, match="another server uses it"):
        State(tmp_path)
    State(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(StateError, match="file/state: cannot be used"):
        State(file / "state")


def test_killed_between_pointer_and_history_the_line_is_written_at_the_next_start(
    tmp_path: Path,
) -> None:
    with State(tmp_path) as state:
        record = publish(state, 1).model_copy(update={"number": 2, "why": "cut off"})
        state.publish(record)
    with State(tmp_path) as state:
        assert [(e.deployment, e.why) for e in state.history.events()] == [(1, "1"), (2, "cut off")]
        assert not state.history.damages


def test_a_record_that_was_changed_or_removed_is_told_once_in_the_history(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        for number in range(1, 4):
            publish(state, number)
    first, second = (tmp_path / "deployments" / f"00000{n}.json" for n in (1, 2))
    first.write_text(first.read_text().replace("chen", "nehc"))
    second.unlink()
    for _ in range(2):
        with State(tmp_path) as state:
            told = [e.what for e in state.history.events() if e.kind == "history_damaged"]
            assert len(told) == 2
            assert "deployment 1 was changed" in told[0]
            assert "000002.json" in told[1]


@pytest.mark.parametrize("content", ["", "x", "-1\n", "7\n"])
def test_a_pointer_that_names_nothing_is_an_error_that_says_where(
    tmp_path: Path, content: str
) -> None:
    with State(tmp_path) as state:
        publish(state, 1)
    (tmp_path / "published").write_text(content)
    with pytest.raises(StateError, match=r"published: names no|000007\.json: cannot be read"):
        State(tmp_path)


@pytest.mark.parametrize("file", ["image", "golden", "release.json"])
@pytest.mark.parametrize("content", [b"", b"x", None])
def test_a_release_that_was_damaged_is_never_handed_out_and_can_be_staged_again(
    tmp_path: Path, file: str, content: bytes | None
) -> None:
    with State(tmp_path) as state:
        release = staged(1)
        state.releases.add(release)
        path = tmp_path / "releases" / release.origin.content_hash / file
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] if content is None else content)
        with pytest.raises(StateError, match=file.replace(".", r"\.")):
            state.releases.read(release.origin.content_hash)
        state.releases.add(release)
        assert state.releases.read(release.origin.content_hash) == release


def test_a_name_that_is_short_unknown_or_of_two_releases_is_refused(tmp_path: Path) -> None:
    with State(tmp_path) as state:
        for number in (0x1, 0x10000001):
            state.releases.add(staged(number))
        for name, message in (
            ("100", "at least 6"),
            ("abcdef", "no release abcdef"),
            ("100000", " or "),
        ):
            with pytest.raises(UnknownReleaseError, match=message):
                state.releases.find(name)
        assert state.releases.find("10000001") == staged(0x10000001).origin.content_hash


def _publish_until_killed(folder: Path, report: int) -> None:
    """In a process of its own: publishes 1, 2, 3 ... and reports each once it is acknowledged."""
    with State(folder) as state:
        published = state.records.published
        number = 0 if published is None else int(published.why)
        while True:
            number += 1
            publish(state, number)
            os.write(report, number.to_bytes(4))


def test_killed_at_any_moment_the_last_published_deployment_is_found(tmp_path: Path) -> None:
    draw = random.Random(20261124)
    acknowledged, moments = 0, 60
    for moment in range(moments):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(read)
            try:
                _publish_until_killed(tmp_path, write)
            finally:
                os._exit(1)
        os.close(write)
        with os.fdopen(read, "rb") as reports:
            # Every other one while it opens the folder, or publishes for the first time.
            told = reports.read(4) if moment % 2 else b""
            time.sleep(draw.uniform(0, 0.03))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told += reports.read()
        last = int.from_bytes(told[-4:]) if told else acknowledged
        with State(tmp_path) as state:
            assert state.history.damages == []
            published = state.records.published
            found = 0 if published is None else int(published.why)
            assert found in (last, last + 1)
            if published is not None:
                assert state.releases.read(published.champion).image == staged(found).image
            deployments = [e.deployment for e in state.history.events()]
            assert deployments == sorted(set(deployments))
            assert [e.why for e in state.history.events()] == [str(n) for n in range(1, found + 1)]
            assert not list(tmp_path.rglob(".tmp-*"))
        acknowledged = found
    assert acknowledged >= moments / 2


# What a publication asks of the system, one after the other.
STEPS = ("write", "fsync", "replace", "rename", "truncate", "unlink", "mkdir")


def _publish_killed_at(folder: Path, step: int, *, after: bool) -> None:
    """In a process of its own: publishes 2, and kills itself before or after that step."""
    taken = 0

    def killing(name: str, real: Callable[..., object]) -> Callable[..., object]:
        def call(*arguments: object, **options: object) -> object:
            nonlocal taken
            taken += 1
            if taken == step and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            result = real(*arguments, **options)
            if taken == step:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return call

    with State(folder) as state:
        for name in STEPS:
            setattr(os, name, killing(name, getattr(os, name)))
        publish(state, 2)


@pytest.mark.parametrize("after", [False, True])
def test_killed_at_each_step_of_a_publication_it_is_whole_or_not_there(
    tmp_path: Path, after: bool
) -> None:
    found = []
    for step in range(1, 100):
        folder = tmp_path / str(step)
        with State(folder) as state:
            publish(state, 1)
        child = os.fork()
        if child == 0:
            try:
                _publish_killed_at(folder, step, after=after)
                os._exit(0)
            finally:
                os._exit(1)
        _, status = os.waitpid(child, 0)
        with State(folder) as state:
            assert state.history.damages == []
            published = state.records.published
            assert published is not None
            found.append(int(published.why))
            assert [e.why for e in state.history.events()] == ["1", "2"][: found[-1]]
            assert state.releases.read(published.champion).image == staged(found[-1]).image
            # And it can be gone on with.
            publish(state, 3)
        if os.WIFEXITED(status):
            assert os.WEXITSTATUS(status) == 0
            break
    else:
        raise AssertionError("a publication has more steps than are tried")
    # Up to some step it is not there, and from then on it is.
    assert found == sorted(found)
    assert found[0] == 1 and found[-2:] == [2, 2]
    assert len(found) > 15
