"""The client, sync and asyncio: deadlines, retries, errors, TLS."""

from __future__ import annotations

import asyncio
import datetime
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from fenqi.client import AsyncClient, Client, Retry, Tls
from fenqi.errors import (
    CallError,
    DeadlineExceededError,
    FieldViolation,
    InvalidRequestError,
    MessageTooLargeError,
    NotReadyError,
    StatusCode,
    UnavailableError,
)
from fenqi.requests import Scorable
from fenqi.v1 import application_pb2, scoring_pb2
from fenqi.v1.scoring_pb2 import ScoreResponse
from tests.client.scripted_server import scripted_server
from tests.serving.process import serving

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE
QUICK = Retry(attempts=4, first=0.01)
GOOD = {"loan": {"amount_fen": 1}}
BAD = {"loan": {"amount_fen": -1}}

Score = Callable[[str, Scorable, float], ScoreResponse]


def score_sync(target: str, scorable: Scorable, timeout: float) -> ScoreResponse:
    with Client(target, retry=QUICK) as client:
        return client.score(scorable, timeout=timeout)


def score_async(target: str, scorable: Scorable, timeout: float) -> ScoreResponse:
    async def call() -> ScoreResponse:
        async with AsyncClient(target, retry=QUICK) as client:
            return await client.score(scorable, timeout=timeout)

    return asyncio.run(call())


@pytest.fixture(params=[score_sync, score_async])
def score(request: pytest.FixtureRequest) -> Score:
    chosen: Score = request.param
    return chosen


@pytest.fixture(scope="module")
def target() -> Iterator[str]:
    with serving() as process:
        yield process.addresses[0]


def test_unavailable_is_tried_again_until_there_is_an_answer(score: Score) -> None:
    with scripted_server(UNAVAILABLE, UNAVAILABLE, UNAVAILABLE) as server:
        assert score(server.target, GOOD, 5.0).request_id == "scripted"
        assert len(server.deadlines) == 4


def test_it_gives_up_after_its_attempts(score: Score) -> None:
    with scripted_server(*[UNAVAILABLE] * 9) as server:
        with pytest.raises(UnavailableError, match="as the script says"):
            score(server.target, GOOD, 5.0)
        assert len(server.deadlines) == QUICK.attempts


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidRequestError),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, MessageTooLargeError),
        (grpc.StatusCode.FAILED_PRECONDITION, NotReadyError),
        (grpc.StatusCode.DEADLINE_EXCEEDED, DeadlineExceededError),
        (grpc.StatusCode.INTERNAL, CallError),
        (grpc.StatusCode.UNIMPLEMENTED, CallError),
    ],
)
def test_nothing_else_is_tried_again(
    score: Score, status: grpc.StatusCode, error: type[CallError]
) -> None:
    with scripted_server(status) as server:
        with pytest.raises(error) as caught:
            score(server.target, GOOD, 5.0)
        assert len(server.deadlines) == 1
    assert caught.value.code == StatusCode(status.value[0])


def test_every_attempt_carries_what_is_left_of_the_deadline(score: Score) -> None:
    with scripted_server(UNAVAILABLE, UNAVAILABLE) as server:
        score(server.target, GOOD, 3.0)
    left = [deadline for deadline in server.deadlines if deadline is not None]
    assert len(left) == 3
    # gRPC rounds a deadline up a little when it sends it.
    assert all(0 < deadline < 3.1 for deadline in left)
    assert left[2] <= left[0] + 0.05


def test_trying_again_never_passes_the_deadline(score: Score) -> None:
    began = time.monotonic()
    with scripted_server(*[UNAVAILABLE] * 9) as server, pytest.raises(CallError):
        score(server.target, GOOD, 0.05)
    assert time.monotonic() - began < 2


def test_nobody_listening_is_unavailable_or_out_of_time(score: Score) -> None:
    with pytest.raises((UnavailableError, DeadlineExceededError)):
        score("127.0.0.1:1", GOOD, 0.3)


def test_pauses_grow_up_to_the_longest() -> None:
    retry = Retry(attempts=30, first=0.02, longest=0.5)
    pauses = list(retry.pauses())
    assert len(pauses) == 29
    for attempt, pause in enumerate(pauses):
        assert 0 <= pause <= min(0.5, 0.02 * 2**attempt)
    assert len(set(pauses)) > 20  # drawn at random


