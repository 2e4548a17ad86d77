"""The status report's values: what is planted is said, nothing is left out, and no rule looks at what it should not."""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

import pytest

from demo_releases import demo_network, demo_project, demo_releases
from example_release import staggered
from impl.model.demo_network import DemoNetwork
from impl.network.framework import framework_ids, read_framework
from impl.network.gather import status_of
from impl.network.lines import EVALUATED
from impl.network.states import Standing
from impl.network.status import BUNDLES, NetworkStatus
from impl.register.register import Register
from impl.release.release import Release, Verdict
from impl.release.targets import TargetSection
from impl.study.load import bundle_ids, measure_ids
from impl.study.vocabulary import read_vocabulary
from worlds import REPOSITORY

sys.path.append(str(REPOSITORY / "tests" / "known"))
from network_table import table

Demo = tuple[DemoNetwork, Register, list[Release], Path]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("network") / "demo"
    network, register = demo_project(folder)
    return network, register, demo_releases(network, register), folder


def status_with(demo: Demo, releases: list[Release]) -> NetworkStatus:
    network, register, _, folder = demo
    return status_of(register, releases, root=folder, today=network.today)


@pytest.fixture(scope="module")
def status(demo: Demo) -> NetworkStatus:
    return status_with(demo, demo[2])


def test_every_planted_truth_is_said(demo: Demo, status: NetworkStatus) -> None:
    rows = table(demo[0], status)
    assert len(rows) == 30
    assert [row for row in rows if not row.right] == []


def test_the_table_finds_what_is_wrong(demo: Demo) -> None:
    """Without the Release of the harmful bundle, and with a null called beneficial, two rows are wrong."""
    changed = []
    for release in demo[2]:
        if release.study.id == "legemiddelskader-bergen":
            continue
        if release.study.id == "fall-telemark":
            release = release.model_copy(
                update={"verdict": Verdict(outcome="beneficial", delivery="delivered")}
            )
        changed.append(release)
    wrong = [row.study for row in table(demo[0], status_with(demo, changed)) if not row.right]
    assert sorted(wrong) == ["fall-telemark", "legemiddelskader-bergen"]


def test_every_registered_study_has_its_line_whatever_is_there(demo: Demo) -> None:
    network, register, releases, _ = demo
    for kept in (releases, releases[:3], []):
        lines = status_with(demo, kept).lines
        assert {line.id for line in lines} == set(network.studies)
        assert len(lines) == len(register.studies)


def test_a_report_that_is_not_registered_is_shown_too(demo: Demo) -> None:
    found = status_with(demo, [*demo[2], staggered()])
    line = found.line(staggered().study.id)
    assert line.standing.registration == "not_registered"
    assert len(found.lines) == 31


def test_a_stranger_with_the_id_of_ours_displaces_nothing(demo: Demo, status: NetworkStatus) -> None:
    """It has a line of its own, and what is known of our study stays as it was."""
    network, register, releases, folder = demo
    ours = releases[0]
    run = ours.run.model_copy(update={"id": "e" * 12, "started": ours.run.started.replace(year=2030)})
    plan = ours.plan.model_copy(update={"line_sha256": "0" * 64})
    verdict = Verdict(outcome="harmful", delivery="delivered")
    stranger = ours.model_copy(update={"run": run, "plan": plan, "verdict": verdict})
    found = status_of(register, releases, [stranger], root=folder, today=network.today)
    assert len(found.lines) == len(status.lines) + 1
    assert len({line.id for line in found.lines}) == len(found.lines)
    assert found.line(ours.study.id).state == status.line(ours.study.id).state == "beneficial"
    pooled = next(each for each in found.syntheses if each.measure == "falls")
    assert ours.run.id in pooled.runs
    again = status_of(register, releases, [ours], root=folder, today=network.today)
    assert len(again.lines) == len(status.lines), "the same Release from elsewhere is the same"


