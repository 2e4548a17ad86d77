"""Releases from elsewhere under ids that nobody else has: an id is one network's word, and not the world's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from impl.network.states import Runs, age, rests_on
from impl.register.register import Register
from impl.release.release import Release


def same_study(one: Release, other: Release) -> bool:
    """Whether two Releases that bear one id are of one study: of one plan or registration, or with data in common."""
    if one.study.plan_sha256 == other.study.plan_sha256:
        return True
    if one.plan.versions and other.plan.versions:
        return one.plan.versions[0].registered_at == other.plan.versions[0].registered_at
    sites = {start.site for start in one.design.rollout} & {start.site for start in other.design.rollout}
    return (
        bool(sites)
        and one.study.data_from <= other.study.data_to
        and other.study.data_from <= one.study.data_to
    )


def told_apart(
    foreign: Iterable[Release], own: Sequence[Release], register: Register, runs: Runs
) -> tuple[Release, ...]:
    """Releases from elsewhere, without copies of our own; each that may be mistaken has an id with its run in it.

    Evidence takes one Release an id, and a page one line. One that rests on a line of the register is of that study. A
    stranger may displace nothing: neither a study of ours, or a unit of one, nor another network's study of the same id.
    """
    ours = {*register.studies, *(release.study.id for release in own)}
    ours |= {unit for units in runs.units.values() for unit in units}
    by_unit = tuple(f"{name}-" for name, found in register.studies.items() if found.plan.by_unit)
    copies = {(release.study.id, release.run.id) for release in own}
    brought: list[Release] = []
    strangers: dict[str, list[list[Release]]] = {}
    for release in sorted(foreign, key=age, reverse=True):
        if (release.study.id, release.run.id) in copies:
            continue
        copies.add((release.study.id, release.run.id))
        if rests_on(register, release):
            brought.append(release)
            continue
        studies = strangers.setdefault(release.study.id, [])
        for runs_of_study in studies:
            if any(same_study(each, release) for each in runs_of_study):
                runs_of_study.append(release)
                break
        else:
            studies.append([release])
    for name, studies in strangers.items():
        taken = name in ours or name.startswith(by_unit) or len(studies) > 1
        for runs_of_study in studies:
            shown = f"{name}-{runs_of_study[0].run.id}" if taken else name
            brought += [_named(release, shown) for release in runs_of_study]
    return tuple(brought)


def _named(release: Release, name: str) -> Release:
    if release.study.id == name:
        return release
    return release.model_copy(update={"study": release.study.model_copy(update={"id": name})})
