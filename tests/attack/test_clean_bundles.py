"""Few false alarms: bundles with the pages that readers get pass the gate, every situation in every language."""

from __future__ import annotations

from pathlib import Path

import pytest

import example_release
from impl.release.files import bundle_bytes
from impl.release.gate import check_bundle
from impl.release.release import Release
from impl.release.site_counts import SiteCount, SiteCounts
from report_pages import page_of

LANGUAGES = ("nb", "en")
CLEAN = [(name, language) for name in example_release.EXAMPLES for language in LANGUAGES]


def without_hidden_levels(release: Release) -> Release:
    hidden = {row.measure for row in release.comparisons if row.after is None}
    kept = tuple(
        row for row in release.estimates if row.measure not in hidden or row.scale in ("ratio", "link")
    )
    return release.model_copy(update={"estimates": kept})


def bundle(folder: Path, release: Release, language: str) -> Path:
    folder.mkdir()
    for name, data in bundle_bytes(release).items():
        (folder / name).write_bytes(data)
    (folder / f"{release.study.id}.{language}.html").write_text(page_of(release, language), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("name", "language"), CLEAN)
def test_the_pages_that_readers_get_pass(tmp_path: Path, name: str, language: str) -> None:
    release = without_hidden_levels(example_release.EXAMPLES[name]())
    folder = bundle(tmp_path / "out", release, language)
    assert check_bundle(folder, release, forbidden=["kari", "root"]) == []


def test_there_are_enough_clean_bundles() -> None:
    assert len(CLEAN) >= 20


@pytest.mark.parametrize("audience", ["own-unit", "network", "open"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_who_it_is_for(tmp_path: Path, audience: str, language: str) -> None:
    release = example_release.EXAMPLES["staggered"]()
    site = release.design.rollout[0]
    counts = SiteCounts(
        measure=release.study.measures[0].id,
        site=site.site,
        name=site.name,
        before=SiteCount(numerator=12.0, denominator=900.0),
    )
    disclosure = release.disclosure.model_copy(update={"audience": audience})
    sections = release.sections.model_copy(update={"sites": () if audience == "open" else (counts,)})
    release = release.model_copy(update={"disclosure": disclosure, "sections": sections})
    folder = bundle(tmp_path / "out", release, language)
    assert check_bundle(folder, release) == []
    text = (folder / f"{release.study.id}.{language}.html").read_text(encoding="utf-8")
    forbids = "ikke gis videre" if language == "nb" else "must not be passed on"
    assert (forbids in text) is (audience != "open")