def test_tallies_add_up(status: NetworkStatus) -> None:
    assert sum(len(tally.studies) for tally in status.goals) == len(status.lines)
    for tally in (*status.goals, *status.areas, *status.bundles):
        came = tally.positive + tally.negligible + tally.uncertain + tally.harmful + tally.described
        assert came == tally.reported
        assert tally.reported + tally.without == len(tally.studies)
        assert tally.gap == (tally.reported == tally.described)


def test_gaps_are_what_no_evaluation_has_judged(status: NetworkStatus) -> None:
    """The area and the programme that are left empty on purpose; no measure of a goal is told as little."""
    assert status.unevaluated == ("mental_health",)
    assert [tally.id for tally in status.bundles if tally.gap] == ["good_pathways"]


def test_examples_do_not_depend_on_what_was_found(demo: Demo, status: NetworkStatus) -> None:
    turned = []
    for release in demo[2]:
        if release.verdict is not None:
            other = "harmful" if release.verdict.outcome == "beneficial" else "beneficial"
            release = release.model_copy(
                update={"verdict": Verdict(outcome=other, delivery=release.verdict.delivery)}
            )
        turned.append(release)
    assert status_with(demo, turned).examples == status.examples
    assert {example.area for example in status.examples} == set(framework_ids("focus_area")) - {
        "mental_health"
    }


def test_examples_change_with_the_year(demo: Demo, status: NetworkStatus) -> None:
    _, register, releases, folder = demo
    others = [
        status_of(register, releases, root=folder, today=date(year, 1, 1)).examples
        for year in range(2027, 2032)
    ]
    assert any(other != status.examples for other in others)


def test_what_was_not_delivered_is_never_phased_out_for_doing_nothing(demo: Demo) -> None:
    changed = []
    for release in demo[2]:
        if release.study.id == "fall-telemark":
            release = release.model_copy(
                update={"verdict": Verdict(outcome="negligible", delivery="not_delivered")}
            )
        if release.study.id == "trykksar-bergen":
            release = release.model_copy(
                update={"verdict": Verdict(outcome="negligible", delivery="unknown")}
            )
        changed.append(release)
    kinds = {each.study: each.kind for each in status_with(demo, changed).proposals}
    assert kinds["fall-telemark"] == "deliver_first"
    assert kinds["trykksar-bergen"] == "measure_delivery"


def test_harm_is_told_however_little_was_delivered(demo: Demo) -> None:
    changed = [
        release.model_copy(update={"verdict": Verdict(outcome="harmful", delivery="not_delivered")})
        if release.study.id == "fall-bergen"
        else release
        for release in demo[2]
    ]
    kinds = {each.study: each.kind for each in status_with(demo, changed).proposals}
    assert kinds["fall-bergen"] == "phase_out_harm"


def test_a_smoke_run_and_a_failed_calculation_are_no_results(demo: Demo) -> None:
    first, second, *rest = demo[2]
    smoke = first.model_copy(
        update={"run": first.run.model_copy(update={"profile": "smoke"}), "verdict": None}
    )
    failed = second.model_copy(
        update={"status": "not_converged", "verdict": None, "estimates": (), "comparisons": (), "curves": ()}
    )
    found = status_with(demo, [smoke, failed, *rest])
    shown = {figure.study for key in found.figures for figure in key.figures}
    assert {smoke.study.id, failed.study.id}.isdisjoint(shown)
    assert found.line(failed.study.id).state == "not_converged"
    assert found.line(smoke.study.id).state not in EVALUATED
    kinds = {each.study: each.kind for each in found.proposals}
    assert kinds[failed.study.id] == "report_missing"


def test_every_figure_names_a_run_that_is_there(demo: Demo, status: NetworkStatus) -> None:
    runs = {release.study.id: release.run.id for release in demo[2]}
    figures = [each for key in status.figures for each in key.figures]
    assert len(figures) == len(runs)
    for each in (*figures, *status.targets, *status.benefits):
        assert runs[each.study] == each.run
    for proposal in status.proposals:
        assert proposal.run == runs.get(proposal.study)


