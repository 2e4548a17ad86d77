"""The seven worlds of the truth table as studies; this command writes their tables:

    PYTHONPATH=tests python tests/recover/write_worlds.py

One network of 15 nursing homes a world, from `network`, under `data/synthetic/worlds/<id>/`, the same bytes each time;
the study files stand in `parameters/worlds/`. Beside the tables lies `truth.json`: what was built in, and which words
of a finding would be true. What decides nothing (names, strategies, cycles, answers, another bundle without effect)
is made here and from its own random numbers, so that a network is the one the truth table would draw.
"""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
from truth_table import is_delivered, is_true
from truth_worlds import HALF_LIFE, PERIODS, PLANNED, REMOVED, REPORTED, WINDOW, Network, network

from impl.data.panel import Panel
from impl.model.simulate import AUDITS, PANEL, ROLLOUT, VINTAGE
from impl.release.atomic import write_atomically
from worlds import REPOSITORY

FOLDER = REPOSITORY / "data" / "synthetic" / "worlds"
SITES, SEED = 15, 20261124
STUDIES = {
    "virker-levert": "works, delivered",
    "virker-ikke-levert": "works, not delivered",
    "levert-virker-ikke": "delivered, does not work",
    "virker-over-60-prosent": "works above 60 per cent",
    "tilpasninger-hjelper-og-skader": "adaptations help and hurt",
    "virkningen-avtar": "fades after support",
    "flere-meldinger-mindre-skade": "reports rise, harm falls",
}
"""Id of a study -> its world."""
SECOND_BUNDLE = "virker-levert"
"""The study whose sites took up another bundle as well, which changed nothing."""
NAMES = ("Aspedal", "Brattnesset", "Djupeid", "Einehaug", "Fagerbotn", "Grønhamar", "Hestevoll", "Ivarsvåg", "Kvernhaugen", "Lyngøyr", "Mosjordet", "Neslifjord", "Ospevika", "Rognset", "Skjermo")  # fmt: skip
"""Invented."""
CODES = tuple(f"97{number:02d}" for number in range(1, SITES + 1))
OUTCOMES = ("beneficial", "promising", "negligible", "harmful")
DELIVERIES = ("delivered", "not_delivered")
Row = Sequence[object]
Tables = dict[str, list[Row]]

LOG = (
    *("modification", "coder", "site", "start", "end", "component", "component_role", "nature", "consistent"),
    *("planned", "target", "decided_by", "goal", "reason_level"),
)
STRATEGIES = ("site", "start", "end", "strategy", "barrier", "why_no_barrier", "intensity")
CYCLES = ("site", "cycle", "date", "prediction", "decision")
PHASES = ("site", "start", "phase")
FIT_FORM = ("site", "question", "answer")
SUPPORT = ("site", "support_end", "pause_start", "pause_end")
QUESTIONS = ("need", "feasibility", "values", "engagement", "competence", "willingness")


def made(study: str) -> Network:
    """The network of a study."""
    return network(STUDIES[study], SITES, seed(study))


def seed(study: str) -> list[int]:
    return [SEED, list(STUDIES).index(study)]


def code_of(site: str) -> str:
    """Code of a site in the tables, from its code in the panel (s00 …)."""
    return CODES[int(site[1:])]


def files(study: str) -> dict[str, bytes]:
    """Name -> content of every file of a study's folder."""
    found = made(study)
    content = {f"{name}.csv": _csv(rows) for name, rows in tables(study, found.panel).items()}
    text = json.dumps(truth(study, found), indent=1) + "\n"
    return content | {"truth.json": text.encode()}


