"""The commands of `fenqi policy` with their options. The work is in fenqi.policy.

Exit codes: 0 nothing to say, 1 problems were found, 2 something cannot be read or compiled.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from fenqi.cli.readable import readable

app = typer.Typer(
    help="Write, check, test and explain policies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

_Policy = Annotated[Path, typer.Argument(help="the policy file", show_default=False)]
_Models = Annotated[
    Path | None, typer.Option(help="folder of model packages [default: models beside its folder]")
]
_Json = Annotated[bool, typer.Option("--json", help="print JSON, for other programs")]


@app.command()
def check(
    file: _Policy,
    strict: Annotated[bool, typer.Option("--strict", help="information fails too")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="again whenever a file changes")] = False,
    models: _Models = None,
    as_json: _Json = False,
) -> None:
    """Compile a policy and say what deserves a second look.

    A remark `# fenqi: allow <lint>` on or above a line says that a finding there is meant.
    """
    from fenqi.cli.policy.check import run, run_watching

    with readable():
        if watch:
            run_watching(file, models)
            return
        status = run(file, models, strict, as_json)
    raise typer.Exit(status)


@app.command()
def test(
    file: _Policy,
    coverage: Annotated[
        bool, typer.Option("--coverage", help="show what the tests have seen of the policy")
    ] = False,
    min_coverage: Annotated[
        float | None, typer.Option(min=0, max=100, help="fail below this many per cent")
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="again whenever a file changes")] = False,
    models: _Models = None,
    as_json: _Json = False,
) -> None:
    """Run a policy's example applicants: those under `tests`, and those in POLICY.tests.yaml."""
    from fenqi.cli.policy.test import run, run_watching

    with readable():
        if watch:
            run_watching(file, models, coverage)
            return
        status = run(file, models, coverage, min_coverage, as_json)
    raise typer.Exit(status)


@app.command()
def run(
    file: Annotated[
        Path, typer.Argument(help="an Application or a ScoreRequest, YAML or JSON; - is stdin")
    ],
    policy: Annotated[
        Path | None, typer.Option(help="the policy [default: the bundled]", show_default=False)
    ] = None,
    stage: Annotated[str, typer.Option(help="application, drawdown, account_review, ...")] = "",
    at: Annotated[
        str, typer.Option(metavar="MOMENT", help="decide as of 2026-01-31T08:00 [default: now]")
    ] = "",
    models: _Models = None,
    as_json: _Json = False,
) -> None:
    """Decide one applicant and show the whole way: features, tables, points, rules, decision."""
    from fenqi.bundled import POLICY
    from fenqi.cli.policy.run import run

    with readable():
        run(file, policy or POLICY, models, stage, at, as_json)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="the policy as it was", show_default=False)],
    new: Annotated[Path, typer.Argument(help="the policy as it is to be", show_default=False)],
    applications: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="decide these with both: JSON lines, or CSV with columns like loan.amount_fen",
        ),
    ] = None,
    models: _Models = None,
    as_json: _Json = False,
) -> None:
    """Say in words what changed between two policies, and who is decided otherwise, and why.

    Ends with status 0 where nothing changed, and 1 where something did.
    """
    from fenqi.cli.policy.diff import run

    with readable():
        status = run(old, new, applications or [], models, as_json)
    raise typer.Exit(status)


@app.command()
def docs(
    file: _Policy,
    format: Annotated[Literal["html", "markdown"], typer.Option(help="what to write")] = "html",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="where to [default: stdout]"),
    ] = None,
    models: _Models = None,
) -> None:
    """Write the policy as a book for people: its rules, tables and reasons, the flow drawn."""
    from fenqi.cli.policy.docs import run

    with readable():
        run(file, models, format == "html", output)


@app.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    import json

    from fenqi.policy.json_schema import policy_schema

    print(json.dumps(policy_schema(), ensure_ascii=False, indent=2))
