"""The commands of `fenqi deploy` with their options.

Exit codes: 0 done, 1 refused or stopped by a guard, 2 the server cannot be reached or the command
is wrong, 3 not in force yet.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from rich.console import RenderableType

    from fenqi.cli.deploy.connection import Connection

app = typer.Typer(
    help="Change and watch what a running server answers with.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

REFUSED = 1
UNREACHABLE = 2
NOT_YET = 3

# Kinds of events after which a canary answers nobody as a canary.
_ENDS_A_CANARY = ("guard", "canary_stopped", "rolled_back", "promoted", "reloaded")

_Why = Annotated[str, typer.Option(help="the reason, for the history", show_default=False)]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="do everything but keep or publish it")]
_Json = Annotated[bool, typer.Option("--json", help="print JSON, for other programs")]
_Release = Annotated[
    str, typer.Argument(help="content hash, or its first characters", show_default=False)
]


@app.callback()
def connect(
    context: typer.Context,
    server: Annotated[
        str, typer.Option(envvar="FENQI_ADMIN", help="the admin service, HOST:PORT")
    ] = "127.0.0.1:8444",
    token_file: Annotated[
        Path | None,
        typer.Option(envvar="FENQI_ADMIN_TOKEN_FILE", help="file that holds your token"),
    ] = None,
    tls_ca: Annotated[
        Path | None, typer.Option(help="PEM file of who signed the server; turns TLS on")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file to show it")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key")] = None,
    timeout: Annotated[float, typer.Option(help="seconds that a change may take")] = 120.0,
) -> None:
    """Change and watch what a running server answers with."""
    from fenqi.cli.deploy.connection import Connection, read_token
    from fenqi.client import Tls

    tls = None
    if tls_ca is not None or tls_certificate is not None:
        tls = Tls(ca=tls_ca, certificate=tls_certificate, key=tls_key)
    with _reachable():
        context.obj = Connection(server, read_token(token_file), tls, timeout)


@app.command()
def status(context: typer.Context, as_json: _Json = False) -> None:
    """Show what answers: champion, canary, shadows."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import ListRequest

    answer = _call(context, "List", ListRequest())
    _show(tables.status(answer), answer, as_json)


@app.command("list")
def list_(context: typer.Context, as_json: _Json = False) -> None:
    """List staged releases, and the model packages that the server has."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import ListRequest

    answer = _call(context, "List", ListRequest())
    _show(tables.listed(answer), answer, as_json)


@app.command()
def describe(
    context: typer.Context,
    release: Annotated[str, typer.Argument(help="content hash, champion or canary")] = "champion",
    as_json: _Json = False,
) -> None:
    """Show one release, and how it differs from the champion."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import DescribeRequest

    answer = _call(context, "Describe", DescribeRequest(release=release))
    _show(tables.described(answer), answer, as_json)