def test_cost_per_event_is_cost_over_events(status: NetworkStatus) -> None:
    by_study = {each.study: each for each in status.benefits}
    good = by_study["fall-vestfold"]
    assert good.total is not None
    assert good.each is not None
    low, middle, high = good.averted
    assert good.each == pytest.approx((good.total / high, good.total / middle, good.total / low))
    assert good.severity == "harm"
    bad = by_study["legemiddelskader-bergen"]
    assert bad.total is not None
    assert bad.each is None
    assert bad.averted[1] < 0
    unknown = by_study["fall-telemark"]
    assert unknown.each is None or unknown.each[2] is None
    assert by_study["legemiddel-vestfold"].averted[1] > 0, "more is good, and there are more"
    assert "forverret-ahus" not in by_study, "no direction is good"


def falls(demo: Demo, **truth: object) -> list[Release]:
    """Releases of the demo's five evaluations of falls, had this been true of all of them."""
    network, register, _, _ = demo
    studies = {
        name: found.model_copy(update=truth) if found.measure == "falls" else found
        for name, found in network.studies.items()
    }
    made = demo_releases(network.model_copy(update={"studies": studies}), register)
    return [release for release in made if release.measure().id == "falls"]


def renamed(release: Release, measure: str) -> Release:
    """The same Release of another measure."""
    text = release.model_dump_json(by_alias=True).replace('"measure":"falls"', f'"measure":"{measure}"')
    found = Release.model_validate_json(text)
    measures = tuple(each.model_copy(update={"id": measure}) for each in found.study.measures)
    return found.model_copy(update={"study": found.study.model_copy(update={"measures": measures})})


def beside(release: Release, control: Release) -> Release:
    """The Release with the measure of another as its negative control."""
    added = control.measure().model_copy(update={"role": "negative_control"})
    study = release.study.model_copy(update={"measures": (*release.study.measures, added)})
    design = release.design.model_copy(update={"models": (*release.design.models, *control.design.models)})
    return release.model_copy(
        update={
            "study": study,
            "design": design,
            "estimates": (*release.estimates, *control.estimates),
            "comparisons": (*release.comparisons, *control.comparisons),
        }
    )


def pooled(demo: Demo, releases: list[Release]) -> list[tuple[str, str, str]]:
    return [(each.measure, each.bundle, each.kind) for each in status_with(demo, releases).pooled]


def test_three_studies_that_all_do_harm_speak_against_the_bundle(demo: Demo) -> None:
    releases = falls(demo, effect=1.5)
    assert pooled(demo, releases) == [("falls", "falls", "phase_out_harm")]
    assert pooled(demo, releases[:2]) == [], "two are too few"
    found = status_with(demo, releases).pooled[0]
    assert dict(zip(found.studies, found.runs, strict=True)) == {
        release.study.id: release.run.id for release in releases
    }


def test_a_negative_control_says_nothing_against_a_bundle(demo: Demo) -> None:
    """Every study finds an improvement, and beside it a control that moves as harm would, or not at all."""
    for effect in (1.5, 1.0):
        controls = [renamed(each, "gtt_harm") for each in falls(demo, effect=effect, delivered=0.9)]
        releases = [
            beside(release, control)
            for release, control in zip(falls(demo, effect=0.68, delivered=0.9), controls, strict=True)
        ]
        status = status_with(demo, releases)
        control = next(each for each in status.syntheses if each.measure == "gtt_harm")
        chances = control.mean_chances
        assert max(chances.harm or 0, chances.negligible or 0) >= 0.9, "it would be proposed by its numbers"
        assert status.pooled == ()


def test_studies_for_which_a_measure_is_only_beside_do_not_count(demo: Demo) -> None:
    """Two with it as their main measure and three with it as a control are not five."""
    harmful = falls(demo, effect=1.5)
    others = [
        beside(renamed(each, "gtt_harm"), control)
        for each, control in zip(falls(demo, effect=0.68)[2:], harmful[2:], strict=True)
    ]
    status = status_with(demo, [*harmful[:2], *others])
    assert next(each for each in status.syntheses if each.measure == "falls").studies == 5
    assert status.pooled == ()


