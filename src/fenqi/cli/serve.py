"""`fenqi serve`: prints what is in force and where it listens, and serves until told to stop."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from fenqi.serving.config import Settings
from fenqi.serving.deployments.deployments import Deployments
from fenqi.serving.process import ServingProcess, Termination


def run(settings: Settings) -> None:
    console = Console()
    console.print(settings_table(settings))
    with Termination() as termination:
        process = ServingProcess(settings)
        process.start()
        release = process.engine.release
        number = process.deployments.current.number
        policy = f"policy {release.policy} {release.policy_version}"
        deployed = f"deployment {number}: {policy}, release {release.content_hash[:12]}"
        console.print(deployed, highlight=False)
        if process.goes_on:
            console.print(_goes_on(process.deployments, settings), highlight=False, soft_wrap=True)
        for address in process.addresses:
            console.print(f"scoring on {address}", highlight=False, soft_wrap=True)
        console.print(f"admin on {process.admin_address}", highlight=False)
        termination.wait()
        console.print("shutting down: calls in flight finish", highlight=False)
        process.stop()


def _goes_on(deployments: Deployments, settings: Settings) -> str:
    """For those who expect --policy to decide."""
    policy, state = settings.values.policy, settings.values.state
    compiled = Path(deployments.champion.policy_file)
    if policy.absolute() == compiled.absolute():
        how = f"where {policy} has changed since, `fenqi deploy reload --why ...` brings that in"
    else:
        how = (
            f"it was compiled from {compiled}, not from {policy}; "
            f"`fenqi deploy stage --policy {policy.name} --why ...` and `fenqi deploy promote` "
            "change that"
        )
    record = deployments.current
    return f"  as {state} holds it, published {record.at[:19]}Z by {record.who}; {how}"


def settings_table(settings: Settings) -> Table:
    table = Table("setting", "value", "from", title=None, box=None, pad_edge=False)
    for name, value, source in settings.lines():
        where = f"{source} ({settings.file})" if source == "file" else source
        table.add_row(name, value or "-", where, style=None if source != "default" else "dim")
    return table
