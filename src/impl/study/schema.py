"""JSON Schema of the study file, so that editors can complete and check it while it is written."""

from __future__ import annotations

from typing import Any

from impl.study.study import Study


def study_json_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of schema 1, with the keys as users write them."""
    schema = Study.model_json_schema(by_alias=True, mode="validation")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
