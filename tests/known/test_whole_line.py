"""From a study file to pages in both languages, on real data: kernel, sampler, disclosure, report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from real_data import make_project

from impl.release.files import read_release
from impl.report.check import page_problems
from impl.runs.run import run_study

REFERENCE, ERROR = -1.602, 0.189  # log rate ratio, negative binomial, level only (docs/validation/data.md)


@pytest.mark.parametrize("study", [pytest.param("semmelweis", id="a11")])
def test_a_study_file_becomes_a_report_that_agrees_with_the_published_answer(
    study: str, tmp_path: Path
) -> None:
    path = make_project(tmp_path, study)
    outcome = run_study(path, root=tmp_path)
    assert outcome.exit_code == 0, outcome.reason
    folder = tmp_path / "reports" / study
    release = read_release(folder / "release.json")
    assert release.status == "ok"
    effect = release.estimate("maternal_deaths", "tate", "link")
    assert effect is not None
    assert abs(effect.median - REFERENCE) <= 0.35 * ERROR
    assert 0.8 <= effect.sd / ERROR <= 1.3
    for language in ("nb", "en"):
        page = (folder / f"{study}.{language}.html").read_text()
        assert page_problems(page) == []
        assert f'lang="{language}"' in page
    assert "kan ha" in (folder / f"{study}.nb.html").read_text().lower()  # before/after gets no further

    before = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    again = run_study(path, root=tmp_path)
    assert again.exit_code == 0
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == before, "nothing had changed"
    assert (
        json.loads((tmp_path / "build" / "ledger" / f"{study}.json").read_text())["published"]["status"]
        == "ok"
    )