def truth(study: str, found: Network) -> dict[str, object]:
    """What is true of a study; `outcome` and `delivery` are the words that would be."""
    record = {"ratio": found.ratio, "share": found.share}
    beside: dict[str, object] = {
        "tilpasninger-hjelper-og-skader": {"link": {"consistent_planned": PLANNED, "inconsistent": REMOVED}},
        "virkningen-avtar": {
            "half_life_months": HALF_LIFE,
            "retained": {str(after): round(2.0 ** (-after / HALF_LIFE), 6) for after in (6, 12, 24)},
        },
        "virker-over-60-prosent": {"works_from_share": 0.6},
        "flere-meldinger-mindre-skade": {"reported_ratio": round(float(np.exp(REPORTED)), 6)},
        SECOND_BUNDLE: {"other_bundles": {"leve_hele_livet": {"ratio": 1.0}}},
    }.get(study, {})
    return {
        "world": STUDIES[study],
        "seed": seed(study),
        "measure": found.study.measures.primary,
        "window": [1, WINDOW],
        **{name: round(value, 6) for name, value in record.items()},
        "outcome": [word for word in OUTCOMES if is_true(record | {"outcome": word})],
        "delivery": [word for word in DELIVERIES if is_delivered(record | {"delivery": word})],
        **beside,
    }


def tables(study: str, panel: Panel) -> Tables:
    """Name -> rows with their header, as a coordinator would keep them."""
    rng = np.random.default_rng([*seed(study), 1])
    found: Tables = {
        "panel": _panel(panel),
        "rollout": _rollout(panel, rng if study == SECOND_BUNDLE else None),
        "fidelity": _audits(panel),
    }
    if panel.support is not None:
        found["support"] = _support(panel)
    if panel.adaptations is not None:
        begun = dict(zip(CODES, panel.rollout["start_period"].astype(int), strict=True))
        found |= {
            "adaptations": _log(panel),
            "strategies": _strategies(panel, begun),
            "cycles": _cycles(panel, begun, rng),
            "phases": _phases(panel, begun),
            "fit-form": _answers(rng),
        }
    return found


def _panel(panel: Panel) -> list[Row]:
    names = dict(zip(CODES, NAMES, strict=True))
    rows: list[Row] = [PANEL]
    for cell in panel.cells.itertuples():
        code, period = code_of(cell.site), panel.periods[cell.period]
        numbers = (int(cell.numerator), int(cell.denominator), "observed", VINTAGE)
        rows.append((code, f"{names[code]} sykehjem", period.start, period.end, cell.measure, *numbers))
    return rows


def _rollout(panel: Panel, rng: np.random.Generator | None) -> list[Row]:
    """Every site starts on the first day of a period. rng: draws the starts of another bundle, where there is one."""
    starts = [_first_day(panel, position) for position in panel.rollout["start_period"]]
    rows = [(code, begin, begin, "", "") for code, begin in zip(CODES, starts, strict=True)]
    if rng is None:
        return [ROLLOUT, *rows]
    # one site in three never took the other up; the others picked two of its areas
    other: list[Row] = []
    for code in CODES:
        begin = _first_day(panel, rng.integers(2, PERIODS - 2))
        areas = rng.choice(["choice", "food", "health_and_care", "carers", "work_organisation"], 2, False)
        never = rng.random() < 1 / 3
        dates = ("", "never") if never else (begin, begin)
        other.append((code, *dates, "", "", "leve_hele_livet", "" if never else ";".join(areas)))
    return [(*ROLLOUT, "bundle", "components"), *((*row, "falls", "") for row in rows), *other]


def _audits(panel: Panel) -> list[Row]:
    assert panel.fidelity is not None
    rows: list[Row] = [AUDITS]
    for audit in panel.fidelity.itertuples():
        counts = (
            (int(audit.delivered), int(audit.eligible), "observed")
            if audit.reported
            else ("", "", "not_reported")
        )
        rows.append((code_of(audit.site), _first_day(panel, audit.period), audit.component, *counts))
    return rows


def _support(panel: Panel) -> list[Row]:
    assert panel.support is not None
    rows: list[Row] = [SUPPORT]
    for line in panel.support.itertuples():
        rows.append((code_of(line.site), panel.periods[int(line.support_end_period) - 1].end, "", ""))
    return rows