def test_dictionaries_messages_and_bytes_are_the_same_request(score: Score, target: str) -> None:
    application = application_pb2.Application()
    application.loan.amount_fen = 30_000_000
    request = scoring_pb2.ScoreRequest(application=application)
    forms: list[Scorable] = [
        {"loan": {"amount_fen": 30_000_000}},
        {"loan": {"amountFen": "30000000"}},
        {"application": {"loan": {"amount_fen": 30_000_000}}},
        application,
        request,
        request.SerializeToString(),
    ]
    answers = [score(target, form, 5.0) for form in forms]
    for answer in answers:
        answer.ClearField("timings")  # differ from call to call
    assert answers[0].decision == scoring_pb2.DECISION_DECLINE
    assert all(answer == answers[0] for answer in answers)


def test_a_dictionary_that_does_not_fit_is_refused_before_it_is_sent(score: Score) -> None:
    with scripted_server() as server:
        with pytest.raises(InvalidRequestError, match="amount_fenn"):
            score(server.target, {"loan": {"amount_fenn": 1}}, 5.0)
        assert server.deadlines == []


def test_a_field_at_fault_is_named(score: Score, target: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        score(target, BAD, 5.0)
    (violation,) = caught.value.violations
    assert violation.field == "application.loan.amount_fen"
    assert "at least 0" in violation.description


def test_one_bad_application_of_a_batch_fails_alone(target: str) -> None:
    async def batch() -> list[ScoreResponse | CallError]:
        async with AsyncClient(target) as client:
            return await client.score_batch([GOOD, BAD, GOOD])

    with Client(target) as client:
        results = client.score_batch([GOOD, BAD, GOOD], timeout=5)
    good, bad, also_good = results
    assert isinstance(good, ScoreResponse) and good == also_good
    assert isinstance(bad, InvalidRequestError)
    assert [violation.field for violation in bad.violations] == ["application.loan.amount_fen"]
    assert str(asyncio.run(batch())) == str(results)


def test_a_stream_answers_in_order_sync_and_asyncio(target: str) -> None:
    requests = [{"request_id": f"r{i}", "application": GOOD} for i in range(50)]

    async def stream() -> list[str]:
        async with AsyncClient(target) as client:
            return [answer.request_id async for answer in client.score_stream(requests)]

    with Client(target) as client:
        answers = [answer.request_id for answer in client.score_stream(requests)]
    assert answers == asyncio.run(stream()) == [f"r{i}" for i in range(50)]


def test_a_bad_request_in_a_stream_is_a_typed_error(target: str) -> None:
    with Client(target) as client, pytest.raises(InvalidRequestError) as caught:
        list(client.score_stream([GOOD, BAD]))
    assert caught.value.violations[0].field == "application.loan.amount_fen"


def test_an_asyncio_call_can_be_cancelled(target: str) -> None:
    async def cancelled() -> None:
        async with AsyncClient(target) as client:
            await client.score(GOOD, timeout=5)
            task = asyncio.create_task(client.score(GOOD, timeout=5))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert (await client.score(GOOD, timeout=5)).decision

    asyncio.run(cancelled())


def test_errors_say_code_message_and_fields() -> None:
    error = InvalidRequestError(
        StatusCode.INVALID_ARGUMENT, "a: is wrong", [FieldViolation("a", "is wrong")]
    )
    assert str(error) == "INVALID_ARGUMENT: a: is wrong"
    assert error.violations == (FieldViolation("a", "is wrong"),)


@dataclass(frozen=True)
class Identity:
    """A certificate signed by itself, and its key, as PEM files."""

    certificate: Path
    key: Path


def make_identity(folder: Path, name: str) -> Identity:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    made = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    made.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return made


@pytest.mark.parametrize("front", ["epoll", "grpcio"])
def test_tls_both_ways_lets_in_only_whom_the_server_knows(tmp_path: Path, front: str) -> None:
    server, known, stranger = (
        make_identity(tmp_path, name) for name in ("server.test", "known", "stranger")
    )
    tls_flags = {
        "tls_certificate": server.certificate,
        "tls_key": server.key,
        "tls_client_ca": known.certificate,
    }

    def call(identity: Identity) -> ScoreResponse:
        tls = Tls(server.certificate, identity.certificate, identity.key, "server.test")
        with Client(process.addresses[0], tls=tls, retry=Retry(attempts=1)) as client:
            return client.score(GOOD, timeout=5)

    async def call_async(identity: Identity) -> ScoreResponse:
        tls = Tls(server.certificate, identity.certificate, identity.key, "server.test")
        async with AsyncClient(process.addresses[0], tls=tls) as client:
            return await client.score(GOOD, timeout=5)

    with serving(front=front, **tls_flags) as process:
        assert call(known).decision == scoring_pb2.DECISION_APPROVE
        assert asyncio.run(call_async(known)).decision == scoring_pb2.DECISION_APPROVE
        with pytest.raises(UnavailableError):
            call(stranger)
