"""What every compiler of forests ends in: a shared library that forest_bench can call.

python forest_PEER.py FOLDER SIZE writes FOLDER/SIZE.PEER.so from FOLDER/SIZE.txt.
"""

import subprocess
import sys
from pathlib import Path

COLUMNS = 40


def asked() -> tuple[Path, str]:
    """The folder and the size on the command line."""
    return Path(sys.argv[1]).resolve(), sys.argv[2]


def build(library: Path, compiler: str, sources: list[Path], *options: str) -> None:
    """Compiles as the peers' own build files do: -O3, for any machine of this kind."""
    options = ("-O3", "-DNDEBUG", "-fPIC", "-shared", *options)
    command = [compiler, *options, *map(str, sources), "-lm", "-o", str(library)]
    subprocess.run(command, check=True)
