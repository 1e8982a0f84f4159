"""`fenqi load`: the load generator, with real applications to send where none are given."""

from __future__ import annotations

import os
import sys
from io import BytesIO
from pathlib import Path

from google.protobuf import proto

from fenqi.bundled import PROJECT, TOOLS
from fenqi.errors import ConfigurationError
from fenqi.lab import taiwan

_TOOL = TOOLS / "loadgen"
_HELP = """\
usage: fenqi load [--applications=taiwan | --requests=FILE] [the load generator's own options]

--applications=taiwan  send the bundled Taiwan applications that no shipped model was trained on
                       (the default)
--requests=FILE        send these: ScoreRequests, each after its length as a varint

The load generator's own options:
"""


def run(arguments: list[str]) -> None:
    """Becomes the load generator; does not return."""
    if not _TOOL.exists():
        raise ConfigurationError(f"{_TOOL} is not built: make setup")
    if "--help" in arguments:
        print(_HELP, flush=True)
    elif not any(argument.startswith("--requests") for argument in arguments):
        arguments = [*_without_applications(arguments), f"--requests={write_requests()}"]
    sys.stdout.flush()
    os.execv(_TOOL, [str(_TOOL), *arguments])


def write_requests() -> Path:
    """The held-out Taiwan applications as a file of requests under build/."""
    serialized = BytesIO()
    for client in taiwan.load_holdout():
        proto.serialize_length_prefixed(taiwan.to_request(client), serialized)
    path = PROJECT / "build" / "load" / "taiwan.requests"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(serialized.getvalue())
    return path


def _without_applications(arguments: list[str]) -> list[str]:
    rest = []
    waiting = iter(arguments)
    for argument in waiting:
        name, _, value = argument.partition("=")
        if name != "--applications":
            rest.append(argument)
        elif (value or next(waiting, "")) != "taiwan":
            raise ConfigurationError(
                "--applications: only taiwan is bundled; use --requests=FILE for others"
            )
    return rest
