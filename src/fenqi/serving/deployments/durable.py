"""Files that are there whole or not at all, whenever the process or the machine stops.

A rename within a folder is atomic; it survives a loss of power once the file's bytes and then the
folder have been synced (POSIX.1-2017, fsync and rename).
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

# What a process that was killed may leave behind begins so.
TEMPORARY = ".tmp-"


def write_durably(path: Path, content: bytes) -> None:
    """Puts `content` at `path`, in the place of what is there. Raises OSError."""
    temporary = path.with_name(TEMPORARY + path.name)
    _write_synced(temporary, content)
    temporary.replace(path)
    sync_folder(path.parent)


def write_folder_durably(path: Path, files: Mapping[str, bytes]) -> None:
    """Makes the folder `path` with these files. Raises OSError, also where it is there already."""
    temporary = path.with_name(TEMPORARY + path.name)
    remove_folder(temporary)
    temporary.mkdir()
    for name, content in files.items():
        _write_synced(temporary / name, content)
    sync_folder(temporary)
    temporary.rename(path)
    sync_folder(path.parent)


def remove_folder_durably(path: Path) -> None:
    """Removes the folder `path`, which is there whole until it is gone. Raises OSError."""
    temporary = path.with_name(TEMPORARY + path.name)
    remove_folder(temporary)
    path.rename(temporary)
    sync_folder(path.parent)
    remove_folder(temporary)


def remove_leftovers(folder: Path) -> None:
    """Removes what writers that were killed have left in `folder`."""
    for left in folder.glob(TEMPORARY + "*"):
        if left.is_dir():
            remove_folder(left)
        else:
            left.unlink()


def remove_folder(folder: Path) -> None:
    """Removes a folder of files, if there is one."""
    if folder.is_dir():
        for file in folder.iterdir():
            file.unlink()
        folder.rmdir()


def sync_folder(folder: Path) -> None:
    """Makes renames within `folder` last."""
    number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _write_synced(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
