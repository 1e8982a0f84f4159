"""A server that is killed at any moment comes back with what was published last."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from fenqi.client import Client, Retry
from fenqi.errors import CallError
from fenqi.v1 import admin_pb2, admin_pb2_grpc
from tests.serving.process import Command, serve_command, starting
from tests.serving.site import Site

KILLS = 12


def flags_of(site: Site) -> list[str]:
    state = ["--state", str(site.folder / "state")]
    return ["--policy", str(site.policy), *state, "--workers", "1", "--latency-budget-us", "1e6"]


@contextmanager
def admin(command: Command) -> Iterator[admin_pb2_grpc.AdminStub]:
    with grpc.insecure_channel(command.admin) as channel:
        yield admin_pb2_grpc.AdminStub(channel)


class Operator(threading.Thread):
    """Stages, tries, promotes and rolls back without a pause until the server is gone."""

    def __init__(self, site: Site, command: Command, draw: random.Random) -> None:
        super().__init__()
        self._site, self._command, self._draw = site, command, draw
        # Champion and deployment number of every change that was acknowledged.
        self.acknowledged: list[tuple[str, int]] = []

    def run(self) -> None:
        with admin(self._command) as stub:
            while True:
                try:
                    done = self._draw.choice((self._promote, self._canary, self._roll_back))(stub)
                except grpc.RpcError as error:
                    if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                        return
                else:
                    self.acknowledged.append(
                        (done.deployment.champion.content_hash, done.deployment.number)
                    )

    def _staged(self, stub: admin_pb2_grpc.AdminStub) -> str:
        version = self._draw.randrange(1, 1000)
        self._site.write_policy(version, f"rules_{version}.yaml")
        request = admin_pb2.StageRequest(policy=f"rules_{version}.yaml", why="another")
        return stub.Stage(request, timeout=60).release.content_hash

    def _promote(self, stub: admin_pb2_grpc.AdminStub) -> admin_pb2.ChangeResponse:
        request = admin_pb2.PromoteRequest(release=self._staged(stub), why="newer")
        return stub.Promote(request, timeout=60)

    def _canary(self, stub: admin_pb2_grpc.AdminStub) -> admin_pb2.ChangeResponse:
        request = admin_pb2.SetCanaryRequest(release=self._staged(stub), share=0.5, why="try")
        return stub.SetCanary(request, timeout=60)

    def _roll_back(self, stub: admin_pb2_grpc.AdminStub) -> admin_pb2.ChangeResponse:
        return stub.RollBack(admin_pb2.RollBackRequest(why="older"), timeout=60)


class Caller(threading.Thread):
    """Asks for decisions without a pause; keeps which releases answered, in order."""

    def __init__(self, command: Command) -> None:
        super().__init__()
        self._address = command.address
        self.answered: list[str] = []

    def run(self) -> None:
        request = {"loan": {"amount_fen": 1}}
        with Client(self._address, timeout=5, retry=Retry(attempts=1)) as client:
            while True:
                try:
                    release = client.score(request).release.content_hash
                except CallError:
                    return
                if self.answered[-1:] != [release]:
                    self.answered.append(release)


def test_killed_at_any_moment_a_server_comes_back_with_what_was_published(site: Site) -> None:
    draw = random.Random(20261125)
    champion, number, changes = "", 0, 0
    answered: set[str] = set()
    for _ in range(KILLS):
        with serve_command(*flags_of(site)) as command, admin(command) as stub:
            found = stub.List(admin_pb2.ListRequest(), timeout=30).deployment
            assert found.number >= number
            if found.number == number:
                assert found.champion.content_hash == champion
            history = stub.History(admin_pb2.HistoryRequest(), timeout=30)
            assert not history.damages
            # No answer ever came from a release that the state does not know to be published.
            assert answered <= {event.release for event in history.events if event.deployment}
            numbers = [event.deployment for event in history.events if event.deployment]
            assert numbers[-1] == found.number
            assert numbers == sorted(set(numbers))

            operator, caller = Operator(site, command, draw), Caller(command)
            operator.start()
            caller.start()
            time.sleep(draw.uniform(0.0, 1.5))
            command.process.kill()
            command.process.wait()
            operator.join()
            caller.join()
        if operator.acknowledged:
            champion, number = operator.acknowledged[-1]
            changes += len(operator.acknowledged)
        else:
            champion, number = found.champion.content_hash, found.number
        answered |= set(caller.answered)
    assert changes > 3
    assert len(answered) > 1


def test_a_first_start_that_is_killed_is_started_again(site: Site) -> None:
    draw = random.Random(7)
    for _ in range(3):
        with starting(*flags_of(site)) as process:
            time.sleep(draw.uniform(0.2, 2.5))
            process.kill()
            process.wait()
    with serve_command(*flags_of(site)) as command, admin(command) as stub:
        found = stub.List(admin_pb2.ListRequest(), timeout=30)
        assert found.deployment.champion.policy_version == "1"
        assert not stub.History(admin_pb2.HistoryRequest(), timeout=30).damages
