"""What a server is told: one YAML file, the environment and flags, each value with its source.

A flag wins over the environment (`FENQI_PORT`), the environment over the file, the file over the
default. Paths in the file are relative to the file; others to the working directory.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import MarkedYAMLError

from fenqi.bundled import POLICY
from fenqi.errors import ConfigurationError

Source = Literal["default", "file", "environment", "flag"]
PREFIX = "FENQI_"


def _split(value: object) -> object:
    """The environment and flags give a list as "0,1"."""
    return [part for part in value.split(",") if part] if isinstance(value, str) else value


class ServerConfig(BaseModel):
    """Every setting of `fenqi serve`, with its default."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy: Path = Field(
        POLICY,
        description="the policy that decides; with a state that holds a deployment, that one "
        "decides, and this is only where policies to be staged are",
    )
    models: Path | None = Field(
        None, description="model packages, <name>/<version>/; `models` beside the policy's folder"
    )
    front: Literal["epoll", "grpcio"] = Field(
        "epoll", description="what answers: the C++ data plane, or grpcio around the same engine"
    )
    address: str = Field("127.0.0.1", description="numeric address to listen on; empty for none")
    port: int = Field(8443, ge=0, le=65535, description="TCP port; 0 takes a free one")
    unix_socket: Path | None = Field(None, description="Unix socket to listen on as well")
    workers: int = Field(
        len(os.sched_getaffinity(0)), ge=1, le=1024, description="threads of the data plane"
    )
    cpus: Annotated[list[int], BeforeValidator(_split)] = Field(
        [], description="processors that workers are pinned to, in turn (epoll)"
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file; cleartext where there is none"
    )
    tls_key: Path | None = Field(None, description="PEM file of the certificate's key")
    tls_client_ca: Path | None = Field(
        None, description="PEM file; clients must then show a certificate that it signed"
    )
    acknowledgement_key: Path | None = Field(
        None,
        description="file of 32 to 64 secret bytes that sign acknowledgements of quotes; the same "
        "for every server",
    )
    max_message_bytes: int = Field(
        4 << 20, ge=1, le=1 << 30, description="largest request, compressed or not"
    )
    max_concurrent_streams: int = Field(
        256, ge=1, le=1 << 20, description="calls open at once on a connection"
    )
    grace_seconds: float = Field(
        10.0, ge=0, le=3600, description="for calls in flight after SIGTERM"
    )
    admin_address: str = Field("127.0.0.1", description="address of the admin service")
    admin_port: int = Field(8444, ge=0, le=65535, description="its port; 0 takes a free one")
    admin_access: Path | None = Field(
        None, description="YAML file of who may do what there; anybody may everything without one"
    )
    admin_tls_certificate: Path | None = Field(None, description="PEM file of the admin service")
    admin_tls_key: Path | None = Field(None, description="PEM file of that certificate's key")
    admin_tls_client_ca: Path | None = Field(
        None, description="PEM file; operators must then show a certificate that it signed"
    )
    state: Path | None = Field(
        None,
        description="folder that keeps deployments and their history; without one they end with "
        "the server",
    )
    keep_releases: int = Field(
        20,
        ge=1,
        description="releases that it keeps beside those that answer: so many champions of before, "
        "to roll back to, and so many others, the newest",
    )
    restage: bool = Field(
        False,
        description="where the published release cannot be loaded, compile the policy instead",
    )
    latency_budget_us: float = Field(
        1000.0,
        gt=0,
        description="p99 of one decision, microseconds, that a release must keep to be published",
    )
    approval_seconds: float = Field(
        0.0,
        ge=0,
        description="how long a promotion waits for a second approver; 0: it needs none",
    )
    watch: Literal["off", "stage", "promote"] = Field(
        "off", description="what to do with a model version that appears in the models folder"
    )
    trusted_keys: Path | None = Field(
        None,
        description="public keys (PEM file, or folder of *.pub); model packages must be signed by "
        "one of them",
    )
    guard_requests: int = Field(
        1000, ge=1, description="requests of a canary before its guards judge it"
    )
    guard_error_share: float = Field(
        0.001, ge=0, le=1, description="share of a canary's requests that may fail"
    )
    guard_p99_us: float = Field(
        0.0, ge=0, description="p99 that a canary may have, microseconds; 0: any"
    )
    guard_p99_ratio: float = Field(
        2.0, ge=0, description="p99 that a canary may have, in the champion's; 0: any"
    )
    guard_psi: float = Field(
        0.25, ge=0, description="drift of a canary's scores from the reference; 0: any"
    )
    metrics_port: int = Field(
        0, ge=0, le=65535, description="port for Prometheus, at admin_address; 0: none"
    )

    @model_validator(mode="after")
    def _fits_together(self) -> ServerConfig:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ValueError("tls_certificate and tls_key belong together; one is missing")
        if self.tls_client_ca is not None and self.tls_certificate is None:
            raise ValueError("tls_client_ca needs tls_certificate and tls_key")
        if (self.admin_tls_certificate is None) != (self.admin_tls_key is None):
            raise ValueError(
                "admin_tls_certificate and admin_tls_key belong together; one is missing"
            )
        if self.admin_tls_client_ca is not None and self.admin_tls_certificate is None:
            raise ValueError("admin_tls_client_ca needs admin_tls_certificate and admin_tls_key")
        if self.approval_seconds and self.admin_access is None:
            raise ValueError("approval_seconds needs admin_access: who the two approvers are")
        if self.approval_seconds and self.watch == "promote":
            raise ValueError("watch: promote would promote without the second approver")
        if not self.address and self.unix_socket is None:
            raise ValueError("nothing to listen on: give address, unix_socket or both")
        return self


