"""A6, the share automated as a dose: estimates side by side, for `docs/validation/contact-tracing.md`.

    python tests/known/contact_tracing.py [--write]

Prints the tables, or puts them into the page under its heading; nothing in them is typed. Reads the data where
`IMPL_REAL_DATA` says.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from answers import Case, changed
from known_cases import CASES
from real_data import REPOSITORY, make_project
from reference import Answer, tracing, tracing_cells, tracing_dose

import impl
from impl.data.panel import Panel
from impl.model.build import build_model
from impl.model.estimands import window_effect
from impl.model.fit import sample
from impl.model.local.delivery import evaluate_delivery
from impl.model.local.dose import evaluate_dose
from impl.model.values import DoseResponse
from impl.study.study import FidelitySource, Study

PAGE, MARK = REPOSITORY / "docs" / "validation" / "contact-tracing.md", "## Tables\n"
PUBLISHED = {"assigned arm": Answer(-0.018, 0.006), "Wald": Answer(-0.255, 0.068)}
"""The source's own output, 193 rows (reglab/cict-stepped-wedge-replication, Regression_Replication.ipynb)."""
PER = {
    "assigned arm": "arm",
    "first stage": "arm",
    "as treated": "share",
    "Wald": "share",
    "change since start": "share",
}
"""Regression -> what its figure is per: being assigned, or the share automated from 0 to 1."""
ROWS = {"contact-tracing": True, "contact-tracing-all-rows": False}
"""Study -> whether only the rows with persons in both queues are in it."""


@dataclass(frozen=True, kw_only=True)
class Ours:
    """impl's answers, link scale: median and SD. dose: of a share of 1 against 0. r_hat: worst of the dose's fits."""

    arm: Answer
    dose: Answer
    r_hat: float
    passed: bool


def ours(study: str) -> Ours:
    """The fit of the known case (wave effects, wide priors), and its dose-response."""
    case = next(case for case in CASES if case.study == study and case.randomised is False)
    with tempfile.TemporaryDirectory() as folder:
        plan, panel = read(Path(folder), case)
        model = build_model(plan, panel)  # while the measure's file is there
    fit = sample(model, plan)
    delivery = evaluate_delivery(fit, plan, panel)
    found = evaluate_dose(fit, plan, delivery)
    assert found is not None
    draws = window_effect(fit)
    return Ours(
        arm=Answer(float(np.median(draws)), float(draws.std(ddof=1))),
        dose=full_dose(found),
        r_hat=found.r_hat,
        passed=found.passed and impl.check_fit(fit).passed,
    )


def read(root: Path, case: Case) -> tuple[Study, Panel]:
    """Study and panel of a case, with the share automated as audits of the whole bundle."""
    plan = changed(impl.read_study(make_project(root, case.study)), case)
    audits(complete=ROWS[case.study]).to_csv(root / "data" / "fidelity.csv", index=False)
    plan = plan.model_copy(update={"fidelity": FidelitySource(file="data/fidelity.csv")})
    return plan, impl.read_panel(plan)


def audits(*, complete: bool) -> pd.DataFrame:
    """Persons whom the automated queue took, of all, by ZIP code and week."""
    cells = tracing_cells(complete=complete)
    return pd.DataFrame(
        {
            "site": cells["Zip"],
            "period_start": cells["week"],
            "component": "all",
            "delivered": cells["automated"].astype(int),
            "eligible": cells["persons"].astype(int),
        }
    )


def full_dose(found: DoseResponse) -> Answer:
    """The form where everybody is taken by the automated queue, against nobody."""
    row = found.points.set_index("fidelity").loc[1.0]
    return Answer(float(row["median"]), float(row["sd"]))


