"""The demo network: thirty evaluations with a known truth, laid out as a project of their own.

What each is stands in one table (`parameters/network/network.toml`); here its data are drawn from the NumPy side of
the models, with the logs that a learning network keeps. The same table gives the same bytes.
"""

from __future__ import annotations

import csv
import io
import json
import tomllib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from impl.errors import Fault, StudyError
from impl.model.likelihoods.likelihood import Array
from impl.model.simulate import (
    ADAPTATIONS,
    ROLLOUT,
    TARGETS,
    Row,
    Tables,
    World,
    audits,
    month_starts,
    panel_rows,
    simulate_cells,
)
from impl.register.write import register_studies, withdraw_study
from impl.release.atomic import write_atomically
from impl.study.catalogue import Bundle, Measure
from impl.study.load import read_bundle, read_measure, read_study
from impl.study.study import Identifier
from impl.study.value import MeasureId, Text, Translated, Value

TABLE = Path("parameters") / "network" / "network.toml"
STEP = 3  # months a period
BEFORE, AFTER = 6, 6  # quarters before the first start, and after the last one
LONG_AFTER = 10  # of an effect that fades
APART = 2  # quarters between two starts
NEVER = 2  # sites that do not take part: those that the others are compared with
SUPPORT = 4  # quarters of active support
HALF_LIFE = 3.0  # quarters in which a fading effect halves
WINDOW = 4  # quarters of the estimand
SITE_SD, CELL_SD, EFFECT_SD = (
    0.20,
    0.05,
    0.04,
)  # levels, chance beyond counting, effect between sites (link scale)
PREFIXES = {"vestfold": "Aspe", "sogn": "Bratt", "helgeland": "Djup", "ahus": "Eine", "telemark": "Hegge", "bergen": "Kvist", "innlandet": "Rogn"}  # fmt: skip
SUFFIXES = ("botn", "eid", "haugen", "kollen", "løken", "moen", "stølen", "vågen", "sletta", "tunet")
DECISION = {"worthwhile": 0.10, "harm": 0.10, "negligible": 0.10}
"""A change of less than ten per cent does not matter, either way: no effect has two true words."""
PHASES = ((-2, "prepare"), (-1, "plan"), (0, "do"), (2, "evaluate"), (3, "follow_up"))
STRATEGIES = ("site", "start", "end", "strategy", "barrier", "why_no_barrier", "intensity")


class Wave(Value):
    """A learning-network wave. nb, en: its place as it stands after a bundle's name."""

    name: Text
    start: date
    nb: Text
    en: Text


class MeasureWords(Value):
    """exposure: denominator of one site in one quarter."""

    exposure: Annotated[float, Field(gt=0)]
    question: Translated


class Evaluation(Value):
    """One line of the table; the keys are told of at its head."""

    bundle: MeasureId
    measure: MeasureId
    wave: str
    stage: Literal["reported", "overdue", "unreported", "running", "planned", "withdrawn"] = "reported"
    effect: Annotated[float, Field(gt=0)] = 1.0
    delivered: Annotated[float, Field(gt=0, lt=1)] | None = None
    shape: Literal["step", "fading"] = "step"
    sites: Annotated[int, Field(ge=2, le=8)] = 8
    exposure: Annotated[float, Field(gt=0)] | None = None
    randomised: bool = False
    logs: bool = False
    per_month: Annotated[float, Field(gt=0)] | None = None
    target: Annotated[float, Field(gt=0)] | None = None
    first_start: date | None = None
    due: date | None = None
    reason: Text | None = None
    says: Literal[
        "beneficial", "phase_out",
        "harmful", "not_delivered", "faded", "uncertain", "no_direction",
        "overdue", "planned", "withdrawn",
    ]  # fmt: skip

    @property
    def link(self) -> float:
        """True effect in the window on the link scale."""
        return float(np.log(self.effect)) * (1.0 if self.delivered is None else self.delivered)