def test_a_bundle_does_too_little_only_where_every_study_delivered_it(demo: Demo) -> None:
    delivered = falls(demo, effect=1.0, delivered=0.9)
    assert pooled(demo, delivered) == [("falls", "falls", "phase_out_negligible")]
    for share in (0.3, None):
        other = falls(demo, effect=1.0, delivered=share)
        assert pooled(demo, other) == []
        assert pooled(demo, [*delivered[:-1], other[-1]]) == []
        assert pooled(demo, delivered[:-1]) == [("falls", "falls", "phase_out_negligible")]


def test_one_of_two_measures_of_a_bundle_is_named(demo: Demo) -> None:
    """Falls got worse, another measure of the same bundle better: the proposal is of falls."""
    better = []
    for release in falls(demo, effect=0.68):
        study = release.study.model_copy(update={"id": f"{release.study.id}-b"})
        better.append(renamed(release.model_copy(update={"study": study}), "gtt_harm"))
    assert pooled(demo, [*falls(demo, effect=1.5), *better]) == [("falls", "falls", "phase_out_harm")]


def test_where_sites_have_targets_of_their_own_their_number_is_told(demo: Demo) -> None:
    first, *rest = demo[2]
    own = TargetSection(measure=first.measure().id, sites=8, lower=3, mean=5.2, upper=7)
    unknown = TargetSection(measure=first.measure().id, sites=8)
    for section, expected in ((own, [(None, (3, 5.2, 7))]), (unknown, [])):
        sections = first.sections.model_copy(update={"targets": (section,)})
        found = status_with(demo, [first.model_copy(update={"sections": sections}), *rest]).targets
        assert [(each.common, each.reached) for each in found if each.study == first.study.id] == expected


def test_a_measure_that_nobody_has_judged_is_not_called_harmless() -> None:
    framework = read_framework()
    assert framework.severity_of("falls") == "harm"
    assert framework.severity_of("hand_hygiene") == "none"
    assert framework.severity_of("a_measure_of_another_network") == "unknown"


def test_an_empty_network_is_told() -> None:
    found = status_of(Register(), [], root=REPOSITORY, today=date(2026, 11, 23))
    assert found.lines == ()
    assert found.unevaluated == framework_ids("focus_area")
    assert found.figures == ()
    assert not found.synthetic


def test_the_reading_of_the_framework_names_what_exists() -> None:
    framework = read_framework()
    measures, goals = set(measure_ids(REPOSITORY)), set(framework_ids("goal"))
    assert set(framework.goals) <= goals
    assert set(framework.means) == set(framework_ids("means"))
    named = [measure for listed in framework.goals.values() for measure in listed]
    assert len(named) == len(set(named)), "a measure serves one goal"
    named += [measure for means in framework.means.values() for measure in means.measures]
    named += [measure for listed in framework.severity.values() for measure in listed]
    assert set(named) <= measures
    strategies = {item.id for item in read_vocabulary("eric").items}
    assert {each for means in framework.means.values() for each in means.strategies} <= strategies
    assert set(BUNDLES) <= set(bundle_ids(REPOSITORY))


def test_the_demo_has_all_bundles_seven_waves_and_every_state(status: NetworkStatus) -> None:
    network = demo_network()
    assert {found.bundle for found in network.studies.values()} == set(BUNDLES) - {"good_pathways"}
    assert len({found.wave for found in network.studies.values()}) == 7
    states = {line.state for line in status.lines}
    assert states >= {
        "beneficial",
        "negligible",
        "harmful",
        "uncertain",
        "described",
        "overdue",
        "planned",
        "withdrawn",
    }
    assert all(isinstance(line.standing, Standing) for line in status.lines)
    assert status.synthetic
