"""The admin service over the network: what operators do, and who may."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from fenqi.client import Client
from fenqi.errors import ConfigurationError
from fenqi.serving.process import ServingProcess
from fenqi.v1 import admin_pb2, admin_pb2_grpc, scoring_pb2
from tests.server.test_tls import make_identity
from tests.serving.process import serving
from tests.serving.site import Site

WHY = "to see"
Code = grpc.StatusCode


@contextmanager
def admin(process: ServingProcess) -> Iterator[admin_pb2_grpc.AdminStub]:
    with grpc.insecure_channel(process.admin_address) as channel:
        yield admin_pb2_grpc.AdminStub(channel)


@contextmanager
def refused(code: grpc.StatusCode, message: str | None = None) -> Iterator[None]:
    with pytest.raises(grpc.RpcError, match=message) as caught:
        yield
    assert caught.value.code() == code


def serving_site(site: Site, **flags: Any) -> Any:
    given = {"policy": site.policy, "state": site.folder / "state", "latency_budget_us": 1e6}
    return serving(**(given | flags))


def stage(site: Site, stub: admin_pb2_grpc.AdminStub, version: int, **call: Any) -> str:
    site.write_policy(version, f"rules_{version}.yaml")
    request = admin_pb2.StageRequest(policy=f"rules_{version}.yaml", why=WHY)
    return stub.Stage(request, **call).release.content_hash


def decision(process: ServingProcess, yuan: int) -> int:
    with Client(process.addresses[0], timeout=5) as client:
        answer = client.score({"loan": {"amount_fen": yuan * 100}})
    assert answer.release == process.engine.release
    return answer.decision


def test_a_release_goes_from_staging_to_full_traffic_and_back(site: Site) -> None:
    with serving_site(site) as process, admin(process) as stub:
        assert decision(process, 2) == scoring_pb2.DECISION_DECLINE
        release = stage(site, stub, 3)
        described = stub.Describe(admin_pb2.DescribeRequest(release=release[:8]))
        assert list(described.differences) == ["policy rules_only 1 becomes rules_only 3"]
        assert list(described.release.roles) == []

        request = admin_pb2.SetCanaryRequest(release=release, share=0.1, why="careful")
        canary = stub.SetCanary(request)
        assert canary.readiness.ready and canary.readiness.p99_us <= canary.readiness.budget_us
        assert canary.deployment.canary.share == 0.1
        assert canary.deployment.canary.release.policy_version == "3"
        shadows = stub.SetShadows(admin_pb2.SetShadowsRequest(releases=["canary"], why=WHY))
        assert [shadow.content_hash for shadow in shadows.deployment.shadows] == [release]
        roles = [one.role for one in stub.Traffic(admin_pb2.TrafficRequest()).releases]
        assert roles == ["champion", "canary", "shadow"]

        stub.Promote(admin_pb2.PromoteRequest(why="well"))
        assert decision(process, 2) == scoring_pb2.DECISION_APPROVE
        stub.RollBack(admin_pb2.RollBackRequest(why="ill"))
        assert decision(process, 2) == scoring_pb2.DECISION_DECLINE

        listed = stub.List(admin_pb2.ListRequest())
        assert listed.deployment.number == 5
        assert [list(one.roles) for one in listed.releases] == [[], ["champion"]]
        history = stub.History(admin_pb2.HistoryRequest(limit=2))
        told = [(event.kind, event.who, event.why) for event in history.events]
        assert told == [("promoted", "local", "well"), ("rolled_back", "local", "ill")]


def test_a_model_in_a_slot_is_staged_by_its_name() -> None:
    with serving(policy=None, latency_budget_us=1e6) as process, admin(process) as stub:
        listed = stub.List(admin_pb2.ListRequest())
        assert {"taiwan_gbm/1", "taiwan_scorecard/1"} <= {one.name for one in listed.packages}
        assert all(one.purpose and not one.fault for one in listed.packages)
        slot, used = next((m.slot, f"{m.name}/{m.version}") for m in process.engine.release.models)
        other = next(one.name for one in listed.packages if one.name != used)
        request = admin_pb2.StageRequest(bindings={slot: other}, why=WHY)
        staged = stub.Stage(request, timeout=100)
        described = stub.Describe(admin_pb2.DescribeRequest(release=staged.release.content_hash))
        assert list(described.differences) == [f"slot {slot}: {used} becomes {other}"]
        assert described.golden_requests > 0
        with refused(Code.FAILED_PRECONDITION, "nothing/7"):
            stub.Stage(admin_pb2.StageRequest(bindings={slot: "nothing/7"}, why=WHY))


def score_all(process: ServingProcess, yuan: int, customers: int) -> set[str]:
    """One request of each customer; the releases that answered."""
    with Client(process.addresses[0], timeout=5) as client:
        return {
            client.score(
                {"loan": {"amount_fen": yuan * 100}, "customer_key": f"customer {number}"}
            ).release.content_hash
            for number in range(customers)
        }


def test_traffic_shows_who_answered_and_whose_decisions_would_change(site: Site) -> None:
    with serving_site(site) as process, admin(process) as stub:
        champion, release = process.engine.release.content_hash, stage(site, stub, 3)
        stub.SetCanary(admin_pb2.SetCanaryRequest(release=release, share=0.5, why=WHY))
        stub.SetShadows(admin_pb2.SetShadowsRequest(releases=[release], why=WHY))
        assert score_all(process, 2, 200) == {champion, release}
        for _ in range(200):
            traffic = stub.Traffic(admin_pb2.TrafficRequest())
            by_role = {one.role: one for one in traffic.releases}
            if by_role["shadow"].comparison.compared + by_role["shadow"].comparison.missed == 200:
                break
            threading.Event().wait(0.05)
        answered = [by_role[role].requests for role in ("champion", "canary")]
        assert sum(answered) == 200 and min(answered) > 50
        assert by_role["champion"].decisions["decline"] == answered[0]
        assert by_role["canary"].decisions["approve"] == answered[1]
        seen = by_role["shadow"].comparison
        assert seen.agreed == 0
        # Everybody whom the champion declines would be approved: row decline, column approve.
        swaps = dict(enumerate(seen.swaps))
        assert swaps.pop(3 * 4) == seen.compared > 0
        assert set(swaps.values()) == {0}
        assert not by_role["champion"].HasField("comparison")


def test_a_guard_stops_a_slow_canary_and_the_champion_answers_everybody(site: Site) -> None:
    flags = {"guard_requests": 50, "guard_p99_us": 0.001, "guard_p99_ratio": 0}
    with serving_site(site, **flags) as process, admin(process) as stub:
        champion, release = process.engine.release.content_hash, stage(site, stub, 3)
        stub.SetCanary(admin_pb2.SetCanaryRequest(release=release, share=1, why=WHY))
        known = stub.History(admin_pb2.HistoryRequest()).events[-1].sequence
        assert score_all(process, 2, 60) == {release}
        fired = next(stub.Watch(admin_pb2.WatchRequest(after=known), timeout=60))
        assert (fired.kind, fired.who, fired.release) == ("guard", "guard", release)
        assert "p99" in fired.why and "0 us is allowed" in fired.why
        assert score_all(process, 2, 60) == {champion}
        assert not stub.List(admin_pb2.ListRequest()).deployment.HasField("canary")


def test_a_stream_of_events_shows_what_happens_as_it_happens(site: Site) -> None:
    with serving_site(site) as process, admin(process) as stub:
        fresh = stub.Watch(admin_pb2.WatchRequest(after=-1), timeout=60)
        whole = stub.Watch(admin_pb2.WatchRequest(after=0), timeout=60)
        assert next(whole).kind == "started"
        stage(site, stub, 2)
        assert (next(fresh).kind, next(whole).kind) == ("staged", "staged")


def test_streams_beyond_the_most_are_refused_and_do_not_block_others(site: Site) -> None:
    with serving_site(site) as process, admin(process) as stub:
        watching = [stub.Watch(admin_pb2.WatchRequest(), timeout=60) for _ in range(8)]
        for one in watching:
            assert next(one).kind == "started"
        with refused(Code.RESOURCE_EXHAUSTED, "8 callers watch already"):
            next(stub.Watch(admin_pb2.WatchRequest(), timeout=60))
        assert stub.List(admin_pb2.ListRequest(), timeout=10).deployment.number == 1
        watching.pop().cancel()
        for _ in range(100):
            try:
                assert next(stub.Watch(admin_pb2.WatchRequest(), timeout=60)).kind == "started"
                break
            except grpc.RpcError:
                threading.Event().wait(0.05)
        else:
            raise AssertionError("no stream was free again")


def test_what_cannot_be_done_ends_with_the_status_that_says_so(site: Site) -> None:
    with serving_site(site) as process, admin(process) as stub:
        with refused(Code.NOT_FOUND, "no release deadbeef"):
            stub.Promote(admin_pb2.PromoteRequest(release="deadbeef", why=WHY))
        with refused(Code.NOT_FOUND, "no canary"):
            stub.Describe(admin_pb2.DescribeRequest(release="canary"))
        with refused(Code.FAILED_PRECONDITION, "give the reason"):
            stub.RollBack(admin_pb2.RollBackRequest())
        with refused(Code.FAILED_PRECONDITION, "no champion before"):
            stub.RollBack(admin_pb2.RollBackRequest(why=WHY))
        with refused(Code.FAILED_PRECONDITION, "where this server's policies are"):
            stub.Stage(admin_pb2.StageRequest(policy="../../etc/passwd", why=WHY))
        with refused(Code.DEADLINE_EXCEEDED):
            stage(site, stub, 2, timeout=1e-4)


# --- who may ---


def write_access(folder: Path, *entries: tuple[str, str, str]) -> Path:
    """(name, role, token or certificate=...)."""
    lines = []
    for name, role, proof in entries:
        if proof.startswith("certificate="):
            proven = f"certificate: {proof.removeprefix('certificate=')}"
        else:
            proven = f"token_sha256: {hashlib.sha256(proof.encode()).hexdigest()}"
        lines.append(f"- {{name: {name}, role: {role}, {proven}}}\n")
    path = folder / "access.yaml"
    path.write_text("".join(lines), encoding="utf-8")
    return path


def bearer(token: str) -> tuple[tuple[str, str], ...]:
    return (("authorization", f"Bearer {token}"),)


READS = {
    "GetServerInfo": admin_pb2.GetServerInfoRequest(),
    "GetLatency": admin_pb2.GetLatencyRequest(),
    "List": admin_pb2.ListRequest(),
    "Describe": admin_pb2.DescribeRequest(),
    "History": admin_pb2.HistoryRequest(),
    "Traffic": admin_pb2.TrafficRequest(),
}
OPERATIONS = {
    "Stage": admin_pb2.StageRequest(),
    "SetCanary": admin_pb2.SetCanaryRequest(),
    "SetShadows": admin_pb2.SetShadowsRequest(),
    "RollBack": admin_pb2.RollBackRequest(),
}
APPROVALS = {"Promote": admin_pb2.PromoteRequest(), "Reload": admin_pb2.ReloadRequest()}
PEOPLE = (("vera", "viewer", "v"), ("olaf", "operator", "o"), ("anna", "approver", "a"))


def test_each_call_needs_its_role(site: Site) -> None:
    access = write_access(site.folder, *PEOPLE)
    with serving_site(site, admin_access=access) as process, admin(process) as stub:
        for methods, rank in ((READS, 0), (OPERATIONS, 1), (APPROVALS, 2)):
            for method, request in methods.items():
                call = getattr(stub, method)
                for number, (name, role, token) in enumerate(PEOPLE):
                    if number < rank:
                        with refused(Code.PERMISSION_DENIED, f"{name} is an? {role}"):
                            call(request, metadata=bearer(token))
                    elif rank == 0:
                        call(request, metadata=bearer(token))
                    else:
                        # Allowed, and refused for want of a reason.
                        with refused(Code.FAILED_PRECONDITION, "give the reason"):
                            call(request, metadata=bearer(token))
                with refused(Code.UNAUTHENTICATED, "send a token"):
                    call(request)
                with refused(Code.UNAUTHENTICATED, "nobody's"):
                    call(request, metadata=bearer("x"))
        with refused(Code.UNAUTHENTICATED, "send a token"):
            next(stub.Watch(admin_pb2.WatchRequest(), timeout=10))
        watch = stub.Watch(admin_pb2.WatchRequest(), timeout=10, metadata=bearer("v"))
        assert next(watch).kind == "started"


def test_the_history_names_who_proved_it(site: Site) -> None:
    access = write_access(site.folder, *PEOPLE)
    with serving_site(site, admin_access=access) as process, admin(process) as stub:
        release = stage(site, stub, 2, metadata=bearer("o"))
        request = admin_pb2.PromoteRequest(release=release, why=WHY)
        stub.Promote(request, metadata=bearer("a"))
        events = stub.History(admin_pb2.HistoryRequest(), metadata=bearer("v")).events
        assert [event.who for event in events] == ["server", "olaf", "anna"]


def test_two_approvers_are_two_identities(site: Site) -> None:
    access = write_access(site.folder, *PEOPLE, ("eve", "approver", "e"))
    flags = {"admin_access": access, "approval_seconds": 600}
    with serving_site(site, **flags) as process, admin(process) as stub:
        release = stage(site, stub, 2, metadata=bearer("o"))
        request = admin_pb2.PromoteRequest(release=release, why=WHY)
        asked = stub.Promote(request, metadata=bearer("a"))
        assert asked.HasField("pending") and asked.deployment.number == 1
        assert stub.List(admin_pb2.ListRequest(), metadata=bearer("v")).pending == asked.pending
        with refused(Code.FAILED_PRECONDITION, "somebody else"):
            stub.Promote(request, metadata=bearer("a"))
        approved = stub.Promote(request, metadata=bearer("e"))
        assert approved.deployment.champion.policy_version == "2"
        assert approved.deployment.who == "anna, approved by eve"


def test_mutual_tls_names_the_caller(site: Site) -> None:
    authority, signing = make_identity(site.folder, "authority")
    server, _ = make_identity(site.folder, "server", signing)
    pipeline, _ = make_identity(site.folder, "pipeline", signing)
    other, _ = make_identity(site.folder, "other", signing)
    stranger, _ = make_identity(site.folder, "stranger")
    access = write_access(site.folder, ("ci", "operator", "certificate=pipeline"))
    flags = {
        "admin_access": access,
        "admin_tls_certificate": server.certificate,
        "admin_tls_key": server.key,
        "admin_tls_client_ca": authority.certificate,
    }

    def call(identity: Any) -> Any:
        credentials = grpc.ssl_channel_credentials(
            authority.certificate.read_bytes(),
            None if identity is None else identity.key.read_bytes(),
            None if identity is None else identity.certificate.read_bytes(),
        )
        with grpc.secure_channel(process.admin_address, credentials) as channel:
            stub = admin_pb2_grpc.AdminStub(channel)
            stage(site, stub, 2, timeout=30)
            return stub.History(admin_pb2.HistoryRequest(), timeout=30).events[-1].who

    with serving_site(site, **flags) as process:
        assert call(pipeline) == "ci"
        with refused(Code.UNAUTHENTICATED, "nobody is known by the certificate of .*other"):
            call(other)
        for unsigned in (stranger, None):
            with refused(Code.UNAVAILABLE):
                call(unsigned)


def test_an_open_admin_port_beyond_this_machine_is_refused(site: Site) -> None:
    access = write_access(site.folder, *PEOPLE)
    for flags, message in (
        ({}, "anybody there could change"),
        ({"admin_access": access}, "tokens would travel in clear"),
    ):
        with (
            pytest.raises(ConfigurationError, match=message),
            serving_site(site, admin_address="0.0.0.0", **flags),
        ):
            pass


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("- {name: a, role: king, token_sha256: " + "0" * 64 + "}", r"access\.yaml: 0\.role"),
        ("- {name: a, role: viewer}", "give either token_sha256 or certificate"),
        ("- {name: a, role: viewer, token_sha256: secret}", r"0\.token_sha256"),
        ("a: [", "access.yaml: "),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_access_file_is_refused_with_its_place(
    site: Site, text: str | None, message: str
) -> None:
    path = site.folder / "access.yaml"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with (
        pytest.raises(ConfigurationError, match=message),
        serving_site(site, admin_access=path),
    ):
        pass
