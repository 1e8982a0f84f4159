"""How a command ends where it is given something that cannot be read or made."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

CANNOT_READ = 2


@contextmanager
def readable() -> Iterator[None]:
    """Ends with a sentence and status CANNOT_READ, where the commands' own "no" is status 1."""
    from fenqi.errors import FenqiError

    try:
        yield
    except FenqiError as error:
        print(error, file=sys.stderr)
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
    else:
        return
    raise typer.Exit(CANNOT_READ)