class DemoNetwork(Value):
    """The whole table. today: the day that the demo report is told from."""

    seed: int
    today: date
    title: Translated
    selection: Translated
    waves: Mapping[str, Wave]
    measures: Mapping[MeasureId, MeasureWords]
    studies: Mapping[Identifier, Evaluation]

    def first_start(self, study: str) -> date:
        found = self.studies[study]
        return found.first_start or self.waves[found.wave].start

    def period_starts(self, study: str) -> list[date]:
        """First days of the quarters of a study's data, and the day after the last."""
        found = self.studies[study]
        count = BEFORE + _waves(found) * APART + (LONG_AFTER if found.shape == "fading" else AFTER)
        first = self.first_start(study)
        month = first.year * 12 + first.month - 1 - STEP * BEFORE
        return month_starts(date(month // 12, month % 12 + 1, 1), count, STEP)

    def plan(self, study: str) -> dict[str, str]:
        """First and last day of the data, and when the report is due: a year after them where the table says nothing."""
        starts = self.period_starts(study)
        last = starts[-1].toordinal() - 1
        due = self.studies[study].due or date.fromordinal(last + 365)
        first = {"data_from": starts[0].isoformat()}
        return first | {
            "data_to": date.fromordinal(min(last, due.toordinal())).isoformat(),
            "report_due": due.isoformat(),
        }

    def titled(self, study: str, bundle: Bundle) -> dict[str, str]:
        """Title by language."""
        wave = self.waves[self.studies[study].wave]
        places = {"nb": wave.nb, "nn": wave.nb, "en": wave.en}
        found = {}
        for language, pattern in self.title.items():
            name = bundle.the_bundle.get(language, bundle.the_bundle["nb"])
            text = pattern.format(bundle=name, place=places[language])
            found[str(language)] = text[:1].upper() + text[1:]
        return found


def read_network(file: Path) -> DemoNetwork:
    """The table. Raises StudyError where it is missing or a value is not what it should be."""
    try:
        return DemoNetwork.model_validate(tomllib.loads(file.read_text("utf-8")))
    except (OSError, ValueError) as problem:
        fault = Fault(
            code="network.table", where=file.name, got=str(problem).splitlines()[0], allowed="a table of evaluations",
            fix="See the head of parameters/network/network.toml.",
        )  # fmt: skip
        raise StudyError([fault]) from None


def write_network(network: DemoNetwork, folder: Path) -> tuple[Path, ...]:
    """Write study files, data and register of every evaluation into a laid-out project; returns the study files.

    Those without data go to `parameters/planned/`, where no run looks for them. `truth.json` says what was built in.
    """
    files, truth = [], {}
    for number, name in enumerate(network.studies):
        found = network.studies[name]
        place = "parameters" if found.stage == "reported" else "parameters/planned"
        path = folder / place / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        bundle, measure = read_bundle(found.bundle, folder), read_measure(found.measure, folder)
        if found.stage == "reported":
            tables, truth[name] = draw_tables(network, name, number, measure, bundle)
            for table, rows in tables.items():
                _write(folder / "data" / name / f"{table}.csv", rows)
        write_atomically(path, study_text(network, name, bundle).encode())
        files.append(path)
    write_atomically(folder / "truth.json", (json.dumps(truth, indent=1) + "\n").encode())
    _register(network, folder, files)
    return tuple(files)


def _register(network: DemoNetwork, folder: Path, files: Sequence[Path]) -> None:
    """Register every plan as if two months before its first start, in order; invented dates, as all of the demo."""
    at = {file: _moment(network.first_start(file.stem) - timedelta(days=60), network.today) for file in files}
    withdrawn = []
    for file in sorted(files, key=lambda file: (at[file], file.stem)):
        register_studies(folder, [read_study(file)], at=at[file])
        withdrawn += [file.stem] if network.studies[file.stem].stage == "withdrawn" else []
    for name in withdrawn:
        withdraw_study(
            folder,
            name,
            reason=network.studies[name].reason or name,
            at=_moment(network.today, network.today),
        )


def _moment(day: date, today: date) -> datetime:
    """Noon of a day, not later than yesterday."""
    latest = min(day, today - timedelta(days=1))
    return datetime(latest.year, latest.month, latest.day, 12, tzinfo=UTC)


def study_text(network: DemoNetwork, name: str, bundle: Bundle) -> str:
    """The study file; JSON values are YAML too."""
    found = network.studies[name]

    def table(kind: str, **more: object) -> dict[str, object]:
        return {"file": f"data/{name}/{kind}.csv", **more}

    selection = {} if found.randomised else {"selection": network.selection["nb"]}
    tree: dict[str, object] = {
        "schema": 1,
        "id": name,
        "title": network.titled(name, bundle),
        "question": dict(network.measures[found.measure].question),
        "wave": network.waves[found.wave].name,
        "notebook": "30_stepped_wedge",
        "bundle": found.bundle,
        "measures": {"primary": found.measure},
        "data": table("panel"),
        "planned": network.plan(name),
        "rollout": table("rollout", randomised=found.randomised, **selection),
    }
    if found.delivered is not None:
        tree["fidelity"] = table("fidelity")
    if found.shape == "fading":
        tree["support"] = table("support")
    if found.logs:
        for key in ("adaptations", "strategies", "cycles", "phases", "fit_form"):
            tree[key] = table(key)
    if found.target is not None:
        tree["targets"] = table("targets")
    if found.per_month is not None:
        tree["costs"] = {"per_month": found.per_month, "per_site": 40000}
    tree |= {"decision": DECISION, "synthetic": True, "languages": ["nb", "en"], "seed": network.seed}
    lines = [f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in tree.items()]
    return "# The demo network: invented data, see truth.json.\n" + "\n".join(lines) + "\n"


def draw_tables(
    network: DemoNetwork, name: str, number: int, measure: Measure, bundle: Bundle
) -> tuple[Tables, dict[str, object]]:
    """Tables of one evaluation by name, rows with their header, and its truth."""
    found = network.studies[name]
    rng = np.random.default_rng([network.seed, number])
    starts = network.period_starts(name)
    begin: Array = BEFORE + APART * np.floor(np.arange(found.sites) * _waves(found) / found.sites)
    order = rng.permutation(found.sites)
    begin = begin[order]
    everywhere = np.concatenate([begin, np.full(NEVER, np.inf)])
    prefix = PREFIXES[found.wave]
    place = list(PREFIXES).index(found.wave) + 1
    codes = [f"96{place}{index}" for index in (*range(found.sites), 8, 9)]
    names = {code: prefix + SUFFIXES[int(code[-1])] for code in codes}
    law = "poisson" if measure.kind == "rate" else "binomial"
    world = World(
        law=law,
        baseline=measure.baseline / measure.per,
        start=everywhere,
        effect=lambda exposure: (
            found.link * (_faded(exposure) if found.shape == "fading" else 1.0) + 0.0 * exposure
        ),
        months=float(STEP),
        site_sd=SITE_SD,
        cell_sd=CELL_SD,
        trend_per_year=0.0,
        season=0.03,
    )
    typical = found.exposure or network.measures[found.measure].exposure
    shape = (len(codes), len(starts) - 1)
    exposure = np.round(typical * rng.uniform(0.7, 1.3, (len(codes), 1)) * rng.uniform(0.95, 1.05, shape))
    own = EFFECT_SD * rng.standard_normal((len(codes), 1)) * (found.link != 0)
    events, effect = simulate_cells(world, exposure, rng, own * np.ones(shape))
    rows = panel_rows(codes, names, starts, found.measure, events, exposure)
    rollout: list[Row] = [ROLLOUT]
    rollout += [
        (code, starts[int(at)], starts[int(at)], "", "") for code, at in zip(codes, begin, strict=False)
    ]
    rollout += [(code, "never", "never", "", "") for code in codes[found.sites :]]
    codes = codes[: found.sites]
    tables: Tables = {"panel": rows, "rollout": rollout}
    if found.delivered is not None:
        share = found.delivered
        tables["fidelity"] = audits(rng, codes, starts, begin, lambda since: share + 0.0 * since, eligible=60)
    if found.shape == "fading":
        ends = [(code, starts[int(at) + SUPPORT - 1], "", "") for code, at in zip(codes, begin, strict=True)]
        tables["support"] = [("site", "support_end", "pause_start", "pause_end"), *ends]
    if found.target is not None:
        span = (starts[-5], date.fromordinal(starts[-1].toordinal() - 1))
        tables["targets"] = [TARGETS, ("*", *span, found.measure, found.target)]
    if found.logs:
        tables |= _logs(rng, codes, starts, begin, bundle)
    since = np.arange(shape[1])[None, :] - everywhere[:, None] + 1
    inside = (since > 0) & (since <= WINDOW)
    truth = {"measure": found.measure, "link": found.link, "drawn": round(float(effect[inside].mean()), 6)}
    return tables, truth | {"delivered": found.delivered, "says": found.says}


def _logs(
    rng: np.random.Generator, codes: Sequence[str], starts: Sequence[date], begin: Array, bundle: Bundle
) -> Tables:
    """What a learning network writes down; none of it has to do with the effect."""
    parts = [part.id for part in bundle.parts if part.id is not None]
    adaptations: list[Row] = [ADAPTATIONS]
    strategies: list[Row] = [STRATEGIES]
    cycles: list[Row] = [("site", "cycle", "date", "prediction", "decision")]
    phases: list[Row] = [("site", "start", "phase")]
    answers: list[Row] = [("site", "question", "answer")]
    for place, (code, first) in enumerate(zip(codes, begin.astype(int), strict=True)):
        if place % 3 < 2:
            kept = "yes" if place % 4 else "no"
            nature = "tailoring" if kept == "yes" else "removing"
            part = parts[place % len(parts)] if parts else "all"
            adaptations.append((code, starts[first + 1], "", part, nature, kept, "yes"))
        barrier = "access_to_knowledge_and_information"
        strategies.append(
            (code, starts[first - 1], starts[first + 1], "educational_meetings", barrier, "", "dissemination")
        )
        chosen = ("audit_and_feedback", "involve_boards", "involve_patients", "facilitation")[place % 4]
        strategies.append((code, starts[first], "", chosen, "available_resources", "", "implementation"))
        for cycle in range(2 + place % 2):
            decision = str(rng.choice(["adopt", "adapt", "abandon"], p=[0.4, 0.5, 0.1]))
            cycles.append((code, f"p{cycle + 1}", starts[first + cycle].replace(day=15), "", decision))
        back = place % 5 == 4
        steps = (*PHASES[:-1], (3, "plan"), (4, "do")) if back else PHASES
        phases += [(code, starts[first + after], step) for after, step in steps]
        for question in ("need", "feasibility", "values", "engagement", "competence", "willingness"):
            answers.append((code, question, int(rng.integers(2, 6))))
    return {
        "adaptations": adaptations,
        "strategies": strategies,
        "cycles": cycles,
        "phases": phases,
        "fit_form": answers,
    }


def _waves(found: Evaluation) -> int:
    """Steps of the roll-out: two sites a step."""
    return max(found.sites // 2, 1)


def _faded(exposure: Array) -> Array:
    """Share of the effect left by quarters since start."""
    left: Array = 2.0 ** (-np.maximum(exposure - SUPPORT, 0.0) / HALF_LIFE)
    return left


def _write(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    write_atomically(path, text.getvalue().encode())
