"""The gate: every byte of a bundle is walked before it is published.

It judges files, not intentions: what stands in them, whoever wrote it. It cannot know hidden values, so it
holds that what the Release hides has no number anywhere in the Release and its twins, and that pages say
nothing a reader's browser would run, fetch or follow out of the bundle.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from impl.errors import Fault, ImplError, shorten
from impl.release.files import (
    LARGEST_FILE,
    RELEASE_FILE,
    bundle_bytes,
    parse_release,
    release_bytes,
    says_the_same,
)
from impl.release.leaks import find_leaks, gate_fault, known_hashes, word_pattern
from impl.release.page import check_page
from impl.release.plausible import implausible
from impl.release.release import Release
from impl.study.study import PUBLIC_AUDIENCES

LANGUAGES = "nb|nn|en"
EDITIONS = r"summary\.|local-[A-Za-z0-9-]{1,60}\."
"""Pages beside the report itself: one sheet for a meeting, and one site's own."""
HISTORY = re.compile(r"history/[0-9a-z][0-9a-z-]{0,63}\.json")
FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]")
NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
LONG_NUMBER = re.compile(r"(?<![0-9.])[0-9]{10,}(?![0-9.])")
SMALLEST_GROUP = 3  # sites; the rule of disclosure control, held here a second time


def check_bundle(folder: Path, release: Release, *, forbidden: Iterable[str] = ()) -> list[Fault]:
    """Everything in `folder` that may not be published as the bundle of `release`.

    forbidden: strings that may stand nowhere, such as the project's folder or a user's name; found as
    whole words in any case. An empty list means that the bundle may go out.
    """
    faults = _wrong_numbers(release)
    words = word_pattern(folder, forbidden)
    expected = bundle_bytes(release)
    for file in sorted(folder.rglob("*")):
        name = file.relative_to(folder).as_posix()
        if file.is_symlink():
            faults.append(
                gate_fault("link", name, "a link", "a file of the bundle", "Copy the file instead.")
            )
        elif file.is_dir():
            if name != "history":
                faults.append(_unknown(name))
        else:
            faults += _check_file(file, name, release, expected, words)
    faults += [
        gate_fault("missing", name, "nothing", "part of the bundle", "Write the Release again.")
        for name in expected
        if not (folder / name).is_file()
    ]
    return faults


def check_foreign(release: Release, text: str, name: str) -> Iterator[Fault]:
    """What speaks against a Release that somebody else made. text: the bytes it was read from, as text.

    Its own promises, paths and persons in its words, and that ids, numbers and days are such as we write.
    """
    yield from _wrong_numbers(release, name)
    yield from find_leaks("\n".join(_distinct_words(text)), name, known_hashes(release), None)
    for place, got, allowed in implausible(release):
        yield gate_fault(
            "implausible", f"{name}, key '{place}'", got, allowed, "Ask whoever made it to run the study again.",
        )  # fmt: skip


def _distinct_words(text: str) -> Iterator[str]:
    """Every text of a JSON file once, and every long whole number: what leaks are looked for in, without the figures."""
    for word in dict.fromkeys(STRING.findall(text)):
        yield json.loads(word) if "\\" in word else word[1:-1]
    yield from dict.fromkeys(LONG_NUMBER.findall(text))


def _check_file(
    file: Path, name: str, release: Release, expected: Mapping[str, bytes], words: re.Pattern[str] | None
) -> Iterator[Fault]:
    page = re.fullmatch(rf"{re.escape(release.study.id)}\.(?:{EDITIONS})?(?:{LANGUAGES})\.html", name)
    if not (name in expected or page or HISTORY.fullmatch(name)):
        yield _unknown(name)
        return
    size = file.stat().st_size
    if size > LARGEST_FILE:
        yield gate_fault(
            "too_large", name, f"{size} bytes", f"at most {LARGEST_FILE}", "Publish less in one file."
        )
        return
    data = file.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        yield gate_fault("not_text", name, "a byte that is not UTF-8", "text", "Write the file again.")
        return
    known = known_hashes(release)
    if page:
        yield from check_page(text, name, release, words)
        return
    if name.endswith(".csv"):
        yield from _formulas(text, name)
    if name in expected:
        older = name == RELEASE_FILE and says_the_same(data, release)
        if data != expected[name] and not older:
            yield gate_fault(
                "twin", name, "other bytes than the Release gives", "what the Release says",
                "Write the Release again; a Release is never edited by hand.",
            )  # fmt: skip
    else:
        try:
            earlier = parse_release(data, name)
        except ImplError as error:
            yield from error.faults
        else:
            yield from _wrong_numbers(earlier, name)
            known |= known_hashes(earlier)
            text = release_bytes(earlier).decode()  # without escapes that hide a word
            if earlier.disclosure.audience not in PUBLIC_AUDIENCES:
                yield gate_fault(
                    "audience", name, f"a Release for audience {earlier.disclosure.audience}", "one for everybody",
                    "Remove the file.",
                )  # fmt: skip
            if earlier.study.id != release.study.id:
                yield gate_fault("other_study", name, "another study", "this study", "Remove the file.")
    yield from find_leaks(text, name, known, words)


