"""A policy with everything it is composed of: the jurisdiction's pack, included files, the file.

Files are merged into one Policy; every part of it knows in which file it stands, so that a message
about it shows that file.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from fenqi.policy.errors import PolicyError, Position, Problem
from fenqi.policy.schema import Fragment, Policy, RulePack, TestFile
from fenqi.policy.schema_errors import schema_problems
from fenqi.policy.yaml_file import Steps, YamlFile, read_yaml

# Where a rule comes from. A pack's rules bind whatever the policy says.
Origin = Literal["pack", "include", "own"]

PACKS = Path(__file__).parent / "packs"
MOST_FILES = 256

# The parts of a policy that are put together: by name, and one after another.
_BY_NAME = (
    "sources",
    "features",
    "lists",
    "lookups",
    "tables",
    "scorecards",
    "models",
    "segments",
    "products",
    "reasons",
)
_IN_ORDER = ("rules", "tests")
# One file has it.
_ONCE = ("offers",)

_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class Document:
    """A merged policy and its files.

    Paths are steps in the merged policy: ("rules", 3, "when") is the fourth of all rules, of the
    pack first, then of included files, depth first, then of the policy's own.
    """

    policy: Policy
    # What the jurisdiction demands; its rules and reasons are in `policy` already.
    pack: RulePack | None
    # For each rule of `policy`.
    origins: list[Origin]
    # The policy file first, then every file that was read, the pack included.
    files: list[YamlFile]
    # Which file a part is from, and its path there.
    places: dict[tuple[str | int, ...], tuple[YamlFile, tuple[str | int, ...]]]

    @property
    def file(self) -> str:
        """The policy file's name in messages."""
        return self.files[0].name

    def position(self, path: Steps) -> Position:
        """Where the value at `path` is, or the deepest part of the path that exists.

        A scalar is where it begins, a mapping or list where its key is.
        """
        file, steps = self._place(path)
        return file.position(steps)

    def position_in(self, path: Steps, line: int, column: int) -> Position:
        """Where line and column (from 1) of the text at `path` stand in its file."""
        file, steps = self._place(path)
        return file.position_in(steps, line, column)

    def problem(self, position: Position, message: str) -> Problem:
        """A problem that shows its line."""
        file = next(file for file in self.files if file.name == position.file)
        return file.problem(position, message)

    def beside(self, path: Steps, name: str) -> Path:
        """The file `name` as seen from the file in which the value at `path` stands."""
        return self._place(path)[0].path.parent / name

    def _place(self, path: Steps) -> tuple[YamlFile, tuple[str | int, ...]]:
        for length in (2, 1):
            known = self.places.get(tuple(path[:length]))
            if known is not None:
                file, steps = known
                return file, (*steps, *path[length:])
        return self.files[0], tuple(path)


def read_document(path: Path) -> Document:
    """Reads and checks a policy with all that it includes, and its jurisdiction's pack.

    Raises PolicyError for what is no YAML or breaks the schema, OSError where `path` cannot be
    read.
    """
    path = Path(os.path.normpath(path.absolute()))
    files = _Files(path.parent.parent)
    root = read_yaml(path, files.name_of(path), "a policy")
    files.read.append(root)
    policy = files.checked(root, Policy)
    files.include(root, policy, [path])
    pack = None
    if policy is not None and policy.jurisdiction is not None:
        pack = files.read_pack(policy.jurisdiction)
    if files.problems or policy is None:
        raise PolicyError(files.problems)
    return files.merged(policy, pack)


def tests_beside(path: Path) -> Path:
    """Where the tests of the policy at `path` stand that are not in it."""
    return path.with_name(f"{path.stem}.tests.yaml")


def with_tests_beside(document: Document) -> Document:
    """The document with the tests in `<policy>.tests.yaml` beside it, if there is such a file.

    Raises PolicyError where it breaks the schema.
    """
    beside = tests_beside(document.files[0].path)
    if not beside.exists():
        return document
    files = _Files(beside.parent.parent)
    file = read_yaml(beside, files.name_of(beside), "a file of tests")
    tests = files.checked(file, TestFile)
    if tests is None:
        raise PolicyError(files.problems)
    all_tests = [*document.policy.tests, *tests.tests]
    places = dict(document.places)
    for number in range(len(tests.tests)):
        places["tests", len(document.policy.tests) + number] = (file, ("tests", number))
    policy = document.policy.model_copy(update={"tests": all_tests})
    return Document(policy, document.pack, document.origins, [*document.files, file], places)


def read_pack(jurisdiction: str) -> RulePack:
    """The bundled rule pack. Raises PolicyError where it breaks the schema."""
    files = _Files(PACKS)
    pack = files.read_pack(jurisdiction)
    if pack is None:
        raise PolicyError(files.problems)
    return pack


