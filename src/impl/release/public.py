"""The base of every released value."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from impl.study.value import Value

Probability = Annotated[float, Field(ge=0, le=1)]


class Public(Value):
    """Base of every released value, as strict as a declared one."""
