"""A Release about data alone: for those who delivered, with periods counted and no number of an event."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from impl.data.quality import check_quality
from impl.data.read import read_panel
from impl.disclosure.quality import LIMITS, make_quality_release
from impl.errors import DataError, DisclosureError
from impl.release.files import SEND_BACK_FILE, bundle_bytes, parse_release
from impl.release.gate import check_bundle
from impl.release.quality import LEFT_OUT
from impl.release.release import Release
from impl.report.show import show_report
from impl.study.load import read_study
from quality_project import SITES, clean, write_project
from study_project import TODAY
from worlds import REPOSITORY

DEMO = REPOSITORY / "parameters" / "datakvalitet-tolv-sykehjem.yaml"


@pytest.fixture(scope="module")
def demo() -> Release:
    study = read_study(DEMO)
    panel = read_panel(study, today=TODAY)
    return make_quality_release(study, panel, check_quality(study, panel))


def test_it_holds_no_estimate_and_no_number_of_an_event(demo: Release) -> None:
    section = demo.sections.quality
    assert section is not None
    assert (demo.estimates, demo.curves, demo.comparisons, demo.design.models) == ((), (), (), ())
    assert demo.verdict is None
    assert demo.sections.sites == ()
    assert section.limits == LIMITS
    named = {name for finding in section.findings for name in finding.values}
    assert named == {"count", "number", "of", "times", "way", "periods", "share", "days"}
    # The one who reads it learns nothing of how many fell: the study's events leave no trace in numbers of cells.
    assert max(row.expected for row in section.coverage) == len(section.periods) == 36
    assert all(row.reported <= len(SITES) for row in section.periods)


def test_it_reads_back_and_passes_the_gate(demo: Release, tmp_path: Path) -> None:
    files = bundle_bytes(demo)
    assert parse_release(files["release.json"], "release.json") == demo
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    assert check_bundle(tmp_path, demo) == []


@pytest.mark.parametrize("audience", ["network", "public", "open"])
def test_no_other_audience(demo: Release, audience: str, tmp_path: Path) -> None:
    """Neither from the maker nor past the gate, whoever wrote the file."""
    study = read_study(DEMO)
    panel = read_panel(study, today=TODAY)
    with pytest.raises(DisclosureError, match="own-unit"):
        make_quality_release(
            study.model_copy(update={"audience": audience}), panel, check_quality(study, panel)
        )
    disclosure = demo.disclosure.model_copy(update={"audience": audience})
    wrong = demo.model_copy(update={"disclosure": disclosure})
    for name, data in bundle_bytes(wrong).items():
        (tmp_path / name).write_bytes(data)
    assert "gate.hidden_number" in {fault.code for fault in check_bundle(tmp_path, wrong)}


def test_a_panel_that_does_not_know_its_gaps_is_refused() -> None:
    from dataclasses import replace

    study = read_study(DEMO)
    panel = replace(read_panel(study, today=TODAY), gaps=None)
    with pytest.raises(DataError, match="does not say why"):
        check_quality(study, panel)


def test_the_table_to_send_back_has_a_line_a_question_by_site(demo: Release) -> None:
    header, *rows = bundle_bytes(demo)[SEND_BACK_FILE].decode().splitlines()
    assert header.startswith("site,name,measure,measure_name,code,start,end")
    sites = [row.split(",")[0] for row in rows]
    assert sites == sorted(sites)
    section = demo.sections.quality
    assert section is not None
    gaps = sum(gap.why not in LEFT_OUT for row in section.coverage for gap in row.gaps)
    asked = [finding for finding in section.findings if finding.code != "late"]
    pairs = sum(finding.other is not None for finding in asked)
    assert len(rows) == gaps + len(asked) + pairs
    assert "9963,Dalen omsorgssenter,falls,Fall,not_in_file,2026-03-01,2026-06-30,4,,," in rows
    both = [row for row in rows if "same_numbers" in row]
    assert [row.split(",")[0] for row in both] == ["9966", "9967"]
    assert both[1].split(",")[8] == "9966"


def test_a_name_that_a_spreadsheet_would_run_is_disarmed(tmp_path: Path) -> None:
    sent = clean()
    sent.names[0] = "=HYPERLINK(A1)"
    sent.absent |= {(0, 5)}
    study = read_study(write_project(tmp_path, sent))
    panel = read_panel(study, today=TODAY)
    release = make_quality_release(study, panel, check_quality(study, panel))
    table = bundle_bytes(release)[SEND_BACK_FILE].decode()
    assert "'=HYPERLINK" in table
    assert not re.search(r"(^|,)=", table, flags=re.MULTILINE)
    assert "<script" not in "".join(block.html for block in show_report(release).blocks)


def test_no_sampler_is_loaded() -> None:
    """Not by the check, not by the Release, not by its report."""
    code = (
        "import sys, impl\n"
        f"study = impl.read_study({str(DEMO)!r})\n"
        "panel = impl.read_panel(study)\n"
        "release = impl.make_quality_release(study, panel, impl.check_quality(study, panel))\n"
        "impl.show_report(release)\n"
        "from impl.runs.ready import inspect_study\n"
        "assert inspect_study(study).sites == 12\n"
        "sys.exit(any(name in sys.modules for name in ('pymc', 'pytensor', 'arviz')))"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=False).returncode == 0
