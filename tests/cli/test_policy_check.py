"""`fenqi policy check` as an analyst and as a build would run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.cli.test_cli import run

GOOD = """policy: t
version: "1"
sources:
  declared: {consent: not_needed}
rules:
  - id: A
    when: application.loan.amount_fen > 10
    then: flag
    on_error: skip
    meaning: test
"""
WARNING = GOOD.replace("> 10", "> 10 && application.loan.amount_fen < 5")
INFORMATION = GOOD + "    proposal: true\n"


def write(folder: Path, text: str) -> str:
    path = folder / "p.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_policy_that_is_well_is_summed_up_with_status_0(tmp_path: Path) -> None:
    done = run("policy", "check", write(tmp_path, GOOD))
    assert done.returncode == 0
    assert done.stdout == "t 1 compiles: 1 rule; 0 warnings, 0 for information\n"


def test_the_proof_of_segments_is_told() -> None:
    done = run("policy", "check", str(Path(__file__).parents[1] / "data" / "small_loan.yaml"))
    assert "proven: each applicant falls in exactly one of 2 segments\n" in done.stdout


def test_a_warning_fails_the_check_and_information_only_a_strict_one(tmp_path: Path) -> None:
    done = run("policy", "check", write(tmp_path, WARNING))
    assert done.returncode == 1
    assert "p.yaml:7:11: the condition of A is never true [constant-condition]" in done.stdout
    path = write(tmp_path, INFORMATION)
    assert run("policy", "check", path).returncode == 0
    assert run("policy", "check", path, "--strict").returncode == 1


def test_what_does_not_compile_or_is_not_there_is_status_2(tmp_path: Path) -> None:
    done = run("policy", "check", write(tmp_path, GOOD.replace("amount_fen", "amount")))
    assert done.returncode == 2
    assert "p.yaml:7:27: undefined field 'amount'" in done.stderr
    done = run("policy", "check", str(tmp_path / "nowhere.yaml"))
    assert done.returncode == 2
    assert "nowhere.yaml: No such file or directory" in done.stderr


def test_findings_can_be_read_by_a_machine(tmp_path: Path) -> None:
    done = run("policy", "check", write(tmp_path, WARNING), "--json")
    content = json.loads(done.stdout)
    assert done.returncode == 1
    assert content["policy"] == "t"
    assert content["findings"] == [
        {
            "lint": "constant-condition",
            "level": "warning",
            "file": f"{tmp_path.name}/p.yaml",
            "line": 7,
            "column": 11,
            "message": "the condition of A is never true",
        }
    ]


def test_watching_checks_again_when_an_included_file_changes(tmp_path: Path) -> None:
    path = write(tmp_path, 'policy: t\nversion: "1"\ninclude: [part.yaml]\n')
    part = tmp_path / "part.yaml"
    part.write_text(GOOD.split("\n", 2)[2])
    output = tmp_path / "output"
    command = [sys.executable, "-m", "fenqi.cli.main", "policy", "check", path, "--watch"]

    def wait_for(text: str) -> None:
        limit = time.monotonic() + 30
        while text not in output.read_text() and time.monotonic() < limit:
            time.sleep(0.05)
        assert text in output.read_text()

    with output.open("wb") as stream:
        process = subprocess.Popen(command, stdout=stream, env=os.environ | {"COLUMNS": "200"})
    try:
        wait_for("1 rule; 0 warnings")
        part.write_text(WARNING.split("\n", 2)[2])
        wait_for("never true")
        part.write_text("rules: [\n")
        wait_for("not YAML")
        part.write_text(GOOD.split("\n", 2)[2] + "    owner: risk\n")
        wait_for("watching 3 files")
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
