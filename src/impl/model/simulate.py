"""Synthetic data with a known truth, from the NumPy side of the models only; some as raw files as well.

Four studies: falls in one nursing home, central-line infections in eight hospitals, medication reviews in
twelve municipalities, and the seven dated waves of Gode pasientforløp. Places and numbers are invented;
only the roll-out dates of the last are real (the programme's own list of completed networks).
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt

from impl.model.likelihoods import LIKELIHOODS
from impl.model.likelihoods.likelihood import Array, link_of
from impl.model.raw_faults import FILE, FIRST, MONTHS, faulty_file, mistakes_truth, rollout_rows
from impl.model.raw_files import raw_files
from impl.release.atomic import write_atomically

SEED = 20261122
Row = Sequence[object]


@dataclass(frozen=True, kw_only=True)
class World:
    """A simulated truth on the link scale.

    start: position of the first full intervention period per site (inf = never within the data).
    effect(exposure): effect at each time since start, periods. shift: extra effect per site x period.
    """

    law: str
    baseline: float
    start: npt.NDArray[np.float64]
    effect: Callable[[Array], Array]
    months: float = 1.0
    site_sd: float = 0.0
    cell_sd: float = 0.0
    trend_per_year: float = 0.0
    season: float = 0.0
    overdispersion: float = 0.0


def simulate_cells(
    world: World, denominator: Array, rng: np.random.Generator, shift: Array | None = None
) -> tuple[Array, Array]:
    """Numerators and treated link-scale effects, both site x period, for given denominators.

    `shift` (site x period, link scale) is added where treated: the effect of a local adaptation.
    """
    law = LIKELIHOODS[world.law]
    sites, periods = denominator.shape
    time = np.arange(periods)
    exposure = np.maximum(time[None, :] - world.start[:, None] + 1, 0.0)
    treated = exposure > 0
    effect = np.where(treated, world.effect(exposure) + (0.0 if shift is None else shift), 0.0)
    eta = (
        link_of(world.baseline, law.link)
        + world.site_sd * rng.standard_normal((sites, 1))
        + world.cell_sd * rng.standard_normal((sites, periods))
        + world.trend_per_year * (time[None, :] - periods / 2) * world.months / 12
        + world.season * np.cos(2 * np.pi * time[None, :] * world.months / 12)
        + effect
    )
    parameters = {"overdispersion": np.array([[world.overdispersion]])}
    return law.draw(eta, denominator, parameters, rng), effect


def month_starts(first: date, count: int, step: int = 1) -> list[date]:
    """First days of `count` periods of `step` months."""
    months = [first.year * 12 + first.month - 1 + step * index for index in range(count + 1)]
    return [date(month // 12, month % 12 + 1, 1) for month in months]


def write_synthetic(root: Path) -> Path:
    """Write every synthetic study's tables and `truth.json` under `<root>/data/synthetic`; the same bytes
    each time. Returns the folder."""
    folder = root / "data" / "synthetic"
    truth, panels = {}, {}
    for index, (name, make) in enumerate(
        (
            ("falls", _falls),
            ("svk", _central_lines),
            ("medication", _medication),
            ("pathways", _pathways),
            ("sign-flip", _sign_flip),
        )
    ):
        tables, truth[name] = make(np.random.default_rng([SEED, index]))
        for table, rows in tables.items():
            _write(folder / name / f"{table}.csv", rows)
        panels[name] = tables["panel"]
    for file, data in raw_files(panels).items():
        (folder / "raw").mkdir(exist_ok=True)
        write_atomically(folder / "raw" / file, data)
    months = month_starts(FIRST, MONTHS)[:-1]
    write_atomically(folder / "raw" / FILE, faulty_file(np.random.default_rng([SEED, 5]), months))
    _write(folder / "quality" / "rollout.csv", rollout_rows(months))
    truth["quality"] = {"file": FILE, "mistakes": mistakes_truth()}
    text = json.dumps({"seed": SEED, **truth}, indent=1, ensure_ascii=False) + "\n"
    write_atomically(folder / "truth.json", text.encode())
    return folder


PANEL = (
    "site",
    "name",
    "period_start",
    "period_end",
    "measure",
    "numerator",
    "denominator",
    "status",
    "vintage",
)
ROLLOUT = ("site", "allocated_start", "actual_start", "transition_end", "stop")
ADAPTATIONS = ("site", "start", "end", "component", "nature", "consistent", "planned")
TARGETS = ("site", "period_start", "period_end", "measure", "target")
AUDITS = ("site", "period_start", "component", "delivered", "eligible", "status")
VINTAGE = date(2026, 8, 15)
Tables = dict[str, list[Row]]
Truth = dict[str, object]


def _falls(rng: np.random.Generator) -> tuple[Tables, Truth]:
    """One nursing home of about 60 residents, four years; the bundle from the start of the third year."""
    starts = month_starts(date(2022, 7, 1), 48)
    days = np.array([[(b - a).days for a, b in itertools.pairwise(starts)]], dtype=float)
    residents = np.round(60 * rng.uniform(0.92, 1.0, days.shape))
    ratio = 0.65
    world = World(
        law="negbin",
        baseline=4.5 / 1000,
        start=np.array([24.0]),
        effect=lambda exposure: np.full(exposure.shape, np.log(ratio)),
        season=0.08,
        overdispersion=0.15,
    )
    falls, _ = simulate_cells(world, days * residents, rng)
    rows = panel_rows(["9901"], {"9901": "Solbakken sykehjem"}, starts, "falls", falls, days * residents)
    rows[1 + 7] = (*rows[8][:5], "", rows[8][6], "not_reported", rows[8][8])  # a declared gap, to be seen
    rollout: list[Row] = [ROLLOUT, ("9901", "2024-06-01", "2024-06-10", "2024-06-30", "")]
    truth: Truth = {"measure": "falls", "ratio": ratio, "link": float(np.log(ratio)), "window": [1, 12]}
    return {"panel": rows, "rollout": rollout}, truth


def _central_lines(rng: np.random.Generator) -> tuple[Tables, Truth]:
    """Eight hospitals, three years, four waves; fewer lines *and* fewer infections per line-day.

    The effect grows over half a year. Sites whose adaptations removed a core element have less of it.
    """
    starts = month_starts(date(2023, 7, 1), 36)
    days = np.array([(b - a).days for a, b in itertools.pairwise(starts)], dtype=float)
    sites = [f"99{index:02d}" for index in range(11, 19)]
    names = dict(
        zip(
            sites,
            ("Fjellvik", "Granli", "Havnes", "Lindmo", "Myrstad", "Nordvang", "Sundbø", "Vestlia"),
            strict=True,
        )
    )
    names = {site: f"{name} sykehus" for site, name in names.items()}
    start = np.repeat([12.0, 15.0, 18.0, 21.0], 2)
    beds = np.array([210, 320, 180, 260, 400, 150, 290, 230], dtype=float)
    patient_days = np.round(beds[:, None] * days * rng.uniform(0.86, 0.94, (8, 36)))
    use = World(law="binomial", baseline=0.12, start=start, effect=_growing(0.82), site_sd=0.25, cell_sd=0.04)
    line_days, use_effect = simulate_cells(use, patient_days, rng)
    log: list[Row] = [ADAPTATIONS]
    shift = np.zeros((8, 36))
    consistent = {0: "yes", 1: "no", 2: "yes", 3: "unknown", 4: "yes", 5: "no", 6: "yes", 7: "no"}
    components = ("insertion_checklist", "daily_review", "hand_hygiene", "training")
    natures = {"yes": ("tailoring", "adding"), "no": ("removing", "drift"), "unknown": ("substituting",)}
    for site, kind in consistent.items():
        begin = int(start[site]) + int(rng.integers(0, 3))
        for extra in range(2 if site % 2 == 0 else 1):
            nature = natures[kind][extra % len(natures[kind])]
            planned = "yes" if kind == "yes" else "no"
            row = (
                sites[site],
                starts[begin + extra],
                "",
                components[(site + extra) % 4],
                nature,
                kind,
                planned,
            )
            log.append(row)
        shift[site, begin:] = {"yes": 0.0, "no": 0.30, "unknown": 0.10}[kind]
    infection = World(
        law="poisson",
        baseline=5.0 / 1000,
        start=start,
        effect=_growing(0.50),
        site_sd=0.30,
        cell_sd=0.15,
        trend_per_year=-0.04,
    )
    infections, effect = simulate_cells(infection, line_days, rng, shift)
    rows: list[Row] = [PANEL]
    for measure, numerator, denominator in (
        ("clabsi", infections, line_days),
        ("clabsi_population", infections, patient_days),
        ("central_line_use", line_days, patient_days),
    ):
        rows += panel_rows(sites, names, starts, measure, numerator, denominator)[1:]
    rollout: list[Row] = [ROLLOUT]
    for code, position in zip(sites, start, strict=True):
        rollout.append((code, starts[int(position)], starts[int(position)], "", ""))
    delivered = audits(
        rng, sites, starts, start, lambda since: 0.95 - 0.25 * np.exp(-since / 4.0), eligible=40
    )
    window = slice(1, 13)
    per_line = [
        _mean_by_exposure(effect, start, window),
        _mean_by_exposure(effect + use_effect, start, window),
    ]
    truth: Truth = {
        "measure": "clabsi",
        "link": per_line[0],
        "link_population": per_line[1],
        "link_use": _mean_by_exposure(use_effect, start, window),
        "window": [1, 12],
        "contrast_yes_minus_no": -0.30,
        "delivery": "delivered",
    }
    return {"panel": rows, "rollout": rollout, "adaptations": log, "fidelity": delivered}, truth


def _growing(ratio: float) -> Callable[[Array], Array]:
    """An effect that grows over six periods to its full rate ratio."""

    def effect(exposure: Array) -> Array:
        grown: Array = np.log(ratio) * np.minimum(exposure, 6.0) / 6.0
        return grown

    return effect


def _medication(rng: np.random.Generator) -> tuple[Tables, Truth]:
    """Twelve municipalities, three years in quarters, four randomised waves; share of residents reviewed."""
    starts = month_starts(date(2023, 7, 1), 12, 3)
    sites = [f"99{index}" for index in range(21, 33)]
    words = ("Askevik", "Bjørkenes", "Dalset", "Elvestrand", "Furuheim", "Granvoll", "Heimfjord", "Innlund", "Kirkeberg", "Lauvsund", "Myrvang", "Nordbygda")  # fmt: skip
    names = dict(zip(sites, words, strict=True))
    start = np.repeat([3.0, 5.0, 7.0, 9.0], 3)[rng.permutation(12)]
    residents = np.round(rng.uniform(60, 260, 12))[:, None] * np.ones((1, 12))
    residents = np.round(residents * rng.uniform(0.95, 1.05, residents.shape))
    log_odds = 0.55
    world = World(
        law="binomial",
        baseline=0.58,
        start=start,
        effect=lambda exposure: np.full(exposure.shape, log_odds),
        months=3.0,
        site_sd=0.45,
        cell_sd=0.12,
        trend_per_year=0.10,
    )
    reviewed, _ = simulate_cells(world, residents, rng)
    rows = panel_rows(sites, names, starts, "medication_review", reviewed, residents)
    rollout: list[Row] = [ROLLOUT]
    rollout += [(site, starts[int(p)], starts[int(p)], "", "") for site, p in zip(sites, start, strict=True)]
    targets: list[Row] = [  # of all municipalities, per cent; the second lies close to where they come
        TARGETS,
        ("*", date(2023, 7, 1), date(2025, 12, 31), "medication_review", 65),
        ("*", date(2026, 1, 1), date(2026, 6, 30), "medication_review", 75),
    ]
    truth: Truth = {"measure": "medication_review", "link": log_odds, "window": [1, 4]}
    return {"panel": rows, "rollout": rollout, "targets": targets}, truth


def _pathways(rng: np.random.Generator) -> tuple[Tables, Truth]:
    """The dated waves of Gode pasientforløp with invented readmissions, no effect at all, and little delivered.

    Delivery is that of the trial behind it: 36 per cent got at least three of four checklists (Røsstad 2017,
    PMC5392928). Eight networks had finished before, without dates: they carry no before-period.
    """
    dated = {
        "vestfold": ("Vestfold", date(2020, 1, 1)),
        "sogn-og-fjordane": ("Sogn og Fjordane", date(2021, 3, 1)),
        "helgeland": ("Helgeland", date(2021, 10, 1)),
        "ahus": ("Ahus-regionen", date(2021, 11, 1)),
        "telemark": ("Telemark", date(2021, 11, 1)),
        "helse-bergen": ("Helse Bergen-regionen", date(2022, 4, 1)),
        "innlandet": ("Innlandet", date(2022, 11, 1)),
    }
    finished = ("Agder", "Rogaland", "Nordland", "Hedmark og Oppland", "Oslo (tre bydeler)", "Møre og Romsdal", "Ofoten, Troms og Finnmark", "Østfold")  # fmt: skip
    codes = {f"network-{index}": name for index, name in enumerate(finished, start=1)}
    starts = month_starts(date(2019, 1, 1), 60)
    sites = [*dated, *codes]
    names = {**{code: name for code, (name, _) in dated.items()}, **codes}
    first = [starts.index(begin) for _, begin in dated.values()] + [-1000] * len(codes)
    world = World(
        law="binomial",
        baseline=0.19,
        start=np.array(first, dtype=float),
        effect=lambda exposure: np.zeros(exposure.shape),
        site_sd=0.12,
        cell_sd=0.06,
        season=0.05,
    )
    discharges = np.round(rng.uniform(90, 420, len(sites)))[:, None] * rng.uniform(
        0.85, 1.15, (len(sites), 60)
    )
    pandemic = slice(starts.index(date(2020, 3, 1)), starts.index(date(2020, 6, 1)))
    discharges[:, pandemic] *= 0.7
    discharges = np.round(discharges)
    readmitted, _ = simulate_cells(world, discharges, rng)
    rows = panel_rows(sites, names, starts, "readmission_30d", readmitted, discharges)
    rollout: list[Row] = [ROLLOUT]
    rollout += [(code, begin, begin, "", "") for code, (_, begin) in dated.items()]
    rollout += [(code, "", "before-data", "", "") for code in codes]
    delivered = audits(
        rng, list(dated), starts, np.array(first[: len(dated)]), lambda since: 0.36 + 0.0 * since, eligible=20
    )
    truth: Truth = {
        "measure": "readmission_30d",
        "link": 0.0,
        "window": [1, 12],
        "delivery": "not_delivered",
        "fidelity": 0.36,
    }
    return {"panel": rows, "rollout": rollout, "fidelity": delivered}, truth


def _sign_flip(rng: np.random.Generator) -> tuple[Tables, Truth]:
    """A lesson: thirty-six wards, six randomised waves, seven quarters; nothing happens for half a year, then
    the bundle works more and more. A constant effect gives late exposure negative weight and turns the sign."""
    starts = month_starts(date(2023, 7, 1), 7, 3)
    sites = [f"98{index:02d}" for index in range(1, 37)]
    start = np.repeat(np.arange(1.0, 7.0), 6)[rng.permutation(36)]
    grown = np.array([0.0, 0.0, 0.1, 0.6, 1.1, 1.4]) * np.log(0.5) + 0.0
    world = World(
        law="poisson",
        baseline=5.0 / 1000,
        start=start,
        effect=lambda exposure: grown[np.clip(exposure, 1, 6).astype(int) - 1],
        months=3.0,
        site_sd=0.3,
    )
    days = np.round(rng.uniform(5400, 6600, (36, 7)))
    falls, _ = simulate_cells(world, days, rng)
    rows = panel_rows(sites, {site: f"Post {site}" for site in sites}, starts, "falls", falls, days)
    rollout: list[Row] = [ROLLOUT]
    rollout += [(site, starts[int(p)], starts[int(p)], "", "") for site, p in zip(sites, start, strict=True)]
    truth: Truth = {
        "measure": "falls",
        "by_quarter": grown.tolist(),
        "link": float(grown.mean()),
        "window": [1, 6],
    }
    return {"panel": rows, "rollout": rollout}, truth


def audits(
    rng: np.random.Generator,
    sites: Sequence[str],
    starts: Sequence[date],
    begin: Array,
    share: Callable[[Array], Array],
    *,
    eligible: int,
) -> list[Row]:
    """Audits of the whole bundle every third period from the start on; sites differ by 0.3 on the log-odds scale.

    share: expected share delivered, by periods since start. One audit in ten was not made.
    """
    rows: list[Row] = [AUDITS]
    for site, first in zip(sites, begin, strict=True):
        own = 0.3 * rng.standard_normal()
        for period in range(int(first), len(starts) - 1, 3):
            expected = share(np.array(float(period - first)))
            odds = np.log(expected / (1.0 - expected)) + own
            got = int(rng.binomial(eligible, 1.0 / (1.0 + np.exp(-odds))))
            made = rng.random() > 0.1
            counts = (got, eligible, "observed") if made else ("", "", "not_reported")
            rows.append((site, starts[period], "all", *counts))
    return rows


def panel_rows(
    sites: Sequence[str],
    names: Mapping[str, str],
    starts: Sequence[date],
    measure: str,
    numerator: Array,
    denominator: Array,
) -> list[Row]:
    rows: list[Row] = [PANEL]
    for place, site in enumerate(sites):
        for time, (begin, following) in enumerate(itertools.pairwise(starts)):
            end = following - timedelta(days=1)
            cell = (int(numerator[place, time]), int(denominator[place, time]), "observed", VINTAGE)
            rows.append((site, names[site], begin, end, measure, *cell))
    return rows


def _mean_by_exposure(effect: Array, start: Array, exposures: slice) -> float:
    """Mean over exposure times of the mean effect across sites that reach them."""
    times = range(exposures.start, exposures.stop)
    periods = effect.shape[1]
    by_time = []
    for exposure in times:
        cells = [
            effect[site, int(begin) + exposure - 1]
            for site, begin in enumerate(start)
            if int(begin) + exposure - 1 < periods
        ]
        by_time.append(float(np.mean(cells)))
    return float(np.mean(by_time))


def _write(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomically(path, text.getvalue().encode())
