"""`fenqi deploy`, run as an operator would."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fenqi.serving.process import ServingProcess
from tests.serving.process import serving
from tests.serving.site import Site
from tests.serving.test_admin import write_access

COMMAND = [sys.executable, "-c", "from fenqi.cli.main import main; main()", "deploy"]


def deploy(process: ServingProcess, *arguments: str, **options: str) -> Any:
    given = [f"--{name.replace('_', '-')}={value}" for name, value in options.items()]
    command = [*COMMAND, "--server", process.admin_address, *given, *arguments]
    wide = os.environ | {"COLUMNS": "200"}
    return subprocess.run(command, capture_output=True, text=True, timeout=100, env=wide)


@contextmanager
def site_process(site: Site, **flags: Any) -> Iterator[ServingProcess]:
    site.write_policy(2, "rules_2.yaml")
    given = {"policy": site.policy, "state": site.folder / "state", "latency_budget_us": 1e6}
    with serving(**(given | flags)) as process:
        yield process


def test_a_release_is_shipped_and_taken_back_from_the_command_line(site: Site) -> None:
    with site_process(site) as process:
        staged = deploy(process, "stage", "--policy", "rules_2.yaml", "--why", "new", "--json")
        assert staged.returncode == 0, staged.stderr
        release = json.loads(staged.stdout)["release"]["content_hash"]
        assert json.loads(staged.stdout)["readiness"]["ready"] is True

        trial = deploy(process, "canary", release[:8], "--share", "0.2", "--why", "x", "--dry-run")
        assert "would be" in trial.stdout and process.deployments.current.canary is None
        done = deploy(process, "canary", release[:8], "--share", "0.2", "--why", "careful")
        assert "answers 0.2 of the customers" in done.stdout
        shown = deploy(process, "status")
        assert [line.split()[:2] for line in shown.stdout.splitlines()[2:4]] == [
            ["champion", "0.8"],
            ["canary", "0.2"],
        ]
        assert "chen" not in shown.stdout and "careful" in shown.stdout

        assert deploy(process, "promote", "--why", "well").returncode == 0
        assert process.engine.release.policy_version == "2"
        again = deploy(process, "promote", release, "--why", "well")
        assert again.returncode == 1 and "is the champion already" in again.stderr
        assert deploy(process, "rollback", "--why", "ill").returncode == 0
        assert process.engine.release.policy_version == "1"

        history = deploy(process, "history", "--json")
        told = [(event["kind"], event["why"]) for event in json.loads(history.stdout)["events"]]
        assert told[-3:] == [("promoted", "well"), ("refused", "well"), ("rolled_back", "ill")]
        listed = deploy(process, "list").stdout
        assert release[:12] in listed and "rules_only 2" in listed
        described = deploy(process, "describe", release[:8]).stdout
        assert "policy rules_only 1 becomes rules_only 2" in described
        traffic = deploy(process, "traffic").stdout
        assert traffic.splitlines()[1:4] != [] and "requests" in traffic and "swap" not in traffic


def test_a_canary_is_watched_and_a_stopped_one_is_the_exit_code(site: Site) -> None:
    with site_process(site) as process:
        staged = deploy(process, "stage", "--policy", "rules_2.yaml", "--why", "new", "--json")
        release = json.loads(staged.stdout)["release"]["content_hash"]
        arguments = ["canary", release, "--share", "1", "--why", "x", "--wait"]
        fine = deploy(process, *arguments, "0.5")
        assert fine.returncode == 0, fine.stderr

        command = [*COMMAND, "--server", process.admin_address, *arguments, "60"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as waits:
            history = process.deployments.state.history
            number = process.deployments.current.number
            assert history.wait(len(history.events()), 60)
            process.deployments.stop_canary(number + 1, "guard", "too many errors")
            assert waits.stderr is not None
            told = waits.stderr.read().decode()
            assert waits.wait(60) == 1
        assert "too many errors" in told


def test_a_promotion_that_waits_for_a_second_approver_is_not_in_force(site: Site) -> None:
    access = write_access(site.folder, ("anna", "approver", "a"), ("eve", "approver", "e"))
    tokens = {}
    for name in ("a", "e"):
        tokens[name] = site.folder / f"{name}.token"
        tokens[name].write_text(f"{name}\n", encoding="utf-8")
    with site_process(site, admin_access=access, approval_seconds=600) as process:
        refused = deploy(process, "status")
        assert refused.returncode == 1 and "send a token" in refused.stderr
        stage = ["stage", "--policy", "rules_2.yaml", "--why", "new", "--json"]
        staged = deploy(process, *stage, token_file=str(tokens["a"]))
        release = json.loads(staged.stdout)["release"]["content_hash"]
        promote = ["promote", release, "--why", "better"]
        asked = deploy(process, *promote, token_file=str(tokens["a"]))
        assert asked.returncode == 3 and "waits for a second approver" in asked.stdout
        assert "waits for" in deploy(process, "status", token_file=str(tokens["e"])).stdout
        approved = deploy(process, *promote, token_file=str(tokens["e"]))
        assert approved.returncode == 0, approved.stderr
        assert process.engine.release.policy_version == "2"


def test_a_history_that_was_tampered_with_is_the_exit_code(site: Site) -> None:
    with site_process(site) as process:
        assert deploy(process, "history").returncode == 0
    record = site.folder / "state" / "deployments" / "000001.json"
    record.write_text(record.read_text().replace("the first start", "somebody's wish"))
    with site_process(site) as process:
        shown = deploy(process, "history")
        assert shown.returncode == 1
        assert "damaged: line 1: the record of deployment 1 was changed" in shown.stdout


def test_events_are_shown_as_they_happen(site: Site) -> None:
    with site_process(site) as process:
        command = [*COMMAND, "--server", process.admin_address, "watch", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as watching:
            assert watching.stdout is not None
            lines: list[str] = []
            reader = threading.Thread(
                target=lambda out: lines.append(out.readline()), args=[watching.stdout]
            )
            reader.start()
            while reader.is_alive():
                process.deployments.set_shadows("chen", [], "tick", False)
                reader.join(0.2)
            watching.terminate()
        event = json.loads(lines[0])
        assert (event["kind"], event["who"], event["why"]) == ("shadows", "chen", "tick")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("canary", "abcdef", "--why", "x"), "--share above 0, or --stop"),
        (("canary", "--share", "0.5", "--why", "x"), "--share above 0, or --stop"),
        (("stage", "--slot", "score", "--why", "x"), "expected SLOT=NAME/VERSION"),
        (("promote", "abcdef"), "--why"),
        (("token", "chen", "king"), "viewer, operator or approver"),
        (("--token-file", "/nowhere/token", "status"), "/nowhere/token: No such file"),
        (("--tls-ca", "/nowhere/ca.pem", "status"), "/nowhere/ca.pem: cannot be read"),
        (("--tls-certificate", "x.pem", "status"), "certificate and key belong together"),
        (
            ("status",),
            "no admin service answers on 127.0.0.1:1 in cleartext: name it with --server",
        ),
    ],
)
def test_a_wrong_command_or_an_absent_server_ends_with_two(
    arguments: tuple[str, ...], message: str
) -> None:
    command = [*COMMAND, "--server", "127.0.0.1:1", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 2
    assert message in done.stderr


def test_a_new_token_fits_its_line(site: Site) -> None:
    done = subprocess.run([*COMMAND, "token", "chen", "viewer"], capture_output=True, text=True)
    access = site.folder / "access.yaml"
    access.write_text(done.stderr, encoding="utf-8")
    token = site.folder / "token"
    token.write_text(done.stdout, encoding="utf-8")
    with site_process(site, admin_access=access) as process:
        assert deploy(process, "status", token_file=str(token)).returncode == 0