@app.command()
def stage(
    context: typer.Context,
    why: _Why,
    policy: Annotated[
        str, typer.Option(help="policy file, in the folder of the server's [default: champion's]")
    ] = "",
    slot: Annotated[
        list[str] | None,
        typer.Option(metavar="SLOT=NAME/VERSION", help="fill a slot otherwise than the policy"),
    ] = None,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Compile a policy with models, check, load and warm it, and keep the release."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import StageRequest

    request = StageRequest(policy=policy, bindings=_bindings(slot), why=why, dry_run=dry_run)
    answer = _call(context, "Stage", request)
    _show(tables.staged(answer, dry_run), answer, as_json)


@app.command()
def canary(
    context: typer.Context,
    why: _Why,
    release: Annotated[str, typer.Argument(help="content hash; none with --stop")] = "",
    share: Annotated[
        float, typer.Option(min=0, max=1, help="of the customers, 0.05 is one in twenty")
    ] = 0.0,
    stop: Annotated[bool, typer.Option("--stop", help="stop the canary")] = False,
    wait: Annotated[
        float, typer.Option(help="watch it for so many seconds; exit 1 where a guard stops it")
    ] = 0.0,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Let a release answer a share of the customers."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import SetCanaryRequest

    if stop == bool(share) or stop == bool(release):
        _wrong("give a release and a --share above 0, or --stop")
    request = SetCanaryRequest(release=release, share=share, why=why, dry_run=dry_run)
    since = _newest(context) if wait else 0
    answer = _call(context, "SetCanary", request)
    _show(tables.changed(answer, dry_run), answer, as_json)
    if wait and not dry_run and not stop:
        watched = answer.deployment.canary.release.content_hash
        for event in _events(context, since, wait):
            replaced = event.kind == "canary" and event.release != watched
            if replaced or event.kind in _ENDS_A_CANARY:
                print(tables.event_line(event).plain, file=sys.stderr)
                promoted = event.kind == "promoted" and event.release == watched
                raise typer.Exit(0 if promoted else REFUSED)


@app.command()
def shadow(
    context: typer.Context,
    why: _Why,
    releases: Annotated[
        list[str] | None, typer.Argument(help="all that there are to be; none stops them")
    ] = None,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Let releases score copies of the traffic, and answer nobody."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import SetShadowsRequest

    request = SetShadowsRequest(releases=releases or [], why=why, dry_run=dry_run)
    answer = _call(context, "SetShadows", request)
    _show(tables.changed(answer, dry_run), answer, as_json)


@app.command()
def promote(
    context: typer.Context,
    why: _Why,
    release: Annotated[str, typer.Argument(help="content hash [default: the canary]")] = "",
    wait: Annotated[float, typer.Option(help="wait so many seconds for the second approver")] = 0.0,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Make a release the champion; or approve what somebody else asked for."""
    from fenqi.v1.admin_pb2 import PromoteRequest

    request = PromoteRequest(release=release, why=why, dry_run=dry_run)
    _promotion(context, "Promote", request, wait, dry_run, as_json)


@app.command()
def reload(
    context: typer.Context,
    why: _Why,
    wait: Annotated[float, typer.Option(help="wait so many seconds for the second approver")] = 0.0,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Compile the champion's policy file again, and make the result the champion."""
    from fenqi.v1.admin_pb2 import ReloadRequest

    _promotion(context, "Reload", ReloadRequest(why=why, dry_run=dry_run), wait, dry_run, as_json)


@app.command()
def rollback(
    context: typer.Context,
    why: _Why,
    to: Annotated[
        int, typer.Option(min=0, help="number of a deployment [default: the champion before]")
    ] = 0,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Make the champion of before the champion again, without a canary."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import RollBackRequest

    answer = _call(context, "RollBack", RollBackRequest(deployment=to, why=why, dry_run=dry_run))
    _show(tables.changed(answer, dry_run), answer, as_json)


@app.command()
def history(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=0, help="the newest so many; 0 is all")] = 20,
    as_json: _Json = False,
) -> None:
    """Show who changed what, when and why. Exit 1 where the history was tampered with."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import HistoryRequest

    answer = _call(context, "History", HistoryRequest(limit=limit))
    _show(tables.history(answer), answer, as_json)
    if answer.damages:
        raise typer.Exit(REFUSED)


@app.command()
def watch(
    context: typer.Context,
    seconds: Annotated[float, typer.Option(help="end after so many; 0 goes on")] = 0.0,
    as_json: _Json = False,
) -> None:
    """Show what happens as it happens, until Ctrl-C."""
    from fenqi.cli.deploy import tables

    try:
        for event in _events(context, -1, seconds or None):
            _show(tables.event_line(event), event, as_json, indent=None)
    except KeyboardInterrupt:
        return


@app.command()
def traffic(context: typer.Context, as_json: _Json = False) -> None:
    """Show what each release does with the traffic, and how it compares with the champion."""
    from fenqi.cli.deploy import tables
    from fenqi.v1.admin_pb2 import TrafficRequest

    answer = _call(context, "Traffic", TrafficRequest())
    _show(tables.traffic(answer), answer, as_json)


@app.command()
def token(
    name: Annotated[str, typer.Argument(help="whose it is", show_default=False)],
    role: Annotated[str, typer.Argument(help="viewer, operator or approver", show_default=False)],
) -> None:
    """Make a token, and the line for the server's admin_access file."""
    from fenqi.serving.access import new_token

    if role not in ("viewer", "operator", "approver"):
        _wrong("a role is viewer, operator or approver")
    secret, sha256 = new_token()
    print(secret)
    print(f"- {{name: {name}, role: {role}, token_sha256: {sha256}}}", file=sys.stderr)


def _promotion(
    context: typer.Context, method: str, request: Any, wait: float, dry_run: bool, as_json: bool
) -> None:
    from fenqi.cli.deploy import tables

    since = _newest(context) if wait else 0
    answer = _call(context, method, request)
    _show(tables.changed(answer, dry_run), answer, as_json)
    if not answer.HasField("pending") or dry_run:
        return
    release = answer.pending.release.content_hash
    for event in _events(context, since, wait) if wait else ():
        if event.release == release and event.kind in ("promoted", "reloaded", "approval_lapsed"):
            print(tables.event_line(event).plain, file=sys.stderr)
            raise typer.Exit(REFUSED if event.kind == "approval_lapsed" else 0)
    raise typer.Exit(NOT_YET)


def _newest(context: typer.Context) -> int:
    """The sequence number of the newest event."""
    from fenqi.v1.admin_pb2 import HistoryRequest

    events = _call(context, "History", HistoryRequest(limit=1)).events
    return int(events[-1].sequence) if events else 0


def _events(context: typer.Context, after: int, seconds: float | None) -> Iterator[Any]:
    from fenqi.v1.admin_pb2 import WatchRequest

    connection: Connection = context.obj
    until = None if seconds is None else time.monotonic() + seconds
    with _reachable():
        left = None if until is None else max(0.0, until - time.monotonic())
        yield from connection.stream("Watch", WatchRequest(after=after), left)


def _call(context: typer.Context, method: str, request: Any) -> Any:
    connection: Connection = context.obj
    with _reachable():
        return connection.call(method, request)


@contextmanager
def _reachable() -> Iterator[None]:
    from fenqi.cli.deploy.connection import RefusedCall, UnreachableError
    from fenqi.errors import ConfigurationError

    try:
        yield
    except RefusedCall as error:
        print(error, file=sys.stderr)
        raise typer.Exit(REFUSED) from None
    except TimeoutError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(NOT_YET) from None
    except (UnreachableError, ConfigurationError) as error:
        print(error, file=sys.stderr)
        raise typer.Exit(UNREACHABLE) from None


def _bindings(slots: list[str] | None) -> dict[str, str]:
    bindings = {}
    for one in slots or []:
        slot, equals, artifact = one.partition("=")
        if not equals:
            _wrong(f"--slot {one}: expected SLOT=NAME/VERSION")
        bindings[slot] = artifact
    return bindings


def _wrong(message: str) -> None:
    print(message, file=sys.stderr)
    raise typer.Exit(UNREACHABLE)


def _show(table: RenderableType, message: Any, as_json: bool, indent: int | None = 2) -> None:
    if as_json:
        from google.protobuf import json_format

        text = json_format.MessageToJson(
            message,
            preserving_proto_field_name=True,
            always_print_fields_with_no_presence=True,
            indent=indent,
        )
        print(text, flush=True)
        return
    from rich.console import Console

    Console(highlight=False).print(table)