def regressions() -> list[str]:
    """Lines of the table of estimates that need no sampler."""
    by_rows = [tracing(complete=complete) for complete in ROWS.values()]
    alike = [tracing(complete=complete, weighted=False) for complete in ROWS.values()]
    lines = [
        "| estimate | per | by | 193 rows | 231 rows | published |",
        "|---|---|---|---|---|---|",
    ]
    for name, per in PER.items():
        found = [answers[name] for answers in by_rows]
        lines.append(_line(name, per, "least squares", found, PUBLISHED.get(name)))
    drawn = [tracing_dose(complete=complete) for complete in ROWS.values()]
    for name in drawn[0]:
        lines.append(_line(name, "share", "restricted likelihood", [answers[name] for answers in drawn]))
    for name in PUBLISHED:
        found = [answers[name] for answers in alike]
        lines.append(_line(f"{name}, cells weigh the same", PER[name], "least squares", found))
    return lines


def estimates() -> list[str]:
    """Lines of the whole table of estimates, and how near ours is where the question is the same."""
    bayes = [ours(study) for study in ROWS]
    apart = []
    for each, complete in zip(bayes, ROWS.values(), strict=True):
        theirs = tracing(complete=complete)["assigned arm"]
        apart.append(abs(each.arm.value - theirs.value) / theirs.error)
    gates = "passed" if all(each.passed for each in bayes) else "**failed**"
    return [
        *regressions(),
        _line("assigned arm", "arm", "impl", [each.arm for each in bayes]),
        _line("fidelity", "share", "impl", [each.dose for each in bayes]),
        "",
        (
            f"impl's assigned arm is {apart[0]:.2f} and {apart[1]:.2f} standard errors from least squares. The fits "
            f"of the dose: worst R-hat {max(each.r_hat for each in bayes):.3f}, gates {gates}."
        ),
    ]


def _line(name: str, per: str, by: str, found: list[Answer], published: Answer | None = None) -> str:
    beside = "" if published is None else _told(published)
    return f"| {name} | {per} | {by} | {' | '.join(map(_told, found))} | {beside} |"


def moved() -> list[str]:
    """Lines of the table of what stands behind the estimates, persons as weights."""
    cells = [tracing_cells(complete=complete) for complete in ROWS.values()]
    assigned = [each[each["arm"] > 0] for each in cells]
    other = [each[each["arm"] == 0] for each in cells]
    first, last = cells[0]["week"].min(), cells[0]["week"].max()
    lines = ["| what | 193 rows | 231 rows |", "|---|---|---|"]

    def line(what: str, found: list[str]) -> None:
        lines.append(f"| {what} | {' | '.join(found)} |")

    line("ZIP codes and weeks", [str(len(each)) for each in cells])
    line("persons", [f"{each['persons'].sum():.0f}" for each in cells])
    line("share automated, weeks assigned to it", [_share(each, "share") for each in assigned])
    line("share automated, other weeks", [_share(each, "share") for each in other])
    for week in (first, last):
        now = [each[each["week"] == week] for each in other]
        line(
            f"share automated, other ZIP codes in the week of {week}", [_share(each, "share") for each in now]
        )
    line("share automated before start, ZIP codes that start", [_share(each, "before") for each in assigned])
    line("rise since start, which is impl's dose", [_share(each, "rise") for each in assigned])
    line(
        "rise that goes with the arm (first stage)",
        [f"{tracing(complete=complete)['first stage'].value:.3f}" for complete in ROWS.values()],
    )
    return lines


def _share(cells: pd.DataFrame, column: str) -> str:
    return f"{np.average(cells[column], weights=cells['persons']):.3f}"


def _told(answer: Answer) -> str:
    return f"{answer.value:.3f} ({answer.error:.3f})"


def main(arguments: list[str]) -> None:
    """Print the tables, or write them under the page's heading."""
    text = "\n".join([*estimates(), "", *moved()]) + "\n"
    if "--write" in arguments:
        before, mark, _ = PAGE.read_text().partition(MARK)
        PAGE.write_text(before + mark + "\n" + text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
