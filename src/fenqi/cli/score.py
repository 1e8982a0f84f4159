"""`fenqi score FILE`: one application, decided by a running server or in this process."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from google.protobuf import json_format
from rich.console import Console
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from fenqi.bundled import POLICY
from fenqi.cli.answer import answer_panel
from fenqi.client import Client, Tls
from fenqi.engine import Engine
from fenqi.errors import ConfigurationError
from fenqi.v1.scoring_pb2 import ScoreResponse


def run(
    file: Path, server: str, policy: Path | None, timeout: float, tls: Tls | None, as_json: bool
) -> None:
    application = read_application(file)
    answer = _ask(application, server, policy, timeout, tls)
    if as_json:
        print(json_format.MessageToJson(answer, preserving_proto_field_name=True))
    else:
        Console().print(answer_panel(answer))


def read_application(file: Path) -> Mapping[str, Any]:
    """What the file holds; JSON is YAML too. Raises ConfigurationError where it is no mapping."""
    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
        content = YAML(typ="safe").load(text)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, YAMLError) as error:
        raise ConfigurationError(f"{file}: neither YAML nor JSON: {error}") from None
    if not isinstance(content, Mapping):
        raise ConfigurationError(f"{file}: expected an Application or a ScoreRequest")
    return content


def _ask(
    application: Mapping[str, Any],
    server: str,
    policy: Path | None,
    timeout: float,
    tls: Tls | None,
) -> ScoreResponse:
    if server and policy is not None:
        raise ConfigurationError("--server and --policy exclude each other")
    if server:
        with Client(server, tls=tls, timeout=timeout) as client:
            return client.score(application)
    return Engine.from_policy(policy or POLICY).score(application)
