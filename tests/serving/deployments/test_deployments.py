"""What operators do with deployments: stage, canary, shadow, promote, roll back, reload."""

from __future__ import annotations

import errno
import hashlib
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from fenqi.errors import ConfigurationError, StatusCode, call_error
from fenqi.internal.v1.release_image_pb2 import ReleaseImage
from fenqi.serving.deployments import deployments as module
from fenqi.serving.deployments import records
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.deployments.errors import (
    RefusedError,
    StateError,
    TooLateError,
    UnknownReleaseError,
)
from fenqi.serving.deployments.staging import compile_release
from tests.serving.site import Site

WHY = "to see"


def stage(site: Site, deployments: Deployments, version: int) -> str:
    """Stages the policy of this version; its content hash."""
    file = site.write_policy(version, f"rules_{version}.yaml")
    return deployments.stage("chen", file, {}, WHY, dry_run=False).origin.content_hash


def kinds(deployments: Deployments) -> list[str]:
    return [event.kind for event in deployments.state.history.events()]


def version(deployments: Deployments) -> str:
    """What the engine answers with; the record says the same."""
    answers = deployments.engine.release
    assert answers.content_hash == deployments.current.champion
    return answers.policy_version


def test_the_first_start_answers_with_the_policy_of_the_settings(site: Site) -> None:
    with site.deployments() as deployments:
        assert version(deployments) == "1"
        assert deployments.current.number == 1
        assert kinds(deployments) == ["started"]


def test_a_restart_answers_as_before_also_where_the_policy_file_has_changed(site: Site) -> None:
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        deployments.promote("chen", second, WHY, dry_run=False)
        third = stage(site, deployments, 3)
        deployments.set_canary("chen", third, 0.25, WHY, dry_run=False)
        deployments.set_shadows("chen", [deployments.resolve("canary")], WHY, dry_run=False)
        before = deployments.current
    site.write_policy(9)
    for number in (2, 3):
        (site.folder / "policies" / f"rules_{number}.yaml").unlink()
    with site.deployments() as deployments:
        assert version(deployments) == "2"
        assert deployments.current == before
        running = deployments.engine.deployment
        assert running is not None and running.canary is not None
        assert (running.canary.release.content_hash, running.canary.share) == (third, 0.25)
        assert [shadow.content_hash for shadow in running.shadows] == [third]


def test_a_staged_release_answers_nobody_until_it_is_promoted(site: Site) -> None:
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        assert version(deployments) == "1"
        assert deployments.differences(second) == ["policy rules_only 1 becomes rules_only 2"]
        change = deployments.promote("chen", second[:8], "better", dry_run=False)
        assert version(deployments) == "2"
        assert change.record == deployments.current
        assert change.readiness is not None and change.readiness.ready
        told = deployments.state.history.events()[-1]
        assert (told.kind, told.who, told.why, told.deployment, told.release) == (
            "promoted",
            "chen",
            "better",
            2,
            second,
        )


def test_with_a_growing_share_the_salt_stays_and_another_canary_has_another(site: Site) -> None:
    with site.deployments() as deployments:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        salts = []
        for release, share in ((second, 0.01), (second, 0.5), (third, 0.01)):
            change = deployments.set_canary("chen", release, share, WHY, dry_run=False)
            assert change.record.canary is not None
            assert change.record.canary.share == share
            salts.append(change.record.canary.salt)
        assert salts[0] == salts[1] != salts[2]
        deployments.set_canary("chen", "", 0.0, WHY, dry_run=False)
        assert deployments.current.canary is None
        assert kinds(deployments)[-1] == "canary_stopped"
        with pytest.raises(RefusedError, match="no canary to stop"):
            deployments.set_canary("chen", "", 0.0, WHY, dry_run=False)


def test_a_promoted_canary_is_neither_canary_nor_shadow(site: Site) -> None:
    with site.deployments() as deployments:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        deployments.set_shadows("chen", [third, second], WHY, dry_run=False)
        deployments.set_canary("chen", second, 0.1, WHY, dry_run=False)
        deployments.promote("chen", "", WHY, dry_run=False)
        assert version(deployments) == "2"
        assert deployments.current.canary is None
        assert deployments.current.shadows == (third,)


