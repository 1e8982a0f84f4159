"""Texts of a disclosure, one file for each form; read when a policy is compiled."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from fenqi.errors import ConfigurationError
from fenqi.internal.v1.disclosure_texts_pb2 import DisclosureTexts, LanguageTexts, ShownRate

FOLDER = Path(__file__).parent
DEFAULT = "cn"
# Every disclosure is written in these, in this order.
LANGUAGES = ("zh", "en")

_VALUES = re.compile(r"\{(\w*)\}")
# Labels of yearly rates: a form has those of the rates that it shows.
_LABELS = [
    name.removeprefix("SHOWN_RATE_").lower() + "_rate"
    for name, number in ShownRate.items()
    if number
]
_FIELDS = [
    field.name
    for field in LanguageTexts.DESCRIPTOR.fields
    if field.name != "language" and field.name not in _LABELS
]
_LISTS = {"months", "further_facts"}


def names() -> list[str]:
    """The forms that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_texts(name: str, folder: Path = FOLDER) -> DisclosureTexts:
    """The texts of a form. Raises ConfigurationError where one is missing in a language, is not
    known, or does not take the same values in every language (R36: a missing text fails the build).
    """
    file = folder / f"{name}.yaml"
    content: dict[str, Any] = YAML(typ="safe").load(file.read_text(encoding="utf-8"))
    expected = {"version", "rates", *LANGUAGES}
    if set(content) != expected:
        raise ConfigurationError(f"{file}: must have exactly {', '.join(sorted(expected))}")
    labels = [f"{rate}_rate" for rate in content["rates"]]
    if not labels or len(set(labels)) < len(labels) or not set(labels) <= set(_LABELS):
        rates = ", ".join(label.removesuffix("_rate") for label in _LABELS)
        raise ConfigurationError(f"{file}: rates: must be one or more of {rates}, each once")
    problems = [
        f"{file}: {language}.{field}: {problem}"
        for language in LANGUAGES
        for field, problem in _problems(
            content[language], content[LANGUAGES[0]], [*_FIELDS, *labels]
        )
    ]
    if problems:
        raise ConfigurationError("\n".join(problems))
    return DisclosureTexts(
        name=name,
        version=content["version"],
        languages=[LanguageTexts(language=one, **content[one]) for one in LANGUAGES],
        rates=[f"SHOWN_RATE_{rate.upper()}" for rate in content["rates"]],
    )


def _problems(
    texts: dict[str, Any], first: dict[str, Any], fields: list[str]
) -> list[tuple[str, str]]:
    problems = [(field, "is missing") for field in fields if field not in texts]
    problems += [(field, "is no text of this form") for field in texts if field not in fields]
    for field in fields:
        if field in _LISTS or field not in texts:
            continue
        if not (isinstance(texts[field], str) and texts[field]):
            problems.append((field, "must be a text"))
        elif _values(texts[field]) != _values(first.get(field)):
            problems.append((field, f"must take {_values(first.get(field))} in every language"))
    if len(texts.get("months", [])) not in (0, 12):
        problems.append(("months", "must be twelve"))
    if len(texts.get("further_facts", [])) != len(first.get("further_facts", [])):
        problems.append(("further_facts", "must be as many in every language"))
    if any(_values(fact) for fact in texts.get("further_facts", [])):
        problems.append(("further_facts", "take no values"))
    return problems


def _values(text: object) -> list[str]:
    return sorted(_VALUES.findall(text)) if isinstance(text, str) else []
