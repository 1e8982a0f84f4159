"""A text that is missing in a language fails the build (R36)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from fenqi.errors import ConfigurationError
from fenqi.internal.v1.disclosure_texts_pb2 import LanguageTexts
from fenqi.offers.texts import FOLDER, LANGUAGES, names, read_texts


@pytest.mark.parametrize("name", names())
def test_every_form_has_every_text_in_every_language(name: str) -> None:
    texts = read_texts(name)
    assert [language.language for language in texts.languages] == list(LANGUAGES)
    for language in texts.languages:
        for field in LanguageTexts.DESCRIPTOR.fields:
            assert getattr(language, field.name), field.name


def changed(tmp_path: Path, language: str, **texts: Any) -> Path:
    content = yaml.safe_load((FOLDER / "cn.yaml").read_text(encoding="utf-8"))
    for field, text in texts.items():
        if text is None:
            del content[language][field]
        else:
            content[language][field] = text
    (tmp_path / "form.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("field", [f.name for f in LanguageTexts.DESCRIPTOR.fields][1:])
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
    ],
)
def test_a_text_that_does_not_fit_is_named(
    tmp_path: Path, texts: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        read_texts("form", changed(tmp_path, "en", **texts))