def _log(panel: Panel) -> list[Row]:
    """The log in its own words; every third modification was coded by two, who differ on every ninth."""
    assert panel.adaptations is not None
    rows: list[Row] = [LOG]
    for number, row in enumerate(panel.adaptations.to_dict("records")):
        helps = row["consistent"] == "yes"
        component = "exercise" if helps else "risk_assessment"
        why = ("team", "fit", "recipient") if helps else ("administrator", "feasibility", "organisation")
        site, day = code_of(row["site"]), _first_day(panel, row["from_period"])
        begin = (site, day, "", component, row["component_role"])
        rows.append(
            (f"m{number:02d}", "a", *begin, row["nature"], row["consistent"], "yes", row["target"], *why)
        )
        if number % 3 == 0:
            coded = ("other", "unknown") if number % 9 == 0 else (row["nature"], row["consistent"])
            rows.append((f"m{number:02d}", "b", *begin, *coded, "yes", row["target"], *why))
    return rows


def _strategies(panel: Panel, begun: Mapping[str, int]) -> list[Row]:
    """Meetings around the start for all, audit and feedback from the start at two sites in three."""
    rows: list[Row] = [STRATEGIES]
    for place, (code, begin) in enumerate(begun.items()):
        before, start = _first_day(panel, begin - 1), _first_day(panel, begin)
        knowledge = "access_to_knowledge_and_information"
        done = panel.periods[begin + 1].end
        rows.append((code, before, done, "educational_meetings", knowledge, "", "dissemination"))
        if place % 3:
            barrier = "available_resources;capability"
            rows.append((code, start, "", "audit_and_feedback", barrier, "", "implementation"))
        else:
            shared = "Felles for hele nettverket"
            rows.append((code, before, "", "distribute_materials", "", shared, "diffusion"))
    return rows


def _cycles(panel: Panel, begun: Mapping[str, int], rng: np.random.Generator) -> list[Row]:
    """Two or three cycles at every second site, one every other month; the last of some is not finished."""
    rows: list[Row] = [CYCLES]
    for code, begin in list(begun.items())[::2]:
        count = int(rng.integers(2, 4))
        for number in range(count):
            day = panel.periods[begin + number].start.replace(day=15)
            decision = str(rng.choice(["adopt", "adapt", "abandon"], p=[0.4, 0.5, 0.1]))
            running = number == count - 1 and rng.random() < 0.5
            guess = "Færre fall om kvelden" if number % 2 == 0 else ""
            rows.append((code, f"p{number + 1}", day, guess, "" if running else decision))
    return rows


def _phases(panel: Panel, begun: Mapping[str, int]) -> list[Row]:
    """The wheel's steps, from half a year before start; every fifth site goes back from evaluating to planning."""
    rows: list[Row] = [PHASES]
    for place, (code, begin) in enumerate(begun.items()):
        steps = [(-2, "prepare"), (-1, "plan"), (0, "do"), (2, "evaluate")]
        steps += [(3, "plan")] if place % 5 == 0 else [(3, "follow_up")]
        rows += [(code, _first_day(panel, begin + after), step) for after, step in steps]
    return rows


def _answers(rng: np.random.Generator) -> list[Row]:
    """Answers to the fit form; they have nothing to do with the effect."""
    rows: list[Row] = [FIT_FORM]
    for code in CODES:
        rows += [(code, question, int(rng.integers(2, 6))) for question in QUESTIONS]
    return rows


def _first_day(panel: Panel, position: float) -> date:
    return panel.periods[int(position)].start


def _csv(rows: Sequence[Row]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def main() -> None:
    """Write every study's folder."""
    for study in STUDIES:
        folder = FOLDER / study
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in files(study).items():
            write_atomically(folder / name, content)
        sys.stdout.write(f"{study}: {json.loads((folder / 'truth.json').read_bytes())}\n")


if __name__ == "__main__":
    main()
