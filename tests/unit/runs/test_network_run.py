"""`impl network` through papermill's kernel: two pages a language, published whole or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from demo_releases import demo_project, demo_releases
from impl.errors import StudyError
from impl.register.register import read_register
from impl.release.files import write_release
from impl.report.language import read_language
from impl.runs.ledger import Attempt, Entry, write_entry
from impl.runs.network import make_network

REGISTER = "parameters/register.jsonl"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    network, register = demo_project(folder)
    for release in demo_releases(network, register)[:4]:
        write_release(release, folder / "reports" / release.study.id)
    return folder


@pytest.mark.slow
def test_both_pages_are_written_and_hold_every_registered_study(project: Path) -> None:
    now = datetime.now(UTC)
    stopped = next(
        study.id
        for study in read_register(project).studies.values()
        if study.withdrawn is None and study.plan.planned.report_due > now.date().isoformat()
    )
    attempt = Attempt(state="failed", profile="full", started=now, finished=now, reason="Tall fra «hemmelig»")
    write_entry(project, Entry(study=stopped, attempt=attempt))
    outcome, pages = make_network(project, ["reports"], REGISTER, ["nb", "en"], timeout=600)
    assert outcome.exit_code == 0, outcome.detail
    names = [page.name for page in pages]
    assert names == ["network.nb.html", "learning.nb.html", "network.en.html", "learning.en.html"]
    for language in ("nb", "en"):
        text = (project / "reports" / f"network.{language}.html").read_text("utf-8")
        assert text.count('<li id="study-') == 30
        assert str(project) not in text
        assert "hemmelig" not in text
        line = BeautifulSoup(text, "html.parser").find(id=f"study-{stopped}")
        assert line is not None
        assert read_language(language).say("standing.state.failed") in line.get_text(" ")


@pytest.mark.slow
def test_a_broken_register_publishes_nothing_and_says_why(project: Path) -> None:
    register = project / REGISTER
    register.write_text(register.read_text("utf-8").replace("Vestfold", "Vestfjord", 1), "utf-8")
    outcome, pages = make_network(project, ["reports"], REGISTER, ["nb"], timeout=600)
    assert outcome.exit_code == 2
    assert pages == ()
    assert "line" in outcome.detail
    assert "Traceback" not in outcome.detail
    assert not list((project / "reports").glob("network.*"))


def test_a_register_that_is_not_there_is_no_empty_one(project: Path) -> None:
    outcome, pages = make_network(project, ["reports"], "parameters/registre.jsonl", ["nb"], timeout=60)
    assert (outcome.exit_code, pages) == (2, ())
    assert "parameters/registre.jsonl" in outcome.detail


def test_an_unknown_language_is_told_before_anything_runs(project: Path) -> None:
    with pytest.raises(StudyError, match="xx"):
        make_network(project, ["reports"], REGISTER, ["xx"], timeout=60)
    assert not (project / "build").exists()