# --- the Release's own promises


def _wrong_numbers(release: Release, name: str = RELEASE_FILE) -> list[Fault]:
    """Numbers that stand in the Release although the Release itself says that they are hidden."""
    found: list[str] = []
    for curve in release.curves:
        for point in curve.points:
            if point.hidden and (point.observed is not None or point.expected is not None):
                found.append(f"curves.{curve.measure}, {point.start}")
    chart = release.sections.spc
    shown = {
        (curve.measure, point.start): point.observed for curve in release.curves for point in curve.points
    }
    if chart is not None and chart.chart not in ("g", "t"):
        for mark in chart.points:
            limits_of_hidden = mark.hidden and (mark.lower, mark.upper) != (None, None)
            if limits_of_hidden or mark.value != shown.get((chart.measure, mark.start)):
                found.append(f"sections.spc, {mark.start}")
    hidden_after = set()
    for comparison in release.comparisons:
        if comparison.after is None:
            hidden_after.add(comparison.measure)
            if comparison.expected is not None:
                found.append(f"comparisons.{comparison.measure}.expected")
    told = {(row.measure, row.scale) for row in release.estimates}
    for measure in sorted(hidden_after):
        if (measure, "averted") in told or {(measure, "difference"), (measure, "ratio")} <= told:
            found.append(f"estimates.{measure}: scales that give the hidden level")
    if release.status == "not_converged":
        if release.estimates or release.comparisons or release.curves or release.covariances:
            found.append("numbers of a fit that did not converge")
        if release.verdict is not None:
            found.append("verdict of a fit that did not converge")
    if release.run.profile == "smoke" and release.verdict is not None:
        found.append("verdict of a smoke run")
    found += _wrong_sites(release)
    if release.sections.quality is not None:
        if release.disclosure.audience != "own-unit":
            found.append("sections.quality for others than those who delivered")
        if release.estimates or release.comparisons or release.curves or release.verdict is not None:
            found.append("numbers beside a report on data alone")
    section = release.sections.adaptations
    for row in release.estimates:
        group = (row.group or "").partition(":")[2]
        if (
            row.estimand == "group"
            and release.disclosure.audience != "own-unit"
            and (section is None or section.sites_with.get(group, 0) < SMALLEST_GROUP)
        ):
            found.append(f"estimates.{row.measure}, group {shorten(group, 20)} of too few sites")
    return [
        gate_fault(
            "hidden_number", f"{name}, {place}", "a number", "hidden",
            "Make the Release again with impl.make_release.",
        )
        for place in dict.fromkeys(found)
    ]  # fmt: skip


def _wrong_sites(release: Release) -> Iterator[str]:
    """Counts by site for an audience that may not see them, and effects that are said to be one site's."""
    audience = release.disclosure.audience
    for row in release.sections.sites:
        where = f"sections.sites.{row.measure}, {shorten(row.site, 20)}"
        if audience in PUBLIC_AUDIENCES:
            yield where
            continue
        if audience != "own-unit" and (row.numerators or row.denominators):
            yield f"{where}: every period"
        for count in (row.before, row.after):
            if count is not None and count.hidden and (count.numerator, count.denominator) != (None, None):
                yield where
    # From a site's shrunken mean, its exposure and the rest of the model its count can be computed (Poisson-gamma:
    # exactly, in nearly every cell of 1-7 events), so an estimate may be about one site only where its counts are told.
    effects = release.sections.by_site
    told = {
        row.site
        for row in release.sections.sites
        if effects is not None
        and row.measure == effects.measure
        and row.after is not None
        and not any(count is not None and count.hidden for count in (row.before, row.after))
    }
    for effect in () if effects is None else effects.rows:
        numbers = (effect.lower, effect.median, effect.upper, effect.p_better)
        where = f"sections.by_site, {shorten(effect.site, 20)}"
        unseen = effect.hidden or (audience != "own-unit" and effect.site not in told)
        if audience in PUBLIC_AUDIENCES or (unseen and any(number is not None for number in numbers)):
            yield where
    sites = {site.site for site in release.design.rollout} | {site.name for site in release.design.rollout}
    for estimate in release.estimates:
        if {estimate.group, (estimate.group or "").partition(":")[2]} & sites:
            yield f"estimates.{estimate.measure}: one site's"


def _formulas(text: str, name: str) -> Iterator[Fault]:
    """Cells that a spreadsheet would run, whichever mark it splits at."""
    for number, row in enumerate(csv.reader(io.StringIO(text, newline="")), start=1):
        pieces = [piece for cell in row for piece in re.split("[;\t\n]", cell)]
        if any(FORMULA.match(piece) and not NUMBER.fullmatch(piece) for piece in pieces):
            yield gate_fault(
                "formula", f"{name}, row {number}", "a text that a spreadsheet runs as a formula",
                "a text with an apostrophe before it", "Write the Release again.",
            )  # fmt: skip


def _unknown(name: str) -> Fault:
    return gate_fault(
        "unknown_file", shorten(name).strip("'"), "a file of another name", "a file of the bundle",
        "Keep only release.json, its CSV files, the pages and history/.",
    )  # fmt: skip
