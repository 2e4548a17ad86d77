"""The plan in the report: when it was registered, what was changed, what was done otherwise; nothing without words."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, get_args

import pytest

from example_release import HOSTILE, not_converged, staggered
from impl.network.states import STATES, Attempt, Registration, Runs, standings
from impl.register.plan import Timing, plan_of
from impl.register.register import read_register
from impl.register.write import withdraw_study
from impl.release.release import Deviation, PlanCheck, RegisteredPlan, Release
from impl.report.check import page_problems
from impl.report.html import page_of_report
from impl.report.language import Language, language_codes, read_language
from impl.report.plan import deviation_lines, in_short, part_name, provenance_lines, standing_lines
from impl.report.show import show_report
from impl.study.load import read_study
from impl.study.study import Study
from register_project import LATER, one_line, release_of, write_study

NB = read_language("nb")
FIRST = RegisteredPlan(
    version=1, registered_at=datetime(2020, 3, 12, tzinfo=UTC), timing="before_data", after_run=False
)
SECOND = RegisteredPlan(
    version=2, registered_at=datetime(2024, 6, 3, tzinfo=UTC), timing="after_data", after_run=True,
    changes=(Deviation(code="decision.worthwhile", planned="0.1", actual="0.155"),),
)  # fmt: skip
DEVIATIONS = (
    Deviation(code="data_to", planned="2026-12-31", actual="2026-06-30"),
    Deviation(code="decision.harm", planned="0.05", actual=None),
    Deviation(code="randomised", planned="yes", actual="no"),
    Deviation(code="model.secular.sd", planned="0.15", actual="0.3"),
    Deviation(code="seed", planned="20260101", actual="7"),
    Deviation(code="rest.data"),
    Deviation(code="of.a.later.impl", planned="a", actual="b"),
)
WITH_ALL = PlanCheck(
    registered=True,
    study="x",
    line_sha256="a" * 64,
    versions=(FIRST, SECOND),
    deviations=DEVIATIONS,
    withdrawn="Nedlagt.",
)


def planned(plan: PlanCheck, release: Release | None = None) -> Release:
    return (release or staggered()).model_copy(update={"plan": plan})


def leaves(tree: dict[str, Any], above: str = "") -> Iterator[str]:
    for key, value in tree.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, f"{above}{key}.")
        else:
            yield above + key


@pytest.mark.parametrize("code", language_codes())
def test_every_part_of_a_plan_has_words(tmp_path: Path, code: str) -> None:
    """Whatever can differ: the plan's own keys, every key of a study file, the days of the data."""
    language = read_language(code)
    plan = plan_of(read_study(write_study(tmp_path)))
    assert plan is not None
    dumped = plan.model_dump(mode="json", by_alias=True)
    held = set(dumped) | {"bundle", "other_bundles", "schema"}
    keys = list(leaves({name: value for name, value in dumped.items() if name != "rest"}))
    keys += [f"rest.{key}" for key in Study.model_json_schema(by_alias=True)["properties"] if key not in held]
    keys += [f"rest.{key}" for key in ("rollout", "adaptations", "fidelity", "strategies", "covariates")]
    keys += ["data_from", "data_to", "model.priors.effect.sd", "estimand.to"]
    named = {key: part_name(key, language) for key in keys}
    assert {key for key, words in named.items() if words == key} == set()
    ours = {key.split(".")[1] for key in keys if key.startswith("rest.")}
    assert all(language.has(f"plan.part.rest_{key}") for key in ours)


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("timing", get_args(Timing))
def test_when_it_was_registered_is_said_in_method_and_provenance(code: str, timing: Timing) -> None:
    language = read_language(code)
    for after_run in (False, True):
        version = FIRST.model_copy(update={"timing": timing, "after_run": after_run})
        release = planned(PlanCheck(registered=True, versions=(version,), line_sha256="b" * 64))
        words = language.say(f"plan.timing.{timing}")
        followed = language.say("plan.followed")
        for text in (in_short(release, language), "\n".join(provenance_lines(release, language))):
            assert words in text
            assert followed in text
        page = page_of_report(show_report(release, code))
        assert page.count(words) >= 2
        assert page_problems(page) == []


def test_it_reads_as_norwegian() -> None:
    release = planned(WITH_ALL)
    assert in_short(release, NB) == (
        "Planen ble registrert 12. mars 2020, før dataene begynte. Planen ble endret 3. juni 2024, etter at data var samlet, "
        "og etter at studien var kjørt (versjon 2). Endret: minste endring som er verdt innsatsen (fra 10\u00a0prosent til "
        "15,5\u00a0prosent). Rapporten avviker fra den registrerte planen på 7 punkter. De står under «Hvor kommer "
        "rapporten fra?». Studien er trukket. Grunnen som ble oppgitt: Nedlagt."
    )
    assert deviation_lines(release, NB) == (
        "Siste dag med data (planlagt: 31. desember 2026, brukt: 30. juni 2026)",
        "Grensen for skade (planlagt: 5\u00a0prosent, brukt: ikke oppgitt)",
        "Loddtrekning av oppstart (planlagt: ja, brukt: nei)",
        "Modellvalg (secular.sd) (planlagt: 0,15, brukt: 0,3)",
        "Startverdi for tilfeldige tall (planlagt: 20260101, brukt: 7)",
        "Hvor dataene ligger og hvordan de leses",
        "Of.a.later.impl (planlagt: a, brukt: b)",
    )


@pytest.mark.parametrize("code", language_codes())
@pytest.mark.parametrize("make", [staggered, not_converged])
def test_no_deviation_is_left_off_the_page(code: str, make: Any) -> None:
    language = read_language(code)
    release = planned(WITH_ALL, make())
    page = page_of_report(show_report(release, code))
    assert page_problems(page) == []
    for line in deviation_lines(release, language):
        assert line.replace("'", "&#x27;") in page, line
    assert "a" * 64 in page


def test_values_from_a_study_file_are_escaped() -> None:
    bad = (Deviation(code="question.nb", planned=HOSTILE[0], actual=HOSTILE[1]), Deviation(code=HOSTILE[2]))
    page = page_of_report(
        show_report(planned(PlanCheck(registered=True, versions=(FIRST,), deviations=bad)), "nb")
    )
    assert page_problems(page) == []
    assert not any(text in page for text in HOSTILE)


@pytest.mark.parametrize("code", language_codes())
def test_every_state_and_every_doubt_has_words(tmp_path: Path, code: str) -> None:
    language: Language = read_language(code)
    assert all(language.has(f"standing.state.{state}") for state in STATES)
    assert all(language.has(f"standing.{name}") for name in get_args(Registration) if name != "registered")
    known, line = one_line(tmp_path)
    late = date(2022, 4, 1)
    (row,) = standings(
        known, [], Runs(attempts=(Attempt(id="falls", study="falls", state="failed"),)), today=late
    )
    said = standing_lines(row, language)
    assert language.say("standing.overdue", {"date": language.day(date(2022, 3, 31))}) in said
    assert language.say("standing.last_failed") in said
    early = release_of("falls", line, data_to=date(2021, 6, 30))
    (row,) = standings(known, [early], today=late)
    assert any(language.day(date(2021, 6, 30)) in text for text in standing_lines(row, language))
    withdraw_study(tmp_path, "falls", reason="Nedlagt.", at=LATER)
    (row,) = standings(read_register(tmp_path), [], today=late)
    assert language.say("plan.withdrawn", {"text": "Nedlagt."}) in standing_lines(row, language)
