"""What every part of a policy file is made of: names, texts, expressions, and no unknown keys."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

NAME = r"^[a-z][a-z0-9_]*$"
ID = r"^[A-Z][A-Z0-9_]*$"


def _whole_characters(text: str) -> str:
    """YAML can spell halves of surrogate pairs ("\\ud83d"); they are no characters."""
    if any(0xD800 <= ord(character) <= 0xDFFF for character in text):
        raise ValueError("holds half of a surrogate pair; write the character itself")
    return text


Text = Annotated[str, AfterValidator(_whole_characters)]
# A CEL expression.
Expression = Annotated[str, AfterValidator(_whole_characters)]
Name = Annotated[str, Field(pattern=NAME)]
ReasonCode = Annotated[str, Field(pattern=ID)]
Scalar = bool | int | float | Text
ValueType = Literal["bool", "int", "uint", "double", "string"]


class Part(BaseModel):
    """Any part of a policy: unknown keys are errors, nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True)