def test_rolling_back_goes_back_step_by_step(site: Site) -> None:
    with site.deployments() as deployments:
        for number in (2, 3):
            release = stage(site, deployments, number)
            deployments.promote("chen", release, WHY, dry_run=False)
        fourth = stage(site, deployments, 4)
        deployments.set_canary("chen", fourth, 0.1, WHY, dry_run=False)
        deployments.roll_back("chen", 0, WHY, dry_run=False)
        assert version(deployments) == "2"
        assert deployments.current.canary is None
        # Something else in between does not change what "before" means.
        deployments.set_shadows("chen", [fourth], WHY, dry_run=False)
        deployments.roll_back("chen", 0, WHY, dry_run=False)
        assert version(deployments) == "1"
        with pytest.raises(RefusedError, match="no champion before"):
            deployments.roll_back("chen", 0, WHY, dry_run=False)
        deployments.roll_back("chen", 3, WHY, dry_run=False)
        assert version(deployments) == "3"
        deployments.promote("chen", fourth, WHY, dry_run=False)
        deployments.roll_back("chen", 0, WHY, dry_run=False)
        assert version(deployments) == "3"
        deployments.roll_back("chen", 0, WHY, dry_run=False)
        assert version(deployments) == "2"


def test_a_deployment_that_was_never_published_is_not_gone_back_to(site: Site) -> None:
    with site.deployments() as deployments:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        deployments.promote("chen", second, WHY, dry_run=False)
        cut_off = deployments.current.model_copy(update={"number": 3, "champion": third})
    # Killed between record and pointer.
    record = site.folder / "state" / "deployments" / "000003.json"
    record.write_text(cut_off.model_dump_json(exclude_none=True))
    with site.deployments() as deployments:
        for number in (3, 99, -1):
            with pytest.raises(RefusedError, match=f"no deployment {number}; .* up to 2"):
                deployments.roll_back("chen", number, WHY, dry_run=False)
        deployments.set_shadows("chen", [], WHY, dry_run=False)
        assert deployments.current.number == 3
        deployments.roll_back("chen", 0, WHY, dry_run=False)
        assert version(deployments) == "1"
        assert not deployments.state.history.damages


def test_a_reload_compiles_the_policys_file_again(site: Site) -> None:
    with site.deployments() as deployments:
        with pytest.raises(RefusedError, match="answer already"):
            deployments.reload("chen", WHY, dry_run=False)
        site.write_policy(5)
        deployments.reload("chen", WHY, dry_run=False)
        assert version(deployments) == "5"
        site.policy.write_text("policy: [", encoding="utf-8")
        with pytest.raises(RefusedError, match=r"rules\.yaml:2:1"):
            deployments.reload("chen", WHY, dry_run=False)
        assert version(deployments) == "5"
        assert kinds(deployments)[-2:] == ["reloaded", "refused"]


def test_a_trial_changes_nothing_and_leaves_no_trace(site: Site) -> None:
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        deployments.promote("chen", second, WHY, dry_run=False)
        third = stage(site, deployments, 3)
        deployments.set_canary("chen", third, 0.1, WHY, dry_run=False)
        before = (deployments.current, kinds(deployments), deployments.state.releases.origins())
        file = site.write_policy(4, "rules_4.yaml")

        trials = [
            deployments.set_canary("chen", third, 0.9, WHY, dry_run=True),
            deployments.set_canary("chen", "", 0.0, WHY, dry_run=True),
            deployments.set_shadows("chen", [third], WHY, dry_run=True),
            deployments.promote("chen", third, WHY, dry_run=True),
            deployments.roll_back("chen", 0, WHY, dry_run=True),
        ]
        site.write_policy(6, "rules_2.yaml")
        trials.append(deployments.reload("chen", WHY, dry_run=True))
        assert "rules_only 6" in trials[-1].record.what
        staged = deployments.stage("chen", file, {}, WHY, dry_run=True)
        with pytest.raises(UnknownReleaseError):
            deployments.promote("chen", staged.origin.content_hash, WHY, dry_run=True)

        assert len({trial.record.what for trial in trials}) == len(trials)
        after = (deployments.current, kinds(deployments), deployments.state.releases.origins())
        assert after == before


