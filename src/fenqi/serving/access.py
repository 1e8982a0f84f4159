"""Who may do what on the admin service.

Identities stand in a file, each with a role and what proves it: the SHA-256 of a token, or a name
in a client certificate:

    - {name: chen, role: approver, token_sha256: 5e88...}
    - {name: pipeline, role: operator, certificate: pipeline.example.com}

Without such a file whoever reaches the port is `local`, an approver; the port must then be one of
this machine.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from pathlib import Path
from typing import Annotated, Literal

import grpc
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fenqi.errors import ConfigurationError


class Role(IntEnum):
    """Each may do what those below it may."""

    VIEWER = 1
    OPERATOR = 2
    APPROVER = 3


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who was recognised."""

    name: str
    role: Role


class AccessError(Exception):
    """A call that is not allowed: the status code, and a sentence."""

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        self.code = code
        super().__init__(message)


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, max_length=128)
    role: Literal["viewer", "operator", "approver"]
    token_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    certificate: str | None = None

    @model_validator(mode="after")
    def _one_proof(self) -> _Entry:
        if (self.token_sha256 is None) == (self.certificate is None):
            raise ValueError("give either token_sha256 or certificate")
        return self

    @property
    def caller(self) -> Caller:
        return Caller(self.name, Role[self.role.upper()])


class Access:
    """Recognises callers."""

    def __init__(self, entries: Sequence[_Entry] | None) -> None:
        self._entries = entries

    def caller(self, context: grpc.ServicerContext) -> Caller:
        """Who calls. Raises AccessError where that is nobody known."""
        if self._entries is None:
            return Caller("local", Role.APPROVER)
        token = dict(context.invocation_metadata()).get("authorization", "")
        if token.startswith("Bearer "):
            found = hashlib.sha256(token.removeprefix("Bearer ").encode()).hexdigest()
            for entry in self._entries:
                if hmac.compare_digest(entry.token_sha256 or "", found):
                    return entry.caller
            raise AccessError(grpc.StatusCode.UNAUTHENTICATED, "the token is nobody's")
        proven = _certificate_names(context)
        for entry in self._entries:
            if entry.certificate is not None and entry.certificate in proven:
                return entry.caller
        raise AccessError(
            grpc.StatusCode.UNAUTHENTICATED,
            f"nobody is known by the certificate of {', '.join(sorted(proven))}"
            if proven
            else "send a token (`fenqi deploy --token-file FILE ...`; metadata `authorization: "
            "Bearer ...`) or show a certificate (`--tls-certificate`)",
        )

    def permitted(self, context: grpc.ServicerContext, role: Role) -> Caller:
        """Who calls, where they have at least `role`. Raises AccessError otherwise."""
        caller = self.caller(context)
        if caller.role < role:
            raise AccessError(
                grpc.StatusCode.PERMISSION_DENIED,
                f"{caller.name} is {_with_article(caller.role)}; this needs {_with_article(role)}",
            )
        return caller


def read_access(file: Path | None) -> Access:
    """The identities in `file`; without one, anybody. Raises ConfigurationError."""
    if file is None:
        return Access(None)
    try:
        tree = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
        entries = TypeAdapter(list[_Entry]).validate_python(tree)
    except OSError as error:
        raise ConfigurationError(
            f"admin_access: {file}: cannot be read: {error.strerror}"
        ) from None
    except YAMLError as error:
        raise ConfigurationError(f"admin_access: {file}: {error}") from None
    except ValidationError as error:
        problems = [
            f"admin_access: {file}: {'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors()
        ]
        raise ConfigurationError("\n".join(problems)) from None
    return Access(entries)


def is_this_machine(address: str) -> bool:
    """Whether nobody else can reach `address`."""
    try:
        return ipaddress.ip_address(address.strip("[]")).is_loopback
    except ValueError:
        return address == "localhost"


def new_token() -> tuple[str, str]:
    """A token, and its SHA-256 for the file."""
    token = secrets.token_urlsafe(32)
    return token, hashlib.sha256(token.encode()).hexdigest()


def _certificate_names(context: grpc.ServicerContext) -> set[str]:
    """The common name and the alternative names of a client certificate that was checked."""
    shown = context.auth_context()
    if shown.get("transport_security_type") != [b"ssl"]:
        return set()
    names = (*shown.get("x509_subject_alternative_name", ()), *shown.get("x509_common_name", ()))
    return {name.decode("utf-8", "replace") for name in names}


def _with_article(role: Role) -> str:
    return f"{'a' if role == Role.VIEWER else 'an'} {role.name.lower()}"
