"""What every declared value is made of: short texts, ids, days, and the frozen base that knows its keys."""

from __future__ import annotations

import json
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from pydantic_core import PydanticCustomError


def _a_day(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError:
        raise PydanticCustomError("day", "a day that exists", {"fix": "Check month and day."}) from None
    return text


MeasureId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
LanguageCode = Literal["nb", "nn", "en"]
Text = Annotated[str, StringConstraints(min_length=1, max_length=300)]
IsoDate = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"), AfterValidator(_a_day)]
"""A day as text, 2020-03-12."""
Translated = dict[LanguageCode, Text]
"""One text in several languages; `nb` is what a missing translation falls back to."""


class Value(BaseModel):
    """Base of every declared value: frozen, no unknown keys, no numbers read from text."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        allow_inf_nan=False,
        validate_by_name=True,
        validate_by_alias=True,
        serialize_by_alias=True,
    )


def absent_at(*defaults: object) -> Any:
    """A later field at its default is not written out: the plan of an older study keeps its hash."""
    return Field(exclude_if=lambda value: any(value == default for default in defaults))


def canonical_json(value: Any) -> str:
    """One spelling for one value: sorted keys, no spaces, no NaN."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