def test_a_release_over_its_latency_budget_is_refused_and_told_by_how_much(site: Site) -> None:
    with site.deployments() as deployments:
        kept = stage(site, deployments, 2)
    with site.deployments(latency_budget_us=0.001) as deployments:
        with pytest.raises(RefusedError, match=r"not ready: .*\d us"):
            stage(site, deployments, 3)
        with pytest.raises(RefusedError, match="not ready"):
            deployments.promote("chen", kept, WHY, dry_run=False)
        assert version(deployments) == "1"
        assert kinds(deployments)[-2:] == ["refused", "refused"]
        assert [o.policy_version for o in deployments.state.releases.origins()] == ["2", "1"]


def test_in_need_a_slow_release_is_rolled_back_to(site: Site) -> None:
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        deployments.promote("chen", second, WHY, dry_run=False)
    with site.deployments(latency_budget_us=0.001) as deployments:
        deployments.roll_back("chen", 0, WHY, dry_run=False)
        assert version(deployments) == "1"


def test_what_cannot_be_is_refused_with_the_reason(site: Site) -> None:
    with site.deployments() as deployments:
        champion = deployments.current.champion
        for refused, message in (
            (lambda: deployments.set_canary("c", champion, 0.1, WHY, False), "is the champion"),
            (lambda: deployments.set_canary("c", champion, 1.5, WHY, False), "1.5 is none"),
            (lambda: deployments.set_shadows("c", ["champion"], WHY, False), "own shadow"),
            (lambda: deployments.promote("c", "champion", WHY, False), "is the champion already"),
            (lambda: deployments.promote("c", "", WHY, False), "there is no canary"),
            (lambda: deployments.roll_back("c", 1, WHY, False), "answers already"),
            (lambda: deployments.promote("c", "0123456789", WHY, False), "no release 0123456789"),
            (
                lambda: deployments.stage("c", None, {"score": "m/1"}, WHY, False),
                "there is no slot score",
            ),
            (
                lambda: deployments.stage("c", site.folder / "none.yaml", {}, WHY, False),
                r"none\.yaml: cannot be read",
            ),
        ):
            with pytest.raises(RefusedError, match=message):
                refused()
        assert deployments.current.number == 1
        assert kinds(deployments) == ["started"] + ["refused"] * 9


# --- two approvers ---


def test_a_promotion_waits_until_somebody_else_approves_it(site: Site) -> None:
    with site.deployments(approval_seconds=600) as deployments:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        asked = deployments.promote("chen", second, "better", dry_run=False)
        assert asked.pending is not None
        assert version(deployments) == "1"
        with pytest.raises(RefusedError, match="somebody else must approve"):
            deployments.promote("chen", second, "please", dry_run=False)
        with pytest.raises(RefusedError, match="one promotion at a time"):
            deployments.promote("li", third, "mine", dry_run=False)
        assert deployments.promote("li", second, "yes", dry_run=True).pending is None
        assert deployments.pending == asked.pending
    with site.deployments(approval_seconds=600) as deployments:
        assert deployments.pending == asked.pending
        approved = deployments.promote("li", second, "yes", dry_run=False)
        assert approved.record.who == "chen, approved by li"
        assert approved.record.why == "better"
        assert version(deployments) == "2"
        assert deployments.pending is None
        assert "approval_asked" in kinds(deployments)


def test_a_promotion_that_nobody_approves_lapses(site: Site) -> None:
    with site.deployments(approval_seconds=0.05) as deployments:
        second = stage(site, deployments, 2)
        deployments.promote("chen", second, WHY, dry_run=False)
        time.sleep(0.06)
        assert deployments.pending is None
        again = deployments.promote("li", second, WHY, dry_run=False)
        assert again.pending is not None and again.pending.who == "li"
        assert version(deployments) == "1"
        assert kinds(deployments)[-3:] == ["approval_asked", "approval_lapsed", "approval_asked"]


