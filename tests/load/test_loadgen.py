"""The load generator, judged by servers of which we know how they behave."""

from __future__ import annotations

import itertools
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import proto
from google.protobuf.wrappers_pb2 import StringValue

from tests.load.peers import grpc_peer, raw_peer
from tests.server.process import BINARIES

MESSAGES = [StringValue(value=text) for text in ("first", "", "a" * 40_000)]


@pytest.fixture
def requests(tmp_path: Path) -> Path:
    """Three messages: a short one, an empty one, and one that needs several DATA frames."""
    path = tmp_path / "requests"
    serialized = BytesIO()
    for message in MESSAGES:
        proto.serialize_length_prefixed(message, serialized)
    path.write_bytes(serialized.getvalue())
    return path


def command(target: str, requests: Path, *flags: str) -> list[str]:
    fixed = ["--target", target, "--requests", str(requests), "--warmup", "0", "--json", "-"]
    return [str(BINARIES / "loadgen"), *fixed, *flags]


def load(target: str, requests: Path, *flags: str, status: int = 0) -> dict[str, Any]:
    """The report of a run that exits with `status`. Every arrival must be accounted for."""
    done = subprocess.run(
        command(target, requests, *flags), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == status, done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    assert report["arrivals"] == report["answered"] + report["errors"]
    return report


def every(nth: int, act: Callable[[grpc.ServicerContext], None]) -> Any:
    """Acts on every nth call."""
    return lambda number, context: act(context) if number % nth == nth - 1 else None


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        threading.Event().wait(0.01)


def test_requests_arrive_at_the_rate_asked_for(requests: Path) -> None:
    with grpc_peer() as peer:
        report = load(peer.target, requests, "--rate", "500", "--duration", "2")
    # Poisson: 1,000 expected, standard deviation 32.
    assert 850 < report["arrivals"] < 1150
    assert report["answered"] == report["arrivals"] == len(peer.received)
    assert report["rate"] == pytest.approx(500, rel=0.15)


def test_the_messages_of_the_file_are_sent_in_turn(requests: Path) -> None:
    with grpc_peer() as peer:
        one_stream = ("--closed", "--connections", "1", "--streams", "1", "--duration", "0.3")
        load(peer.target, requests, *one_stream)
    serialized = itertools.cycle(message.SerializeToString() for message in MESSAGES)
    assert len(peer.received) > len(MESSAGES)
    assert all(got == sent for got, sent in zip(peer.received, serialized, strict=False))


def test_answers_are_compared_with_what_they_may_be(requests: Path, tmp_path: Path) -> None:
    # The peer answers each message with itself: the second choice of the first two, and neither of
    # the third's.
    answers = tmp_path / "answers"
    serialized = BytesIO()
    for text in ("no", "first", "no", "", "no", "a" * 39_999):
        proto.serialize_length_prefixed(StringValue(value=text), serialized)
    answers.write_bytes(serialized.getvalue())
    with grpc_peer() as peer:
        timing = ("--rate", "300", "--duration", "1", "--connections", "1", "--streams", "1")
        report = load(peer.target, requests, *timing, "--answers", str(answers), status=1)
    calls = len(peer.received)
    assert report["matched"] == [0, calls - calls // 3]
    assert report["mixed"] == calls // 3 > 0


def test_a_unix_socket_can_be_loaded(requests: Path, tmp_path: Path) -> None:
    with grpc_peer(unix=tmp_path / "socket") as peer:
        report = load(peer.target, requests, "--rate", "200", "--duration", "0.5")
    assert report["answered"] == len(peer.received) > 0


def test_open_loop_sees_the_queueing_that_a_closed_loop_hides(requests: Path) -> None:
    # One call in 200 takes 50 ms, and the server works on one at a time. A single waiting caller
    # meets that in 0.5 % of its calls. Of arrivals at 400/s, those of every tenth moment do.
    stall = every(200, lambda context: time.sleep(0.05))
    with grpc_peer(stall) as peer:
        alone = ("--closed", "--connections", "1", "--streams", "1", "--duration", "2")
        closed = load(peer.target, requests, *alone)
        open_loop = load(peer.target, requests, "--rate", "400", "--duration", "3")
    assert closed["answered"] > 400  # or it met no stall
    assert closed["max_us"] > 50_000
    assert closed["p99_us"] < 20_000
    assert open_loop["p99_us"] > 30_000


def test_a_request_that_finds_no_stream_waits_and_its_waiting_counts(requests: Path) -> None:
    # 50 a second are served, 150 arrive: the last of one second's arrivals waits for two.
    with grpc_peer(every(1, lambda context: time.sleep(0.02))) as peer:
        one_stream = ("--connections", "1", "--streams", "1")
        report = load(peer.target, requests, "--rate", "150", "--duration", "1", *one_stream)
    assert report["answered"] == len(peer.received) > 100
    assert report["max_us"] > report["answered"] * 20_000 - 1_100_000
    assert not report["generator_saturated"]


def test_warm_up_is_not_measured(requests: Path) -> None:
    with grpc_peer() as peer:
        timing = ("--rate", "300", "--warmup", "1", "--duration", "1")
        report = load(peer.target, requests, *timing)
    assert 200 < report["arrivals"] < 400
    assert len(peer.received) > report["arrivals"] + 200


def test_calls_that_the_server_refuses_are_counted_by_their_status(requests: Path) -> None:
    def refuse(number: int, context: grpc.ServicerContext) -> None:
        if number % 5 == 0:
            context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "full")
        if number % 5 == 1:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, "wrong")

    with grpc_peer(refuse) as peer:
        report = load(peer.target, requests, "--rate", "300", "--duration", "1", status=1)
    calls = len(peer.received)
    assert report["failed_by_status"] == {"3": (calls + 3) // 5, "8": (calls + 4) // 5}
    assert report["answered"] == calls - report["errors"]


def test_streams_that_the_server_resets_are_counted(requests: Path) -> None:
    with raw_peer(reset=True) as peer:
        timing = ("--rate", "200", "--duration", "0.5", "--connections", "1")
        report = load(peer.target, requests, *timing, status=1)
    assert report["resets"] == report["arrivals"] == peer.requests > 0


def test_requests_without_an_answer_time_out(requests: Path) -> None:
    with raw_peer() as peer:
        timing = ("--rate", "100", "--duration", "0.5", "--timeout", "0.3", "--connections", "1")
        report = load(peer.target, requests, *timing, status=1)
    assert report["timeouts"] == report["arrivals"] == peer.requests > 0


def test_an_answer_after_the_timeout_is_an_error(requests: Path) -> None:
    with grpc_peer(every(1, lambda context: time.sleep(0.03))) as peer:
        timing = ("--rate", "30", "--duration", "0.5", "--timeout", "0.01")
        report = load(peer.target, requests, *timing, status=1)
    assert report["timeouts"] == report["arrivals"] > 0


def test_a_lost_connection_ends_the_run_and_counts_what_it_carried(requests: Path) -> None:
    with raw_peer(hang_up_after=20) as peer:
        timing = ("--rate", "500", "--duration", "30", "--connections", "1", "--streams", "10000")
        report = load(peer.target, requests, *timing, status=1)
    assert report["all_lost"]
    assert report["connections_lost"] == report["arrivals"] >= 20


def test_a_server_that_hangs_up_at_once_is_a_failed_run(requests: Path) -> None:
    with raw_peer(greet=False) as peer:
        timing = ("--warmup", "5", "--rate", "10", "--connections", "1")
        report = load(peer.target, requests, *timing, status=1)
    assert report["all_lost"]
    assert report["answered"] == 0


def test_an_interrupt_ends_the_run_early_with_its_report(requests: Path) -> None:
    with grpc_peer() as peer:
        timing = command(peer.target, requests, "--rate", "200", "--duration", "600")
        with subprocess.Popen(timing, stdout=subprocess.PIPE, text=True) as process:
            until(lambda: len(peer.received) > 50)
            process.send_signal(signal.SIGINT)
            out, _ = process.communicate(timeout=10)
    report = json.loads(out)
    assert process.returncode == 0
    assert report["answered"] == report["arrivals"] == len(peer.received)


def test_a_generator_that_was_held_up_says_so(requests: Path) -> None:
    with grpc_peer() as peer:
        timing = command(peer.target, requests, "--rate", "300", "--duration", "1.5")
        with subprocess.Popen(timing, stdout=subprocess.PIPE, text=True) as process:
            until(lambda: len(peer.received) > 50)
            process.send_signal(signal.SIGSTOP)
            threading.Event().wait(0.4)
            process.send_signal(signal.SIGCONT)
            out, _ = process.communicate(timeout=20)
    report = json.loads(out)
    assert report["lateness_p99_us"] > 100_000
    assert report["generator_saturated"]
    assert report["answered"] == len(peer.received)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--target", "127.0.0.1:1"], "cannot connect to 127.0.0.1:1"),
        (["--target", "somewhere"], "is no numeric host:port"),
        (["--rate", "-1"], "rate must lie above 0"),
    ],
)
def test_a_run_that_cannot_start_says_why(requests: Path, flags: list[str], said: str) -> None:
    with grpc_peer() as peer:
        done = subprocess.run(
            command(peer.target, requests, *flags), capture_output=True, text=True, timeout=20
        )
    assert done.returncode == 2
    assert said in done.stderr
