"""TLS and mutual TLS on the data port."""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import grpc
import pytest

from tests.server.process import BINARIES, serving

x509 = pytest.importorskip("cryptography.x509")
hashes = pytest.importorskip("cryptography.hazmat.primitives.hashes")
serialization = pytest.importorskip("cryptography.hazmat.primitives.serialization")
ec = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.ec")


@dataclass
class Identity:
    certificate: Path
    key: Path


def make_identity(
    folder: Path, name: str, issuer: tuple[object, object] | None = None
) -> tuple[Identity, tuple[object, object]]:
    """A certificate for localhost, signed by `issuer` or, as an authority, by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    issuer_name, issuer_key = issuer or (subject, key)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer_name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
            ),
            critical=False,
        )
        .sign(issuer_key, hashes.SHA256())
    )
    identity = Identity(folder / f"{name}.pem", folder / f"{name}.key")
    identity.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    identity.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return identity, (subject, key)


@dataclass
class Identities:
    authority: Identity
    server: Identity
    client: Identity
    stranger: Identity


@pytest.fixture(scope="module")
def identities(tmp_path_factory: pytest.TempPathFactory) -> Identities:
    folder = tmp_path_factory.mktemp("identities")
    authority, issuer = make_identity(folder, "authority")
    server, _ = make_identity(folder, "server", issuer)
    client, _ = make_identity(folder, "client", issuer)
    stranger, _ = make_identity(folder, "stranger")
    return Identities(authority, server, client, stranger)


def tls_flags(identities: Identities) -> list[str]:
    server = identities.server
    return [f"--tls-cert={server.certificate}", f"--tls-key={server.key}"]


def credentials(identities: Identities, client: Identity | None = None) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=identities.authority.certificate.read_bytes(),
        private_key=client.key.read_bytes() if client else None,
        certificate_chain=client.certificate.read_bytes() if client else None,
    )


def test_calls_go_over_tls(identities: Identities, interop: SimpleNamespace) -> None:
    with (
        serving("interop", *tls_flags(identities)) as server,
        grpc.secure_channel(server.target, credentials(identities)) as channel,
    ):
        stub = interop.TestServiceStub(channel)
        stub.EmptyCall(interop.Empty())
        request = interop.messages.SimpleRequest(
            response_size=1 << 20, payload=interop.messages.Payload(body=bytes(3 << 20))
        )
        for _ in range(5):
            assert len(stub.UnaryCall(request).payload.body) == 1 << 20
        responses = stub.StreamingOutputCall(
            interop.messages.StreamingOutputCallRequest(
                response_parameters=[interop.messages.ResponseParameters(size=1 << 20)] * 16
            )
        )
        assert sum(len(r.payload.body) for r in responses) == 16 << 20


def test_mutual_tls_lets_in_only_those_whom_the_authority_knows(
    identities: Identities, interop: SimpleNamespace
) -> None:
    authority = f"--tls-client-ca={identities.authority.certificate}"
    with serving("interop", *tls_flags(identities), authority) as server:
        with grpc.secure_channel(
            server.target, credentials(identities, identities.client)
        ) as channel:
            interop.TestServiceStub(channel).EmptyCall(interop.Empty())
        for unknown in (None, identities.stranger):
            with (
                grpc.secure_channel(server.target, credentials(identities, unknown)) as channel,
                pytest.raises(grpc.RpcError) as raised,
            ):
                interop.TestServiceStub(channel).EmptyCall(interop.Empty(), timeout=10)
            assert raised.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_client_that_does_not_offer_h2_is_turned_away(identities: Identities) -> None:
    context = ssl.create_default_context(cafile=str(identities.authority.certificate))
    context.set_alpn_protocols(["http/1.1"])
    with (
        serving("interop", *tls_flags(identities)) as server,
        socket.create_connection(("127.0.0.1", server.port), 10) as raw,
        pytest.raises(ssl.SSLError),
    ):
        context.wrap_socket(raw, server_hostname="localhost")


def test_cleartext_and_silence_on_the_tls_port_end_in_bounded_time(identities: Identities) -> None:
    flags = [*tls_flags(identities), "--handshake-timeout-ms=300"]
    with serving("interop", *flags) as server:
        for sent in (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", b"\x16\x03\x01"):
            with socket.create_connection(("127.0.0.1", server.port), 5) as raw:
                raw.sendall(sent)
                with contextlib.suppress(ConnectionResetError):
                    while raw.recv(4096):  # an alert, perhaps
                        pass
        assert server.alive()


def test_a_wrong_key_or_a_missing_file_is_named_at_start(identities: Identities) -> None:
    good = identities.server
    for certificate, key, named in (
        (good.certificate, identities.client.key, identities.client.key),
        ("/nonexistent.pem", good.key, "/nonexistent.pem"),
    ):
        run = subprocess.run(
            [BINARIES / "interop", f"--tls-cert={certificate}", f"--tls-key={key}"],
            capture_output=True,
            text=True,
            timeout=10,
        )
        assert run.returncode == 1
        assert str(named) in run.stderr