def test_what_was_asked_for_before_another_change_cannot_be_approved(site: Site) -> None:
    with site.deployments(approval_seconds=600) as deployments:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        deployments.promote("chen", second, WHY, dry_run=False)
        deployments.set_shadows("chen", [third], WHY, dry_run=False)
        again = deployments.promote("li", second, WHY, dry_run=False)
        assert again.pending is not None and again.pending.who == "li"
        assert version(deployments) == "1"


def test_killed_between_approval_and_its_note_nothing_waits_any_more(site: Site) -> None:
    with site.deployments(approval_seconds=600) as deployments:
        second = stage(site, deployments, 2)
        deployments.promote("chen", second, WHY, dry_run=False)
        pending = (site.folder / "state" / "pending.json").read_bytes()
        deployments.promote("li", second, WHY, dry_run=False)
    (site.folder / "state" / "pending.json").write_bytes(pending)
    with site.deployments(approval_seconds=600) as deployments:
        deployments.lapse()
        deployments.set_shadows("chen", [], WHY, dry_run=False)
        assert deployments.pending is None
        assert "approval_lapsed" not in kinds(deployments)


def test_a_reload_needs_the_second_approver_too(site: Site) -> None:
    with site.deployments(approval_seconds=600) as deployments:
        site.write_policy(5)
        assert deployments.reload("chen", WHY, dry_run=False).pending is not None
        assert version(deployments) == "1"
        assert deployments.reload("li", WHY, dry_run=False).pending is None
        assert version(deployments) == "5"


# --- what cannot be found again ---


def damage_image(site: Site, content_hash: str) -> None:
    image = site.folder / "state" / "releases" / content_hash / "image"
    image.write_bytes(image.read_bytes()[:-1])


def test_without_its_release_a_server_says_so_and_restages_only_when_told(site: Site) -> None:
    with site.deployments() as deployments:
        damage_image(site, deployments.current.champion)
    site.write_policy(8)
    message = r"image: was damaged[^\n]*\n.*--restage true"
    with pytest.raises(ConfigurationError, match=message), site.deployments():
        pass
    with site.deployments(restage=True) as deployments:
        assert version(deployments) == "8"
        assert deployments.current.number == 2
        assert "was damaged" in deployments.current.why


def test_an_image_of_another_form_is_told_as_the_core_tells_it(site: Site) -> None:
    with site.deployments() as deployments:
        champion = deployments.current.champion
    folder = site.folder / "state" / "releases" / champion
    image = ReleaseImage.FromString((folder / "image").read_bytes())
    image.format += 1
    (folder / "image").write_bytes(image.SerializeToString(deterministic=True))
    about = json.loads((folder / "release.json").read_text())
    about["files"]["image"] = hashlib.sha256((folder / "image").read_bytes()).hexdigest()
    (folder / "release.json").write_text(json.dumps(about))
    with pytest.raises(ConfigurationError, match=r"cannot be loaded: .*format"), site.deployments():
        pass
    with site.deployments(restage=True) as deployments:
        assert version(deployments) == "1"
        assert deployments.current.number == 2


def test_a_canary_that_cannot_be_loaded_is_left_out_and_the_champion_answers(site: Site) -> None:
    with site.deployments() as deployments:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        deployments.set_canary("chen", second, 0.1, WHY, dry_run=False)
        deployments.set_shadows("chen", [third], WHY, dry_run=False)
        damage_image(site, second)
    with site.deployments() as deployments:
        assert version(deployments) == "1"
        assert deployments.current.canary is None
        assert deployments.current.shadows == (third,)
        assert "was damaged" in deployments.current.why


# --- an engine or a disk that fails ---


