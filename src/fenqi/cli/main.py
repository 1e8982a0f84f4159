"""The command `fenqi`: what it can do, with each command's options. The work is in its own file.

Modules that take long to import are imported by the command that needs them.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.models import OptionInfo

import fenqi
from fenqi.cli.deploy.commands import app as deploy_commands
from fenqi.cli.model.commands import app as model_commands
from fenqi.cli.policy.commands import app as policy_commands

app = typer.Typer(
    help="Fenqi (分期): real-time decisions on mobile instalment loans.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.add_typer(policy_commands, name="policy")
app.add_typer(model_commands, name="model")
app.add_typer(deploy_commands, name="deploy")
lab_commands = typer.Typer(
    help="Ask questions of the bundled data.", no_args_is_help=True, pretty_exceptions_enable=False
)
app.add_typer(lab_commands, name="lab")


def _setting(name: str) -> OptionInfo:
    """A flag for the setting `name`; texts are checked with the other sources."""
    from fenqi.serving.config import ServerConfig

    field = ServerConfig.model_fields[name]
    default = "" if field.default in (None, [], "") else f" [default: {field.default}]"
    option: OptionInfo = typer.Option(
        "--" + name.replace("_", "-"),
        help=f"{field.description}{default}",
        metavar="VALUE",
        show_default=False,
    )
    return option


@app.command()
def serve(
    context: typer.Context,
    config: Annotated[
        Path | None, typer.Option(help="YAML file with any of the settings below")
    ] = None,
    policy: Annotated[str | None, _setting("policy")] = None,
    models: Annotated[str | None, _setting("models")] = None,
    front: Annotated[str | None, _setting("front")] = None,
    address: Annotated[str | None, _setting("address")] = None,
    port: Annotated[str | None, _setting("port")] = None,
    unix_socket: Annotated[str | None, _setting("unix_socket")] = None,
    workers: Annotated[str | None, _setting("workers")] = None,
    cpus: Annotated[str | None, _setting("cpus")] = None,
    tls_certificate: Annotated[str | None, _setting("tls_certificate")] = None,
    tls_key: Annotated[str | None, _setting("tls_key")] = None,
    tls_client_ca: Annotated[str | None, _setting("tls_client_ca")] = None,
    acknowledgement_key: Annotated[str | None, _setting("acknowledgement_key")] = None,
    max_message_bytes: Annotated[str | None, _setting("max_message_bytes")] = None,
    max_concurrent_streams: Annotated[str | None, _setting("max_concurrent_streams")] = None,
    grace_seconds: Annotated[str | None, _setting("grace_seconds")] = None,
    admin_address: Annotated[str | None, _setting("admin_address")] = None,
    admin_port: Annotated[str | None, _setting("admin_port")] = None,
    admin_access: Annotated[str | None, _setting("admin_access")] = None,
    admin_tls_certificate: Annotated[str | None, _setting("admin_tls_certificate")] = None,
    admin_tls_key: Annotated[str | None, _setting("admin_tls_key")] = None,
    admin_tls_client_ca: Annotated[str | None, _setting("admin_tls_client_ca")] = None,
    state: Annotated[str | None, _setting("state")] = None,
    keep_releases: Annotated[str | None, _setting("keep_releases")] = None,
    restage: Annotated[str | None, _setting("restage")] = None,
    latency_budget_us: Annotated[str | None, _setting("latency_budget_us")] = None,
    approval_seconds: Annotated[str | None, _setting("approval_seconds")] = None,
    watch: Annotated[str | None, _setting("watch")] = None,
    trusted_keys: Annotated[str | None, _setting("trusted_keys")] = None,
    guard_requests: Annotated[str | None, _setting("guard_requests")] = None,
    guard_error_share: Annotated[str | None, _setting("guard_error_share")] = None,
    guard_p99_us: Annotated[str | None, _setting("guard_p99_us")] = None,
    guard_p99_ratio: Annotated[str | None, _setting("guard_p99_ratio")] = None,
    guard_psi: Annotated[str | None, _setting("guard_psi")] = None,
    metrics_port: Annotated[str | None, _setting("metrics_port")] = None,
) -> None:
    """Serve a policy over gRPC until SIGTERM or Ctrl-C.

    --policy decides at the first start. With --state, what was published last answers from then
    on, also after a restart with another --policy or a changed file: `fenqi deploy reload` and
    `fenqi deploy stage` bring those in.

    Each setting may stand in the --config file as `name: value`, in the environment as
    FENQI_NAME, or here; the later wins.
    """
    from fenqi.cli.serve import run
    from fenqi.serving.config import load_settings

    flags = {k: v for k, v in context.params.items() if v is not None and k != "config"}
    run(load_settings(config, os.environ, flags))


@app.command()
def score(
    file: Annotated[
        Path, typer.Argument(help="an Application or a ScoreRequest, YAML or JSON; - is stdin")
    ],
    server: Annotated[str, typer.Option(help="ask this server, host:port or unix:/path")] = "",
    policy: Annotated[
        Path | None, typer.Option(help="in this process, with this policy [default: the bundled]")
    ] = None,
    timeout: Annotated[float, typer.Option(help="seconds to wait for a server")] = 1.0,
    tls_ca: Annotated[
        Path | None, typer.Option(help="PEM file of who signed the server; turns TLS on")
    ] = None,
    tls_certificate: Annotated[Path | None, typer.Option(help="PEM file to show it")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="PEM file of its key")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="print the ScoreResponse as JSON")
    ] = False,
) -> None:
    """Decide one application, by a running server or in this process."""
    from fenqi.cli.score import run
    from fenqi.client import Tls

    tls = None
    if tls_ca is not None or tls_certificate is not None:
        tls = Tls(ca=tls_ca, certificate=tls_certificate, key=tls_key)
    run(file, server, policy, timeout, tls, as_json)


@app.command()
def quote(
    file: Annotated[
        Path | None, typer.Argument(help="a QuoteRequest, YAML or JSON; - is stdin")
    ] = None,
    amount: Annotated[str | None, typer.Option(help="principal, in yuan: 10000")] = None,
    rate: Annotated[
        str | None, typer.Option(help="a year, 18% or 0.18; with flat_fee of a period")
    ] = None,
    periods: Annotated[int | None, typer.Option(help="instalments")] = None,
    method: Annotated[
        str | None,
        typer.Option(help="equal_instalments, equal_principal, interest_only or flat_fee"),
    ] = None,
    disbursed: Annotated[
        str | None, typer.Option(help="day on which the money is paid out [default: today]")
    ] = None,
    policy: Annotated[
        Path | None, typer.Option(help="whose cap and texts hold [default: the bundled]")
    ] = None,
    language: Annotated[str, typer.Option(help="zh or en")] = "zh",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write a page to be printed on A4")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the QuoteResponse")] = False,
) -> None:
    """Show what a loan costs: its plan, charges and yearly rates, as its borrower reads them.

    Terms come from FILE, charges with them, or from the options, which win. A FILE that names a
    product of the policy and a probability of default has the product's terms and price.
    """
    from fenqi.cli.quote import run

    run(file, amount, rate, periods, method, disbursed, policy, language, html, as_json)


@app.command()
def demo(
    applications: Annotated[int, typer.Option(min=1, help="how many to score")] = 6000,
    once: Annotated[bool, typer.Option("--once", help="end after the summary")] = False,
    json: Annotated[
        str, typer.Option(metavar="FILE", help="write the summary as JSON; - is stdout")
    ] = "",
    concurrency: Annotated[int, typer.Option(min=1, help="calls in flight")] = 4,
    port: Annotated[int, typer.Option(help="port to serve on; 0 takes a free one")] = 0,
) -> None:
    """Serve the bundled policy, score real applications through the RPC, sum up, keep serving."""
    from fenqi.cli.demo import run

    run(applications, once, json, concurrency, port)


@app.command(
    context_settings={
        "allow_extra_args": True,
        "ignore_unknown_options": True,
        "help_option_names": [],
    }
)
def load(context: typer.Context) -> None:
    """Send load at a chosen rate and measure latency from when each call was due.

    Every option goes to the load generator; `fenqi load --help` is its own help.
    """
    from fenqi.cli.load import run

    run(context.args)


@lab_commands.command()
def offers(
    policy: Annotated[
        Path | None, typer.Option(help="one product and its offers [default: the bundled]")
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE", help="draw it as SVG")] = None,
) -> None:
    """Say what counter-offers are worth: approvals and profit at equal expected loss."""
    from fenqi.cli.lab import run_offers

    run_offers(policy, plot)


@app.command()
def doctor() -> None:
    """Check machine, build, artifacts and ports, and say what to mend."""
    from fenqi.cli.doctor import run

    raise typer.Exit(run())


@app.command()
def version() -> None:
    """Print Fenqi's version."""
    print(fenqi.__version__)


def main() -> Any:
    """The entry point: mistakes of the caller's end in a sentence and status 1, not in a trace."""
    from fenqi.errors import FenqiError

    try:
        return app()
    except FenqiError as error:
        print(error, file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
