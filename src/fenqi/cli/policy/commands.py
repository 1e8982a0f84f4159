"""The commands of `fenqi policy` with their options. The work is in fenqi.policy.

Exit codes: 0 nothing to say, 1 problems were found, 2 something cannot be read or compiled.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

app = typer.Typer(
    help="Write, check, test and explain policies.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

CANNOT_READ = 2


@contextmanager
def _readable() -> Iterator[None]:
    """Ends with status 2 where a file cannot be read or a policy does not compile."""
    from fenqi.errors import ConfigurationError
    from fenqi.policy import PolicyError

    try:
        yield
    except (PolicyError, ConfigurationError) as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: cannot be read: {error.strerror}", file=sys.stderr)
    else:
        return
    raise typer.Exit(CANNOT_READ)


@app.command()
def schema() -> None:
    """Print the JSON Schema of policy files, for editors."""
    import json

    from fenqi.policy.json_schema import policy_schema

    print(json.dumps(policy_schema(), ensure_ascii=False, indent=2))
