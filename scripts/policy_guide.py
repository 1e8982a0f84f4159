"""Runs every command of docs/policies/guide.md and writes what it printed below it.

A block of code that carries the name of a file (```yaml small_loan.yaml) is that file; with a +
after it, its end. In a console block, what stands below a line with `$` is what it printed.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parents[1] / "docs" / "policies" / "guide.md"
BLOCK = re.compile(r"^```(\w+)(?: (\S+))?( \+)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# It changes with every version of Fenqi, and says nothing in a guide.
RELEASE = re.compile(r"release [0-9a-f]{12}")


def executed(page: str) -> str:
    """The page with the output of its commands as it is now."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) / "loans"
        folder.mkdir()
        return BLOCK.sub(lambda block: run_block(block, folder), page)


def run_block(block: re.Match[str], folder: Path) -> str:
    language, name, more, text = block.groups()
    if language == "console":
        commands = [line for line in text.splitlines() if line.startswith("$ ")]
        text = "".join(f"{command}\n{output(command[2:], folder)}" for command in commands)
        return f"```console\n{text}```"
    if name is not None:
        with (folder / name).open("a" if more else "w", encoding="utf-8") as file:
            file.write(text)
    return block.group()


def output(command: str, folder: Path) -> str:
    """What a command prints, as on a terminal of 100 columns without colours."""
    environment = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
    }
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    printed = RELEASE.sub("release ............", done.stdout)
    return "".join(f"{line.rstrip()}\n" for line in printed.splitlines())


if __name__ == "__main__":
    PAGE.write_text(executed(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
