"""A project of tiny notebooks: real kernels, real papermill, a real Release, and nothing sampled.

The analysis notebook takes an example Release, makes it the study's own and writes it with
`impl.write_release`; `trouble` is code put into the cell before that.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from example_release import not_converged, staggered

REPOSITORY = Path(__file__).resolve().parents[2]

STUDY = """\
schema: 1
id: {id}
title: {{nb: "Fallpakken, {id}", en: "The falls bundle, {id}"}}
question: {{nb: "Gikk fallene ned ved {id}?", en: "Did falls go down at {id}?"}}
notebook: {notebook}
design: before_after
bundle: falls
measures: {{primary: falls}}
data: {{file: data/panel.csv}}
rollout: {{file: data/rollout.csv}}
languages: [{languages}]
"""

PANEL = """\
site,period_start,period_end,measure,numerator,denominator
1,2023-01-01,2023-01-31,falls,9,1200
1,2023-02-01,2023-02-28,falls,8,1100
1,2023-03-01,2023-03-31,falls,6,1200
1,2023-04-01,2023-04-30,falls,5,1150
"""

ROLLOUT = "site,allocated_start,actual_start,transition_end,stop\n1,,2023-03-01,,\n"

PREPARE = """\
import json
from pathlib import Path

import impl
from impl.release.release import Release
from impl.study.identity import identify

declared = impl.read_study(study)
identity = identify(declared, profile=profile)
raw = json.loads(Path("template.json").read_text(encoding="utf-8"))
raw["study"] |= {
    "id": declared.id,
    "title": declared.title,
    "question": declared.question,
    "plan_sha256": identity.plan_sha256,
}
raw["run"] |= {"id": identity.run_id, "profile": profile}
if profile == "smoke":
    raw["verdict"] = None"""

WRITE = "written = impl.write_release(Release.model_validate(raw), out)"

PARAMETERS = 'study: str = "parameters/a.yaml"\nprofile: str = "full"\nout: str = ""'

REPORT_PARAMETERS = 'release: str = "release.json"\nlanguage: str = "nb"\nout: str = ""\nearlier: str = ""'
REPORT = """\
import impl

read = impl.read_release(release)
before = impl.read_release(earlier) if earlier else None
impl.show_report(read, language, before)"""
FINISH = "mark = impl.finish_report(read, language, out)"


def notebook(*cells: str, tags: Mapping[int, list[str]] | None = None) -> str:
    """A notebook file's text; the first cell is the one for parameters, `tags` adds tags by cell position."""
    extra = {0: ["parameters"], **(tags or {})}
    return json.dumps(
        {
            "cells": [
                {
                    "cell_type": "code",
                    "id": f"cell-{position}",
                    "metadata": {"tags": extra.get(position, [])},
                    "execution_count": None,
                    "outputs": [],
                    "source": cell,
                }
                for position, cell in enumerate(cells)
            ],
            "metadata": {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )


def analysis(trouble: str = "", *, write: str = WRITE, tags: Mapping[int, list[str]] | None = None) -> str:
    return notebook(PARAMETERS, PREPARE, trouble, write, tags=tags)


def make_project(root: Path, *, converged: bool = True) -> Path:
    """An empty project with the notebooks `20_good` and `80_report`, data and the Release template."""
    for folder in ("parameters", "notebooks", "data"):
        (root / folder).mkdir(parents=True)
    release = staggered() if converged else not_converged()
    (root / "template.json").write_text(release.model_dump_json(by_alias=True), encoding="utf-8")
    (root / "data" / "panel.csv").write_text(PANEL, encoding="utf-8")
    (root / "data" / "rollout.csv").write_text(ROLLOUT, encoding="utf-8")
    add_notebook(root, "20_good", analysis())
    add_notebook(root, "80_report", notebook(REPORT_PARAMETERS, REPORT, FINISH))
    return root


def add_notebook(root: Path, name: str, text: str) -> None:
    (root / "notebooks" / f"{name}.ipynb").write_text(text, encoding="utf-8")


def add_study(root: Path, study: str, *, notebook: str = "20_good", languages: str = "nb") -> Path:
    path = root / "parameters" / f"{study}.yaml"
    path.write_text(STUDY.format(id=study, notebook=notebook, languages=languages), encoding="utf-8")
    return path


def add_troubled_study(root: Path, study: str, trouble: str, **notebook_changes: Any) -> Path:
    """A study with an analysis notebook of its own that gets into trouble."""
    name = f"21_{study.replace('-', '_')}"
    add_notebook(root, name, analysis(trouble, **notebook_changes))
    return add_study(root, study, notebook=name)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "impl.cli", *arguments]


def environment(root: Path) -> dict[str, str]:
    """An environment without the user's own Jupyter and IPython set-up; temporary files beside the project."""
    scratch = root.parent / f"{root.name}-scratch"
    scratch.mkdir(exist_ok=True)
    return {**os.environ, "HOME": str(scratch), "TMPDIR": str(scratch), "COLUMNS": "200"}


def impl(root: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run the real command in the project."""
    return subprocess.run(
        command(*arguments),
        cwd=root,
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
        **options,
    )


def ledger(root: Path, study: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        (root / "build" / "ledger" / f"{study}.json").read_text(encoding="utf-8")
    )
    return found


def published(root: Path, study: str) -> dict[str, bytes]:
    """All that a reader can see of a study: name -> bytes."""
    folder = root / "reports" / study
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def clear(root: Path, study: str) -> None:
    shutil.rmtree(root / "reports" / study, ignore_errors=True)
