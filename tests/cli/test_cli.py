"""The command `fenqi`, run as a person would."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import fenqi
from fenqi.cli import doctor
from tests.serving.process import POLICY, serving

GOOD = "loan: {amount_fen: 500000}\n"
OVER = '{"request_id": "r-1", "application": {"loan": {"amountFen": "30000000"}}}'


def run(
    *arguments: str, stdin: str = "", folder: Path | None = None, columns: int = 160
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from fenqi.cli.main import main; main()", *arguments]
    wide = os.environ | {"COLUMNS": str(columns)}
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, timeout=100, env=wide, cwd=folder
    )


def test_version_is_the_packages() -> None:
    done = run("version")
    assert (done.returncode, done.stdout) == (0, f"{fenqi.__version__}\n")


def test_a_yaml_application_is_scored_in_this_process(tmp_path: Path) -> None:
    file = tmp_path / "application.yaml"
    file.write_text(GOOD)
    done = run("score", str(file), "--policy", str(POLICY), "--json")
    answer = json.loads(done.stdout)
    assert answer["decision"] == "DECISION_APPROVE"
    assert answer["release"]["policy"] == "rules_only"


def test_a_json_request_from_stdin_is_scored_by_a_server() -> None:
    with serving() as process:
        done = run("score", "-", "--server", process.addresses[0], "--json", stdin=OVER)
    answer = json.loads(done.stdout)
    assert answer["request_id"] == "r-1"
    assert answer["decision"] == "DECISION_DECLINE"
    assert answer["reasons"][0]["code"] == "AMOUNT"


def test_an_answer_for_people_shows_decision_reasons_and_release() -> None:
    done = run("score", "-", "--policy", str(POLICY), stdin=OVER)
    assert "decline" in done.stdout
    assert "The amount asked for is over the limit." in done.stdout
    assert "申请金额超过上限。" in done.stdout
    assert "rules_only 7" in done.stdout


@pytest.mark.parametrize(
    ("stdin", "message"),
    [
        ("loan: {amount_fen: -1}", "application.loan.amount_fen: is -1"),
        ("loan: {amount: 1}", 'no field named "amount"'),
        ("- loan", "expected an Application or a ScoreRequest"),
        ("loan: [", "neither YAML nor JSON"),
    ],
)
def test_a_wrong_application_is_told_in_a_sentence(stdin: str, message: str) -> None:
    done = run("score", "-", "--policy", str(POLICY), stdin=stdin)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("score", "absent.yaml"), "absent.yaml: cannot be read"),
        (("score", "-", "--policy", "absent.yaml"), "absent.yaml: cannot be read"),
        (("score", "-", "--server", "127.0.0.1:1", "--timeout", "0.2"), "UNAVAILABLE|DEADLINE"),
        (("serve", "--workers", "0"), "--workers: "),
        (("serve", "--policy", "absent.yaml"), "absent.yaml: cannot be read"),
        (("serve", "--policy", str(POLICY), "--address", "example"), "example"),
    ],
)
def test_a_mistake_is_told_in_a_sentence_with_status_one(
    arguments: tuple[str, ...], message: str
) -> None:
    done = run(*arguments, stdin=GOOD)
    assert done.returncode == 1
    assert re.search(message, done.stderr)
    assert "Traceback" not in done.stderr


def test_the_demo_prints_one_json_object_that_adds_up() -> None:
    done = run("demo", "--applications", "300", "--once", "--json", "-")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    summary = json.loads(line)
    assert summary["applications"] == 300
    assert summary["failed"] == 0
    assert summary["approved"] + summary["referred"] + summary["declined"] == 300
    assert summary["approval_rate"] == pytest.approx(summary["approved"] / 300, abs=1e-4)
    assert summary["bad_rate_approved"] < summary["bad_rate_all"]
    assert summary["auc"] > 0.65
    assert 0 < summary["p50_us"] <= summary["p99_us"]
    assert summary["server_stages"]["total"]["count"] == 300
    assert "principal reasons" in done.stderr


def test_the_demo_is_told_where_its_data_is_from() -> None:
    done = run("demo", "--applications", "5", "--once")
    assert "CC BY 4.0" in done.stdout
    assert "Yeh and Lien" in done.stdout


def test_the_doctor_finds_every_bundled_model_true_to_its_golden_rows() -> None:
    findings = list(doctor.artifacts())
    assert len(findings) >= 2
    assert all(not finding.mend and "golden rows" in finding.detail for finding in findings)


def test_the_doctor_asks_to_mend_a_changed_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = sorted(doctor.MODELS.glob("*/*/manifest.yaml"))[0].parent
    copy = tmp_path / bundled.parent.name / bundled.name
    copy.mkdir(parents=True)
    for file in bundled.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "model.onnx").write_bytes(b"another graph")
    monkeypatch.setattr(doctor, "MODELS", tmp_path)
    (finding,) = doctor.artifacts()
    assert "was changed" in finding.detail
    assert finding.mend


def test_the_doctor_asks_to_mend_golden_rows_that_differ(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundled = sorted(doctor.MODELS.glob("*/*/manifest.yaml"))[0].parent
    copy = tmp_path / bundled.parent.name / bundled.name
    copy.mkdir(parents=True)
    for file in bundled.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    before = (copy / "golden.json").read_bytes()
    golden = json.loads(before)
    golden["margin"][3] += 0.01
    after = json.dumps(golden).encode()
    (copy / "golden.json").write_bytes(after)
    hashes = [hashlib.sha256(content).hexdigest() for content in (before, after)]
    manifest = (copy / "manifest.yaml").read_text()
    (copy / "manifest.yaml").write_text(manifest.replace(*hashes))
    monkeypatch.setattr(doctor, "MODELS", tmp_path)
    (finding,) = doctor.artifacts()
    assert finding.mend and "64 golden rows" in finding.detail


def test_the_doctor_finds_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as process:
        port = process.addresses[0].rpartition(":")[2]
        monkeypatch.setitem(os.environ, "FENQI_PORT", port)
        findings = {finding.subject: finding for finding in doctor.ports()}
    assert findings[f"port {port}"].mend


def test_a_check_that_fails_is_a_finding_and_not_the_doctors_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken_check():  # type: ignore[no-untyped-def]
        raise OSError("no such thing")
        yield

    monkeypatch.setattr(doctor, "CHECKS", (broken_check,))
    assert doctor.run() == 1
    assert "no such thing" in capsys.readouterr().out


def test_load_sends_the_bundled_applications_at_the_rate_asked_for() -> None:
    with serving() as process:
        options = ["--rate", "200", "--duration", "1", "--warmup", "0.2", "--json", "-"]
        done = run("load", "--target", process.addresses[0], *options)
        decided = process.engine.latency()["total"]["count"]
    report = json.loads(done.stdout)
    assert (done.returncode, report["errors"]) == (0, 0), done.stderr
    assert 100 < report["answered"] <= decided


def test_load_refuses_applications_that_are_not_bundled() -> None:
    done = run("load", "--applications", "german")
    assert done.returncode == 1
    assert "only taiwan is bundled" in done.stderr
