"""A canary that goes wrong with real traffic is stopped, and nobody's request fails.

The releases come from model packages that pass every check; requests go through the front.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from fenqi.client import Client, Retry
from fenqi.errors import CallError
from fenqi.serving.process import ServingProcess
from fenqi.v1 import admin_pb2, admin_pb2_grpc
from tests.serving.process import serving
from tests.serving.trial_site import (
    ERRS,
    NO_VALUE_FROM,
    OF_OTHERS,
    SAME,
    SLOW,
    UNUSUAL,
    USUAL,
    make_trial_site,
)

WHY = "to see"
# Nothing stops a canary but what a test asks for.
NO_LIMITS: dict[str, Any] = {
    "guard_requests": 300,
    "guard_error_share": 1.0,
    "guard_p99_us": 0.0,
    "guard_p99_ratio": 0.0,
    "guard_psi": 0.0,
}


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_trial_site(tmp_path_factory.mktemp("trial"))


class Applicants(threading.Thread):
    """Customers who apply without a pause until `end`, with values in `usual`, one in 20 of them
    with `first` = `seldom`. Keeps what failed, and who answered how many since `forget`."""

    def __init__(self, address: str, usual: tuple[float, float], seldom: float | None) -> None:
        super().__init__()
        self._address, self._usual, self._seldom = address, usual, seldom
        self._draw = random.Random(3)
        self._ended = threading.Event()
        self.failures: list[CallError] = []
        self.answered: dict[str, int] = {}

    def run(self) -> None:
        with Client(self._address, timeout=30, retry=Retry(attempts=1)) as client:
            while not self._ended.is_set():
                try:
                    release = client.score(self._application()).release.content_hash
                except CallError as error:
                    self.failures.append(error)
                else:
                    self.answered[release] = self.answered.get(release, 0) + 1

    def _application(self) -> dict[str, object]:
        number = self._draw.randrange(10_000)
        signals = {name: self._draw.uniform(*self._usual) for name in ("first", "second")}
        if self._seldom is not None and number % 20 == 0:
            signals["first"] = self._seldom
        return {"customer_key": f"customer {number}", "signals": signals}

    def wait_for(self, count: int) -> None:
        """Until so many more were answered."""
        wanted = sum(self.answered.values()) + count
        while sum(self.answered.values()) < wanted and self.is_alive():
            self._ended.wait(0.01)

    def end(self) -> None:
        self._ended.set()
        self.join()


@contextmanager
def canary_with_traffic(
    policy: Path,
    version: str,
    usual: tuple[float, float] = USUAL,
    seldom: float | None = None,
    **limits: float,
) -> Iterator[tuple[ServingProcess, admin_pb2_grpc.AdminStub, Applicants, str]]:
    """A server whose canary, on half of the customers, has this version in its slot."""
    flags = {"policy": policy, "latency_budget_us": 1e6, **NO_LIMITS, **limits}
    with (
        serving(**flags) as process,
        grpc.insecure_channel(process.admin_address) as channel,
    ):
        stub = admin_pb2_grpc.AdminStub(channel)
        request = admin_pb2.StageRequest(bindings={"risk": f"risk/{version}"}, why=WHY)
        release = stub.Stage(request, timeout=100).release.content_hash
        applicants = Applicants(process.addresses[0], usual, seldom)
        applicants.start()
        try:
            request = admin_pb2.SetCanaryRequest(release=release, share=0.5, why=WHY)
            stub.SetCanary(request, timeout=100)
            yield process, stub, applicants, release
        finally:
            applicants.end()
        assert applicants.failures == []


@pytest.mark.parametrize(
    ("version", "traffic", "limits", "message"),
    [
        (
            ERRS,
            {"seldom": NO_VALUE_FROM + 1},
            {"guard_error_share": 0.01},
            r"^\d\.\d{3}% of \d+ requests failed \(INTERNAL \d+\), 1\.000% may$",
        ),
        (
            SLOW,
            {},
            {"guard_p99_ratio": 3.0},
            r"^its p99 is \d+ us, [\d.]+ times the champion's \d+ us; 3 times is allowed$",
        ),
        (SLOW, {}, {"guard_p99_us": 500.0}, r"^its p99 is \d+ us, 500 us is allowed$"),
        (
            OF_OTHERS,
            {},
            {"guard_psi": 0.25},
            r"^its scores have drifted: PSI [\d.]+ in slot risk, 0\.250 is allowed; of its columns "
            r"have moved (first|second) .* \(chance ",
        ),
        (
            SAME,
            {"usual": UNUSUAL},
            {"guard_psi": 0.25},
            r"^its scores have drifted: PSI [\d.]+ in slot risk, 0\.250 is allowed; of its columns "
            r"have moved (first|second) .* \(chance ",
        ),
    ],
    ids=["errors", "latency beside the champion", "latency", "drift of its model", "of inputs"],
)
def test_a_canary_that_goes_wrong_is_stopped_and_no_request_fails(
    policy: Path, version: str, traffic: Any, limits: dict[str, float], message: str
) -> None:
    with canary_with_traffic(policy, version, **traffic, **limits) as (
        process,
        stub,
        applicants,
        release,
    ):
        champion = process.engine.release.content_hash
        for fired in stub.Watch(admin_pb2.WatchRequest(), timeout=100):
            if fired.kind == "guard":
                break
        assert (fired.who, fired.release) == ("guard", release)
        assert fired.deployment == process.deployments.current.number == 3
        assert re.match(message, fired.why), fired.why
        assert set(applicants.answered) == {champion, release}
        by_canary = applicants.answered[release]
        # One call may have been under way.
        applicants.wait_for(200)
        assert applicants.answered[release] <= by_canary + 1
        assert stub.History(admin_pb2.HistoryRequest()).events[-1] == fired
        assert not stub.List(admin_pb2.ListRequest()).deployment.HasField("canary")


def test_a_canary_that_does_as_the_champion_goes_on(policy: Path) -> None:
    limits = {"guard_error_share": 0.001, "guard_psi": 0.25, "guard_p99_us": 1e6}
    with canary_with_traffic(policy, SAME, **limits) as (process, stub, applicants, _):
        applicants.wait_for(2000)
        threading.Event().wait(2.5)  # the guard has looked since
        assert process.deployments.current.canary is not None
        traffic = {one.role: one for one in stub.Traffic(admin_pb2.TrafficRequest()).releases}
        assert traffic["canary"].requests > 900
        columns = {one.column: one.drift for one in traffic["canary"].columns}
        assert min(drift.requests for drift in columns.values()) > 50


def test_a_release_over_its_latency_budget_is_not_staged_and_told_by_how_much(
    policy: Path,
) -> None:
    flags = {"policy": policy, "latency_budget_us": 200.0}
    with (
        serving(**flags) as process,
        grpc.insecure_channel(process.admin_address) as channel,
    ):
        stub = admin_pb2_grpc.AdminStub(channel)
        for dry_run in (False, True):
            request = admin_pb2.StageRequest(
                bindings={"risk": f"risk/{SLOW}"}, why=WHY, dry_run=dry_run
            )
            with pytest.raises(grpc.RpcError) as caught:
                stub.Stage(request, timeout=100)
            assert caught.value.code() == grpc.StatusCode.FAILED_PRECONDITION
            told = re.search(
                r"not ready: 99 of 100 golden requests take up to ([\d.]+) us, ([\d.]+) us above "
                r"the budget of 200.0 us",
                caught.value.details(),
            )
            assert told is not None, caught.value.details()
            assert float(told[1]) - 200 == pytest.approx(float(told[2]), abs=0.11)
        listed = stub.List(admin_pb2.ListRequest())
        assert [list(one.roles) for one in listed.releases] == [["champion"]]
        kinds = [event.kind for event in stub.History(admin_pb2.HistoryRequest()).events]
        assert kinds == ["started", "refused"]


def test_a_canary_that_was_stopped_and_is_set_again_is_judged_anew(policy: Path) -> None:
    limits = {"guard_error_share": 0.01}
    with canary_with_traffic(policy, ERRS, seldom=NO_VALUE_FROM, **limits) as (
        _,
        stub,
        applicants,
        release,
    ):
        fired = 0
        for event in stub.Watch(admin_pb2.WatchRequest(), timeout=100):
            if event.kind != "guard":
                continue
            fired += 1
            if fired == 2:
                break
            request = admin_pb2.SetCanaryRequest(release=release, share=0.5, why="once more")
            stub.SetCanary(request, timeout=100)
        assert fired == 2
        assert applicants.is_alive()
