"""Pages from a Release alone, wherever it lies; PDF where there is a browser; and which report was the one before."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from example_release import network_sites, staggered
from impl.errors import DisclosureError, RunError, StudyError
from impl.release.dictionary import dictionary_rows
from impl.release.files import (
    CURVE_COLUMNS,
    ESTIMATE_COLUMNS,
    bundle_bytes,
    release_bytes,
    says_the_same,
    write_release,
)
from impl.release.gate import check_bundle
from impl.release.release import Release
from impl.runs import pages
from impl.runs.publish import previous
from report_pages import page_of


def earlier_one(run: str, days: int, *, profile: str = "full") -> Release:
    release = staggered()
    before = {"id": run, "started": release.run.started - timedelta(days=days), "profile": profile}
    return release.model_copy(update={"run": release.run.model_copy(update=before)})


def put(folder: Path, name: str, release: Release) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(release_bytes(release))
    return folder / name


def test_the_report_before_is_the_newest_full_one_that_is_older(tmp_path: Path) -> None:
    folder = tmp_path / "reports" / staggered().study.id
    assert previous(tmp_path, staggered()) is None
    put(folder, "release.json", staggered())
    put(folder / "history", "aaaa.json", earlier_one("aaaa", 300))
    newest = put(folder / "history", "bbbb.json", earlier_one("bbbb", 90))
    put(folder / "history", "cccc.json", earlier_one("cccc", 10, profile="smoke"))
    put(folder / "history", "dddd.json", earlier_one("dddd", -10))
    (folder / "history" / "eeee.json").write_text("{half")
    other = earlier_one("ffff", 1)
    put(
        folder / "history",
        "ffff.json",
        other.model_copy(update={"study": other.study.model_copy(update={"id": "x"})}),
    )
    assert previous(tmp_path, staggered()) == newest


def test_pages_beside_a_release_are_those_of_its_notebook_and_the_same_each_time(tmp_path: Path) -> None:
    release = staggered()
    file = write_release(release, tmp_path / "elsewhere")
    made = pages.render_beside(file, ["nb", "nn"], "9901")
    study = release.study.id
    assert sorted(path.name for path in made) == sorted(
        f"{study}.{edition}{code}.html"
        for code in ("nb", "nn")
        for edition in ("", "summary.", "local-9901.")
    )
    assert (file.parent / f"{study}.nb.html").read_text("utf-8") == page_of(release, "nb")
    first = {path.name: path.read_bytes() for path in made}
    assert {path.name: path.read_bytes() for path in pages.render_beside(file, ["nb", "nn"], "9901")} == first
    assert check_bundle(file.parent, release) == [], "the gate knows every one of them"
    put(file.parent / "history", "aaaa.json", earlier_one("aaaa", 300))
    told = pages.render_beside(file, ["nb"])[0].read_text("utf-8")
    assert "Siden forrige utgave (januar 2026)" in told
    with pytest.raises(StudyError, match="9901"):
        pages.render_beside(file, ["nb"], "nowhere")


def test_a_foreign_release_passes_the_same_gate_or_is_refused_with_the_reasons(tmp_path: Path) -> None:
    """Counts by site in a public one, a number where it says hidden, a path in a text: each is named, nothing is written."""
    sound = network_sites()
    public = sound.model_copy(update={"disclosure": staggered().disclosure})
    points = list(public.curves[0].points)
    points[3] = points[3].model_copy(update={"hidden": True})
    curve = public.curves[0].model_copy(update={"points": tuple(points)})
    title = {"nb": "Se /home/kari/fall.xlsx"}
    foreign = public.model_copy(
        update={"curves": (curve,), "study": public.study.model_copy(update={"title": title})}
    )
    file = put(tmp_path / "from-elsewhere", "release.json", foreign)
    with pytest.raises(DisclosureError) as refused:
        pages.render_beside(file, ["nb"])
    told = str(refused.value)
    for reason in ("sections.sites.falls, '9901'", "sections.by_site, '9901'", "curves.falls", "gate.path"):
        assert reason in told or reason in {fault.code for fault in refused.value.faults}, reason
    assert "kari" not in told
    assert [path.name for path in file.parent.iterdir()] == ["release.json"], "nothing was written"
    assert pages.render_beside(put(tmp_path / "of-a-network", "release.json", sound), ["nb"])


def test_a_release_of_an_older_program_is_still_its_own_file(tmp_path: Path) -> None:
    """A later field at its default is left out by a program that did not know it; nothing else may differ."""
    release = staggered()
    content = json.loads(release_bytes(release))
    del content["study"]["valid_months"]
    older = (json.dumps(content, ensure_ascii=False, indent=1) + "\n").encode()
    assert says_the_same(older, release)
    assert not says_the_same(older.replace(b'"seed": ', b'"seed": 1'), release)
    assert not says_the_same(older.replace(b"\n ", b"\n  "), release), "another spelling may hide something"
    assert not says_the_same(b"{", release)
    for name, data in bundle_bytes(release).items():
        (tmp_path / name).write_bytes(older if name == "release.json" else data)
    assert check_bundle(tmp_path, release) == []


def test_every_column_of_the_tables_is_explained_once_and_in_order() -> None:
    rows = dictionary_rows()
    for file, columns in (("estimates.csv", ESTIMATE_COLUMNS), ("curves.csv", CURVE_COLUMNS)):
        assert tuple(row["column"] for row in rows if row["file"] == file) == columns
    assert all(row["meaning"].endswith(".") and row["kind"] for row in rows)
    text = bundle_bytes(staggered())["data-dictionary.csv"].decode()
    assert list(csv.DictReader(io.StringIO(text, newline=""))) == rows
    estimand = next(row["meaning"] for row in rows if row["column"] == "estimand")
    for name in {row.estimand for row in staggered().estimates}:
        assert re.search(rf"\b{name}\b", estimand), name


def test_without_a_browser_a_pdf_is_refused_plainly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RunError, match="Install Chromium"):
        pages.print_pdf([tmp_path / "x.html"], tmp_path / "pdf")


@pytest.mark.skipif(not any(map(shutil.which, pages.CHROMIUM)), reason="no Chromium on this machine")
def test_a_report_and_its_sheet_are_printed(tmp_path: Path) -> None:
    made = pages.render_beside(write_release(staggered(), tmp_path), ["nb"])
    whole, sheet = pages.print_pdf(made, tmp_path / "pdf")
    sheets = [len(re.findall(rb"/Type\s*/Page\b(?!s)", path.read_bytes())) for path in (whole, sheet)]
    assert sheets[0] > 3
    assert sheets[1] == 1