def test_what_the_engine_does_not_take_is_taken_back(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        with monkeypatch.context() as broken:
            failure = call_error(StatusCode.INTERNAL, "no memory")
            broken.setattr(deployments.engine, "deploy", Mock(side_effect=failure))
            with pytest.raises(RefusedError, match=r"did not take the deployment: .*no memory"):
                deployments.promote("chen", second, WHY, dry_run=False)
        assert version(deployments) == "1"
    with site.deployments() as deployments:
        assert version(deployments) == "1"
        deployments.promote("chen", second, WHY, dry_run=False)
        assert version(deployments) == "2"
        numbers = [e.deployment for e in deployments.state.history.events() if e.deployment]
        assert numbers == sorted(set(numbers))
        assert not deployments.state.history.damages


def test_a_full_disk_refuses_a_change_and_what_answers_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        with monkeypatch.context() as broken:
            broken.setattr(records, "write_durably", Mock(side_effect=full))
            with pytest.raises(StateError, match="cannot be written: No space"):
                deployments.promote("chen", second, WHY, dry_run=False)
        assert version(deployments) == "1"
        with monkeypatch.context() as broken:
            broken.setattr("os.write", Mock(side_effect=full))
            with pytest.raises(StateError, match="is published, but the history cannot be"):
                deployments.promote("chen", second, WHY, dry_run=False)
        assert version(deployments) == "2"
    with site.deployments() as deployments:
        assert version(deployments) == "2"
        assert "promoted" in kinds(deployments)
        assert not deployments.state.history.damages


# --- who waits how long ---


def test_who_does_not_wait_is_told_whether_the_change_goes_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.deployments() as deployments:
        second = stage(site, deployments, 2)
        begun, go_on = threading.Event(), threading.Event()
        load = deployments.engine.load

        def slow_load(image: bytes) -> object:
            begun.set()
            go_on.wait(10)
            return load(image)

        monkeypatch.setattr(deployments.engine, "load", slow_load)
        with pytest.raises(TooLateError, match="goes on"):
            deployments.promote("chen", second, WHY, dry_run=False, seconds=0.05)
        assert begun.is_set()
        with pytest.raises(TooLateError, match="nothing was done"):
            deployments.roll_back("li", 1, WHY, dry_run=False, seconds=0.05)
        go_on.set()
        deployments.set_shadows("chen", [], WHY, dry_run=False)
        assert version(deployments) == "2"
        assert kinds(deployments)[-2:] == ["promoted", "shadows"]


def test_what_is_being_compiled_keeps_no_other_change_waiting(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    with site.deployments() as deployments, ThreadPoolExecutor() as others:
        second, third = (stage(site, deployments, number) for number in (2, 3))
        begun, go_on = threading.Event(), threading.Event()

        def slow_compile(*arguments: Any) -> object:
            begun.set()
            go_on.wait(60)
            return compile_release(*arguments)

        monkeypatch.setattr(module, "compile_release", slow_compile)
        site.write_policy(9)
        reload = others.submit(deployments.reload, "chen", WHY, dry_run=False)
        staging = others.submit(stage, site, deployments, 4)
        assert begun.wait(60)
        deployments.set_canary("li", third, 0.1, WHY, dry_run=False, seconds=60)
        deployments.stop_canary(deployments.current.number, "guard", "errors").result(60)
        deployments.promote("li", second, WHY, dry_run=False, seconds=60)
        assert deployments.current.canary is None
        go_on.set()
        with pytest.raises(RefusedError, match="champion has changed since the reload began"):
            reload.result(60)
        assert staging.result(60) == deployments.state.releases.find(staging.result())
        assert version(deployments) == "2"


def test_a_release_remembers_its_policys_file_wherever_the_server_starts_next(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.folder)
    with site.deployments() as deployments:
        release = deployments.stage("chen", Path("policies/rules.yaml"), {}, WHY, dry_run=False)
        # Wherever it is read from, it is the same release.
        assert release.origin.content_hash == deployments.current.champion
        assert release.origin.policy_file == str(site.policy)


def test_a_policy_file_elsewhere_is_refused(site: Site, tmp_path: Path) -> None:
    with site.deployments() as deployments:
        sources = deployments.sources
        assert sources.policy_file("rules.yaml") == site.policy.resolve()
        for name in ("../secret.yaml", "/etc/passwd", str(tmp_path / "x.yaml")):
            with pytest.raises(RefusedError, match="where this server's policies are"):
                sources.policy_file(name)
