"""Tables in municipality codes become tables in areas: counts and exposures summed, starts joined or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from math import isnan, nan
from pathlib import Path

from impl.data.numbers import GAP, CellNumbers
from impl.data.panel import PanelWarning
from impl.data.places import Places, area_of, code_faults, may_have_changed, read_places
from impl.data.rollout import Start
from impl.data.rows import Rows
from impl.errors import Fault, shorten
from impl.files.calendar import Span
from impl.study.study import Study

Starts = dict[str, dict[str, Start]]


@dataclass(frozen=True, kw_only=True)
class Harmonised:
    """What is left when codes have become areas. area: every code that a table may use -> its area.

    changed: areas that several codes stand for.
    """

    rows: Rows
    starts: Starts
    area: dict[str, str]
    changed: tuple[str, ...] = ()
    warnings: tuple[PanelWarning, ...] = ()


def harmonise(study: Study, rows: Rows, starts: Starts, faults: list[Fault]) -> Harmonised:
    """Rows and starts by area, where the study names a change table; faults are noted.

    Without one they come back as they are, with a warning where sites end just where others begin.
    """
    plain = Harmonised(rows=rows, starts=starts, area={})
    if not rows.span:
        return plain
    if study.places is None:
        suspect = _suspect(rows)
        warning = PanelWarning(code="codes_may_have_changed", values={"count": suspect})
        return replace(plain, warnings=(warning,)) if suspect else plain
    places = read_places(study.root, study.places.changes, faults)
    if places is None:
        return plain
    starts = _same_areas(starts, places)
    if study.places.codes == "areas":
        return replace(plain, starts=starts)
    spans: dict[str, tuple[int, list[Span]]] = {site: (row, []) for site, row in rows.sites.items()}
    for site, span in zip(rows.site, rows.span, strict=True):
        spans[site][1].append(span)
    wrong = list(code_faults(places, spans, Path(study.data.file).name))
    in_rollout = {site: (start.row, ()) for of_bundle in starts.values() for site, start in of_bundle.items()}
    wrong += code_faults(
        places,
        {site: at for site, at in in_rollout.items() if site not in spans},
        Path(study.rollout.file).name,
    )
    if wrong:
        faults += wrong
        return plain
    first, last = min(span[0] for span in rows.span), max(span[1] for span in rows.span)
    areas = places.areas({*spans, *in_rollout}, first, last)
    summed, incomplete = _summed(rows, areas, places)
    warnings = []
    changed = {area: codes for area, codes in areas.items() if len(codes) > 1}
    if changed:
        count = sum(len(codes) for codes in changed.values())
        warnings.append(PanelWarning(code="codes_harmonised", values={"count": count, "sites": len(changed)}))
    if incomplete:
        warnings.append(PanelWarning(code="areas_incomplete", values={"count": incomplete}))
    joined = _joined(study, starts, areas, places, (first, last), faults)
    mixed = sum(_mixed(starts, codes, study.rollout.starts) for codes in changed.values())
    if mixed:
        warnings.append(PanelWarning(code="mixed_starts", values={"sites": mixed}))
    return Harmonised(
        rows=summed,
        starts=joined,
        area=area_of(areas),
        changed=tuple(sorted(changed)),
        warnings=tuple(warnings),
    )


def _same_areas(starts: Starts, places: Places) -> Starts:
    """Starts whose listed areas bear one name each, whenever they were listed: codes are joined over all changes."""
    listed = {area for of_bundle in starts.values() for start in of_bundle.values() for area in start.areas}
    name = area_of(places.areas({area for area in listed if area in places.lives}, date.min, date.max))
    return {
        bundle: {
            site: replace(start, areas=tuple(dict.fromkeys(name.get(area, area) for area in start.areas)))
            for site, start in of_bundle.items()
        }
        for bundle, of_bundle in starts.items()
    }


def _suspect(rows: Rows) -> int:
    first: dict[str, date] = {}
    last: dict[str, date] = {}
    for site, (start, end) in zip(rows.site, rows.span, strict=True):
        first[site] = min(start, first.get(site, start))
        last[site] = max(end, last.get(site, end))
    return may_have_changed(last, first)


# --- the panel table


def _summed(rows: Rows, areas: Mapping[str, Sequence[str]], places: Places) -> tuple[Rows, int]:
    """Rows by area, and the number of cells left as gaps because a part of the area has no number."""
    known: dict[tuple[str, Span, str], CellNumbers] = {}
    for measure, site, span, numbers in zip(rows.measure, rows.site, rows.span, rows.numbers, strict=True):
        zero = (measure, site, span[0]) in rows.zero
        known[measure, span, site] = CellNumbers(0.0, 0.0) if zero else numbers
    wanted = sorted({(measure, span) for measure, span, _ in known})
    summed = Rows(vintage=rows.vintage, spans=dict(rows.spans), dropped=0)
    incomplete = 0
    for area, codes in areas.items():
        present = [code for code in codes if code in rows.sites]
        if not present:
            continue
        summed.sites[area] = min(rows.sites[code] for code in present)
        names = [name for code in area.split("+") if (name := _name(code, rows, places)) != code]
        if names:
            summed.names[area] = "/".join(dict.fromkeys(names))
        for measure, span in wanted:
            parts = {code: known.get((measure, span, code)) for code in codes if places.alive(code, *span)}
            given = {code: part for code, part in parts.items() if part is not None}
            if not given:
                continue
            whole = len(given) == len(parts) and GAP not in given.values()
            incomplete += not whole and any(part is not GAP for part in given.values())
            if not whole:
                summed.declared[measure, area, span[0]] = "incomplete_area"
            summed.add(measure, area, span, _sum(list(given.values())) if whole else GAP)
            answers = [rows.answers.get((measure, code, span[0])) for code in given]
            if any(answer is not None for answer in answers):
                totals = zip(*(answer for answer in answers if answer), strict=True) if whole else ()
                summed.answers[measure, area, span[0]] = tuple(sum(column) for column in totals)
    return summed, incomplete


def _name(code: str, rows: Rows, places: Places) -> str:
    return rows.names.get(code) or places.name(code)


def _sum(parts: list[CellNumbers]) -> CellNumbers:
    """One cell of several. A count known as an interval makes the sum one; a spread is pooled about the new mean."""
    if len(parts) == 1:
        return parts[0]
    total = sum(part.denominator for part in parts)
    if any(part.is_interval for part in parts):
        least = sum(part.at_least if part.is_interval else part.numerator for part in parts)
        most = sum(part.at_most if part.is_interval else part.numerator for part in parts)
        return CellNumbers(denominator=total, at_least=least, at_most=most)
    numerator = sum(part.numerator for part in parts)
    squares = nan
    if total and not any(isnan(part.sum_squares) for part in parts if part.denominator):
        about = (part for part in parts if part.denominator)
        squares = sum(
            part.sum_squares + part.denominator * (part.numerator / part.denominator - numerator / total) ** 2
            for part in about
        )
    return CellNumbers(numerator=numerator, denominator=total, sum_squares=squares)


# --- the roll-out table


def _joined(
    study: Study,
    starts: Starts,
    areas: Mapping[str, Sequence[str]],
    places: Places,
    window: Span,
    faults: list[Fault],
) -> Starts:
    """One start an area. Parts that started at different times make the time between a transition."""
    shown = Path(study.rollout.file).name
    joined: Starts = {bundle: {} for bundle in starts}
    for bundle, of_bundle in starts.items():
        for area, codes in areas.items():
            rows = {code: of_bundle[code] for code in codes if code in of_bundle}
            if not rows:
                continue
            start = min(rows.values(), key=lambda row: row.row)
            where = f"{shown}, row {start.row}"
            if any(row.state == "faulty" for row in rows.values()):
                joined[bundle][area] = replace(start, site=area, state="faulty")
                continue
            if not any(snapshot <= rows.keys() for snapshot in places.snapshots(codes, *window)):
                lacking = ", ".join(sorted(set(codes) - rows.keys()))
                faults.append(
                    _fault(
                        "data.part_without_start",
                        f"{where}, column 'site'",
                        f"{', '.join(sorted(rows))} alone, joined with {lacking}",
                        "the whole of an area, as it was at one time",
                        "Add the others' starts, or use the code after the merger.",
                    )
                )
                continue
            if (
                len(
                    {
                        (row.effective_state(study.rollout.starts), row.stratum, row.components)
                        for row in rows.values()
                    }
                )
                > 1
            ):
                faults.append(
                    _fault(
                        "data.mixed_area",
                        f"{where}, column 'site'",
                        shorten(f"{', '.join(sorted(rows))} with different states, strata or components", 80),
                        "one and the same for codes that were joined",
                        "Leave these sites out of both tables, or give them the same.",
                    )
                )
                continue
            joined[bundle][area] = _one_start(area, list(rows.values()), study.rollout.starts)
    return joined


def _one_start(area: str, rows: list[Start], by: str) -> Start:
    def first(days: list[date | None]) -> date | None:
        return None if None in days else min(day for day in days if day is not None)

    start = min(rows, key=lambda row: row.row)
    stops = [row.stop for row in rows if row.stop is not None]
    days = [day for row in rows if (day := row.effective_start(by)) is not None]
    ends = [row.transition_end for row in rows if row.transition_end is not None]
    if len(set(days)) > 1:
        ends.append(max(days) - timedelta(1))
    return replace(
        start,
        site=area,
        allocated_start=first([row.allocated_start for row in rows]),
        actual_start=first([row.actual_start for row in rows]),
        transition_end=max(ends, default=None),
        stop=min(stops, default=None),
    )


def _mixed(starts: Starts, codes: Sequence[str], by: str) -> bool:
    return any(
        len({of_bundle[code].effective_start(by) for code in codes if code in of_bundle}) > 1
        for of_bundle in starts.values()
    )


def _fault(code: str, where: str, got: str, allowed: str, fix: str) -> Fault:
    return Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)
