"""A text that is missing in a language fails the build (R36)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fenqi.errors import ConfigurationError
from fenqi.internal.v1.disclosure_texts_pb2 import LanguageTexts, ShownRate
from fenqi.offers.texts import FOLDER, LANGUAGES, names, read_texts

FIELDS = {field.name for field in LanguageTexts.DESCRIPTOR.fields} - {
    *("language", "appendix_j_rate", "eu_rate")
}


@pytest.mark.parametrize("name", names())
def test_every_form_has_every_text_in_every_language(name: str) -> None:
    texts = read_texts(name)
    assert [language.language for language in texts.languages] == list(LANGUAGES)
    shown = {
        f"{ShownRate.Name(rate).removeprefix('SHOWN_RATE_').lower()}_rate" for rate in texts.rates
    }
    for language in texts.languages:
        for field in LanguageTexts.DESCRIPTOR.fields:
            if field.name != "further_facts":
                is_wanted = not field.name.endswith("_rate") or field.name in shown
                assert bool(getattr(language, field.name)) == is_wanted, field.name


def changed(tmp_path: Path, language: str, rates: list[str] | None = None, **texts: Any) -> Path:
    content = yaml.safe_load((FOLDER / "cn.yaml").read_text(encoding="utf-8"))
    for field, text in texts.items():
        if text is None:
            del content[language][field]
        else:
            content[language][field] = text
    if rates is not None:
        content["rates"] = rates
    (tmp_path / "form.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("field", sorted(FIELDS))
def test_a_missing_text_is_named_with_its_language(tmp_path: Path, field: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"en\.{field}: is missing"):
        read_texts("form", changed(tmp_path, "en", **{field: None}))


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"title": ""}, "title: must be a text"),
        ({"motto": "x"}, "motto: is no text"),
        ({"months": ["Jan"]}, "months: must be twelve"),
        ({"fact_duty": "Pay {total}."}, "fact_duty: must take"),
        ({"date": "{day} {monht} {year}"}, "date: must take"),
        ({"further_facts": ["More."]}, "further_facts: must be as many"),
        ({"eu_rate": "x"}, "eu_rate: is no text of this form"),
        ({"rates": ["nominal", "effective"]}, "simple_rate: is no text of this form"),
        ({"rates": ["nominal", "effective", "simple", "eu"]}, "eu_rate: is missing"),
        ({"rates": ["real"]}, "rates: must be one or more of nominal, effective"),
        ({"rates": []}, "rates: must be one or more of nominal"),
    ],
)
def test_a_text_that_does_not_fit_is_named(
    tmp_path: Path, texts: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_texts("form", changed(tmp_path, "en", **texts))
