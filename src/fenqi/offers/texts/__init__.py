"""Texts of a disclosure, one file for each form; read when a policy is compiled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fenqi.errors import ConfigurationError
from fenqi.internal.v1.disclosure_texts_pb2 import DisclosureTexts, LanguageTexts

FOLDER = Path(__file__).parent
DEFAULT = "cn"
# Every disclosure is written in these, in this order.
LANGUAGES = ("zh", "en")

_FIELDS = [field.name for field in LanguageTexts.DESCRIPTOR.fields if field.name != "language"]
_VALUES = re.compile(r"\{(\w*)\}")


def names() -> list[str]:
    """The forms that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_texts(name: str, folder: Path = FOLDER) -> DisclosureTexts:
    """The texts of a form. Raises ConfigurationError where one is missing in a language, is not
    known, or does not take the same values in every language (R36: a missing text fails the build).
    """
    file = folder / f"{name}.yaml"
    content: dict[str, Any] = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    expected = {"version", *LANGUAGES}
    if set(content) != expected:
        raise ConfigurationError(f"{file}: must have exactly {', '.join(sorted(expected))}")
    problems = [
        f"{file}: {language}.{field}: {problem}"
        for language in LANGUAGES
        for field, problem in _problems(content[language], content[LANGUAGES[0]])
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return DisclosureTexts(
        name=name,
        version=content["version"],
        languages=[LanguageTexts(language=one, **content[one]) for one in LANGUAGES],
    )


def _problems(texts: dict[str, Any], first: dict[str, Any]) -> list[tuple[str, str]]:
    problems = [(field, "is missing") for field in _FIELDS if field not in texts]
    problems += [(field, "is no text of a disclosure") for field in texts if field not in _FIELDS]
    for field in _FIELDS:
        text = texts.get(field)
        if field == "months":
            if text is not None and len(text) != 12:
                problems.append((field, "must be twelve"))
        elif field in texts and not (isinstance(text, str) and text):
            problems.append((field, "must be a text"))
        elif isinstance(text, str) and _values(text) != _values(first.get(field)):
            problems.append((field, f"must take {_values(first.get(field))} in every language"))
    return problems


def _values(text: object) -> list[str]:
    return sorted(_VALUES.findall(text)) if isinstance(text, str) else []
