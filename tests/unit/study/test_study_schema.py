"""The published JSON Schema and the loader say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from impl.errors import StudyError
from impl.study.load import read_study
from impl.study.schema import study_json_schema
from impl.study.study import Study
from impl.study.typed_tree import allowed_keys
from study_project import STUDY, make_project

jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with JupyterLab")


def test_keys_are_those_that_users_write() -> None:
    schema = study_json_schema()

    assert set(schema["properties"]) == set(allowed_keys(Study))
    assert schema["additionalProperties"] is False
    assert {"schema", "id", "title", "question", "notebook", "bundle", "measures", "data", "rollout"} == set(
        schema["required"]
    )
    assert "from" in schema["$defs"]["Estimand"]["properties"]
    jsonschema.Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize(
    ("line", "good"),
    [
        ("seed: 3", True),
        ("seed: -3", False),
        ("seed: many", False),
        ("colour: red", False),
        ("model: {effect: it, priors: {effect: {sd: 1.0}}}", True),
        ("model: {effect: xy}", False),
        ("estimand: {from: 1, to: null}", True),
        ("languages: [nb, en]", True),
        ("languages: []", False),
        ("decision: {worthwhile: 2}", False),
    ],
)
def test_schema_and_loader_agree(tmp_path: Path, line: str, good: bool) -> None:
    text = STUDY + line + "\n"
    valid = jsonschema.Draft202012Validator(study_json_schema()).is_valid(yaml.safe_load(text))
    try:
        read_study(make_project(tmp_path, study=text))
        read = True
    except StudyError:
        read = False

    assert (valid, read) == (good, good)