PATHS = tuple(
    name for name, field in ServerConfig.model_fields.items() if "Path" in str(field.annotation)
)


@dataclass(frozen=True, slots=True)
class Settings:
    """A checked configuration, and where each of its values came from."""

    values: ServerConfig
    sources: Mapping[str, Source]
    file: Path | None

    def lines(self) -> list[tuple[str, str, str]]:
        """(name, value, source) of every setting, in the order of `ServerConfig`."""
        lines: list[tuple[str, str, str]] = []
        for name in ServerConfig.model_fields:
            value = getattr(self.values, name)
            text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
            lines.append((name, "" if value is None else text, self.sources[name]))
        return lines


def load_settings(
    file: Path | None, environment: Mapping[str, str], flags: Mapping[str, Any]
) -> Settings:
    """Everything put together. `flags`: those that were given, by setting name.

    `file` may also come from FENQI_CONFIG. Raises ConfigurationError, which names the place of
    every value that cannot be used.
    """
    if file is None and environment.get(PREFIX + "CONFIG"):
        file = Path(environment[PREFIX + "CONFIG"])
    tree = _read(file) if file is not None else CommentedMap()
    given: dict[str, Any] = {}
    sources: dict[str, Source] = dict.fromkeys(ServerConfig.model_fields, "default")
    for name, value in tree.items():
        in_file = isinstance(value, str) and name in PATHS and file is not None
        given[name] = file.parent / value if in_file and file is not None else value
        sources[name] = "file"
    for name in ServerConfig.model_fields:
        if PREFIX + name.upper() in environment:
            given[name] = environment[PREFIX + name.upper()]
            sources[name] = "environment"
    for name, value in flags.items():
        given[name] = value
        sources[name] = "flag"
    try:
        values = ServerConfig.model_validate(given)
    except ValidationError as error:
        problems = [_problem(dict(one), tree, file, sources) for one in error.errors()]
        raise ConfigurationError("\n".join(problems)) from None
    return Settings(values, sources, file)


def _read(file: Path) -> CommentedMap:
    try:
        tree = YAML().load(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else str(file)
        raise ConfigurationError(f"{place}: {error.problem}") from None
    if tree is None:
        return CommentedMap()
    if not isinstance(tree, CommentedMap):
        raise ConfigurationError(f"{file}:1:1: expected settings, one `name: value` a line")
    return tree


def _problem(
    error: dict[str, Any], tree: CommentedMap, file: Path | None, sources: Mapping[str, Source]
) -> str:
    """One sentence: the value's place, its name, what is wrong."""
    message = str(error["msg"]).removeprefix("Value error, ")
    if not error["loc"]:
        return message
    name = str(error["loc"][0])
    if error["type"] == "extra_forbidden":
        message = f"there is no such setting; there are {', '.join(ServerConfig.model_fields)}"
    match sources.get(name):
        case "file":
            line, column = tree.lc.key(name)
            place = f"{file}:{line + 1}:{column + 1}: {name}"
        case "environment":
            place = PREFIX + name.upper()
        case _:
            place = "--" + name.replace("_", "-")
    return f"{place}: {message}"