@dataclass
class _Files:
    """Reads files and remembers what is wrong with them."""

    # Names in messages are relative to this folder, so that they are the same everywhere.
    base: Path
    read: list[YamlFile] = field(default_factory=list)
    # Parts in the order in which they count: includes before what includes them.
    parts: list[tuple[YamlFile, Fragment]] = field(default_factory=list)
    pack: tuple[YamlFile, RulePack] | None = None
    problems: list[Problem] = field(default_factory=list)

    def name_of(self, path: Path) -> str:
        return Path(os.path.relpath(path, self.base)).as_posix()

    def checked(self, file: YamlFile, model: type[_Model]) -> _Model | None:
        try:
            return model.model_validate(file.plain())
        except ValidationError as error:
            self.problems += schema_problems(file, model, error)
            return None

    def include(self, file: YamlFile, part: Fragment | None, within: list[Path]) -> None:
        """Reads what `file` includes, depth first, then counts `file` itself.

        `part` is None where the file breaks the schema; what it includes is read all the same, so
        that everything that is wrong is reported at once.
        """
        names = file.plain().get("include")
        for number, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str):
                self._include_one(file, ("include", number), name, within)
        if part is not None:
            self.parts.append((file, part))

    def _include_one(
        self, file: YamlFile, steps: tuple[str | int, ...], name: str, within: list[Path]
    ) -> None:
        path = Path(os.path.normpath(file.path.parent / name))
        if path in within:
            return self._report(file, steps, f"{name} includes this file: a circle")
        if any(path == other.path for other in self.read):
            return self._report(file, steps, f"{name} is included already; once is enough")
        if len(self.read) >= MOST_FILES:
            return self._report(file, steps, f"a policy has at most {MOST_FILES} files")
        try:
            included = read_yaml(path, self.name_of(path), "an included file")
        except OSError as error:
            return self._report(file, steps, f"{name} cannot be read: {error.strerror}")
        except PolicyError as error:
            self.problems += error.problems
            return None
        self.read.append(included)
        self.include(included, self.checked(included, Fragment), [*within, path])

    def read_pack(self, jurisdiction: str) -> RulePack | None:
        path = PACKS / f"{jurisdiction.lower()}.yaml"
        file = read_yaml(path, f"{PACKS.name}/{path.name}", "a rule pack")
        pack = self.checked(file, RulePack)
        if pack is not None:
            self.read.append(file)
            self.pack = (file, pack)
        return pack

    def merged(self, policy: Policy, pack: RulePack | None) -> Document:
        """Raises PolicyError where two files name the same thing."""
        merged: dict[str, Any] = {key: {} for key in _BY_NAME} | {key: [] for key in _IN_ORDER}
        places: dict[tuple[str | int, ...], tuple[YamlFile, tuple[str | int, ...]]] = {}
        origins: list[Origin] = []
        parts: list[tuple[YamlFile, BaseModel]] = [*self.parts]
        if self.pack is not None:
            parts.insert(0, self.pack)
        for file, part in parts:
            for key in _BY_NAME:
                for name, value in getattr(part, key, {}).items():
                    if name in merged[key]:
                        self._report_again(file, (key, name), places[key, name])
                        continue
                    merged[key][name] = value
                    places[key, name] = (file, (key, name))
            for key in _ONCE:
                if (value := getattr(part, key, None)) is None:
                    continue
                if key in merged:
                    self._report_again(file, (key,), places[(key,)])
                    continue
                merged[key] = value
                places[(key,)] = (file, (key,))
            for key in _IN_ORDER:
                values: Sequence[Any] = getattr(part, key, [])
                for number, value in enumerate(values):
                    places[key, len(merged[key])] = (file, (key, number))
                    merged[key].append(value)
            origin: Origin = (
                "pack" if isinstance(part, RulePack) else "own" if part is policy else "include"
            )
            origins += [origin] * (len(merged["rules"]) - len(origins))
        if self.problems:
            raise PolicyError(self.problems)
        return Document(policy.model_copy(update=merged), pack, origins, self.read, places)

    def _report_again(
        self,
        file: YamlFile,
        steps: tuple[str | int, ...],
        first: tuple[YamlFile, tuple[str | int, ...]],
    ) -> None:
        at = first[0].key_position(first[1])
        what = (
            f"the jurisdiction's pack defines it at {at}, and a policy cannot override that"
            if self.pack is not None and first[0] is self.pack[0]
            else f"it stands at {at} already"
        )
        advice = "keep one of them" if len(steps) == 1 else "give it another name"
        message = f"{'.'.join(str(step) for step in steps)}: {what}; {advice}"
        self.problems.append(file.problem(file.key_position(steps), message))

    def _report(self, file: YamlFile, steps: tuple[str | int, ...], message: str) -> None:
        self.problems.append(file.problem(file.position(steps), message))
