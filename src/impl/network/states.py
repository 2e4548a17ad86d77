"""Where every study stands, registered or not: the one list from which index and status report are drawn.

Who asks hands over the register and whatever Releases there are; what is registered is in the answer whether or not a
study file, a Release or a run of it exists. There is no argument by which a study could be left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Literal

from impl.register.plan import Plan, Timing, timing
from impl.register.register import Register, Registered
from impl.release.release import Outcome, Release
from impl.study.value import Translated

State = Literal[
    "planned", "running", "overdue", "failed", "withdrawn", "unpublished", "not_converged", "described",
    "beneficial", "promising", "uncertain", "negligible", "harmful",
]  # fmt: skip
"""`described`: a report without a verdict, since more is neither good nor bad of its measure. `unpublished`: it was run in
full, and what came of it is not for everybody."""
STATES: tuple[State, ...] = (
    "beneficial", "promising", "uncertain", "negligible", "harmful", "described", "not_converged",
    "unpublished", "failed", "overdue", "running", "planned", "withdrawn",
)  # fmt: skip
"""All of them, in the order of lists."""
ENDED_EARLY = timedelta(days=31)
"""How long before the planned last day of data a report may end and still be the planned one (choice: a month)."""

Ended = Literal["running", "failed", "cancelled", "interrupted"]
"""How the last run of a study stands where no Release came of it."""
Registration = Literal["registered", "elsewhere", "lost", "not_registered"]
"""`elsewhere`: a Release of another network, which names a line of its own register. `lost`: one of ours names a line
that our register does not have, so that something was taken out of it."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """The last run of a study, as the ledger has it. id: of the run's study, of a unit's one its own; study: id in the
    register, which differs where a study is run by unit."""

    id: str
    study: str
    state: Literal["running", "ok", "not_converged", "failed", "cancelled", "interrupted"]
    profile: Literal["full", "smoke"] = "full"


@dataclass(frozen=True, kw_only=True)
class Runs:
    """What a project knows of its runs beside their Releases: whether each goes on or failed, and nothing else of it.

    attempts: the last run of each study and unit. units: ids of the units that a study file asks for now, by study.
    """

    attempts: tuple[Attempt, ...] = ()
    units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


NO_RUNS = Runs()


@dataclass(frozen=True, kw_only=True)
class Standing:
    """One study, or one unit of a study that is run by unit.

    id: of the study or unit; study: id in the register. outcome: what its full Release says, whatever the state.
    release: the newest, a smoke run where there is no other; others: run ids of further Releases of the same id.
    interim: its data end before the planned last day. overdue: the report is, whatever the state. attempt: how the last
    run ended where that is not how the Release was made. registered: first line, newest plan, withdrawal and dates.
    """

    id: str
    study: str
    state: State
    registration: Registration
    title: Translated
    question: Translated
    registered: Registered | None = None
    release: Release | None = None
    others: tuple[str, ...] = ()
    outcome: Outcome | Literal["not_converged", "described"] | None = None
    interim: bool = False
    overdue: bool = False
    attempt: Ended | None = None

    @property
    def plan(self) -> Plan | None:
        """The plan in force."""
        return self.registered.plan if self.registered else None

    @property
    def registered_at(self) -> datetime | None:
        """When the study was first registered."""
        return self.registered.lines[0].registered_at if self.registered else None

    @property
    def timing(self) -> Timing | None:
        """When it was first registered, seen from its data: those it has, or those it planned."""
        if self.registered is None:
            return None
        first = self.registered.lines[0]
        planned = self.registered.plan.planned
        data_from = date.fromisoformat(planned.data_from) if planned.data_from else None
        data_to = date.fromisoformat(planned.data_to)
        if self.release is not None:
            data_from, data_to = self.release.study.data_from, self.release.study.data_to
        return timing(first.registered_at.date(), data_from, data_to)

    @property
    def reason(self) -> str | None:
        """Why it was withdrawn."""
        withdrawn = self.registered.withdrawn if self.registered else None
        return withdrawn.reason if withdrawn else None

    @property
    def synthetic(self) -> bool:
        """Whether any of it is invented."""
        return bool((self.release and self.release.study.synthetic) or (self.plan and self.plan.synthetic))


def standings(
    register: Register,
    releases: Iterable[Release],
    runs: Runs = NO_RUNS,
    *,
    foreign: Iterable[Release] = (),
    today: date,
) -> tuple[Standing, ...]:
    """Every registered study in the order of registration, then every Release of a study that is not registered, by id.

    foreign: Releases brought from elsewhere. One that rests on a line of this register is of that study; any other
    has a row of its own, whatever id it bears, so that no stranger can stand in for a study of ours. A study that is
    run by unit has one row for each unit that was run or is asked for, or one of its own where there is none.
    """
    own = tuple(releases)
    known = {(release.study.id, release.run.id) for release in own}
    brought = [release for release in foreign if (release.study.id, release.run.id) not in known]
    ours = _by_study((*own, *(release for release in brought if rests_on(register, release))))
    theirs = _by_study(release for release in brought if not rests_on(register, release))
    tried: dict[str, dict[str, Attempt]] = {}
    for attempt in runs.attempts:
        tried.setdefault(attempt.study, {})[attempt.id] = attempt
    rows: list[Standing] = []
    for name in (*register.studies, *sorted(ours.keys() - register.studies.keys())):
        found, last = ours.get(name, {}), tried.get(name, {})
        registered = register.studies.get(name)
        for row in sorted({*found, *last, *runs.units.get(name, ())} if registered else found) or [name]:
            rows.append(_standing(name, row, registered, register, found.get(row, []), last.get(row), today))
    for name, found in sorted(theirs.items()):
        for row in sorted(found):
            rows.append(_standing(name, row, None, None, found[row], None, today))
    return tuple(rows)


def _by_study(releases: Iterable[Release]) -> dict[str, dict[str, list[Release]]]:
    """Releases by the id of their study in the register, and by their own."""
    found: dict[str, dict[str, list[Release]]] = {}
    for release in releases:
        found.setdefault(study_of(release), {}).setdefault(release.study.id, []).append(release)
    return found


def age(release: Release) -> tuple[bool, datetime, str]:
    """Which of several Releases of one study counts: the largest, the last full run or, without one, the last."""
    return release.run.profile == "full", release.run.started, release.run.id


def study_of(release: Release) -> str:
    """The id under which it is registered, as it says itself: its own, or that of the study it is a unit of."""
    name, said = release.study.id, release.plan.study
    return said if said is not None and name.startswith(f"{said}-") else name


def rests_on(register: Register, release: Release) -> bool:
    """Whether the line that a Release names is one of its own study in this register."""
    registered = register.studies.get(study_of(release))
    return registered is not None and release.plan.line_sha256 in {line.sha256 for line in registered.lines}


def counts(rows: Sequence[Standing]) -> Mapping[State, int]:
    """How many rows have each state, every state named, in the order of `STATES`."""
    found = Counter(row.state for row in rows)
    return {state: found[state] for state in STATES}


def _standing(
    study: str,
    name: str,
    registered: Registered | None,
    register: Register | None,
    releases: Sequence[Release],
    attempt: Attempt | None,
    today: date,
) -> Standing:
    if attempt is not None and attempt.profile == "smoke":
        attempt = None  # a trial that goes on, ends or fails says nothing of where the study stands
    ordered = sorted(releases, key=age)
    release = ordered[-1] if ordered else None
    full = release if release is not None and release.run.profile == "full" else None
    outcome = None if full is None else _outcome(full)
    last_day = date.fromisoformat(registered.plan.planned.data_to) if registered else None
    interim = full is not None and last_day is not None and full.study.data_to < last_day - ENDED_EARLY
    due = date.fromisoformat(registered.plan.planned.report_due) if registered else None
    overdue = due is not None and today > due and (full is None or interim)
    ended = _ended(attempt)
    text = release.study if release is not None else registered.plan if registered is not None else None
    assert text is not None  # a row is asked for by a Release or by the register
    return Standing(
        id=name,
        study=study,
        state=_state(registered, outcome, interim, overdue, attempt),
        registration=_registration(registered, register, release),
        title=text.title,
        question=text.question,
        registered=registered,
        release=release,
        others=tuple(item.run.id for item in ordered[:-1]),
        outcome=outcome,
        interim=interim,
        overdue=overdue,
        attempt=ended,
    )


def _state(
    registered: Registered | None,
    outcome: Outcome | Literal["not_converged", "described"] | None,
    interim: bool,
    overdue: bool,
    attempt: Attempt | None,
) -> State:
    """The gravest of what is so: an early report does not make a late one timely, nor a failed run a planned one."""
    if registered is not None and registered.withdrawn is not None:
        return "withdrawn"
    if outcome is not None and not (interim and overdue):
        return outcome
    if attempt is not None and attempt.state == "running":
        return "running"
    if attempt is not None and _ended(attempt) is None and outcome is None:
        return "unpublished"
    if overdue:
        return "overdue"
    return "planned" if _ended(attempt) is None else "failed"


def _ended(attempt: Attempt | None) -> Ended | None:
    if attempt is None or attempt.state == "ok" or attempt.state == "not_converged":
        return None
    return attempt.state


def _outcome(release: Release) -> Outcome | Literal["not_converged", "described"]:
    if release.status == "not_converged":
        return "not_converged"
    return release.verdict.outcome if release.verdict is not None else "described"


def _registration(
    registered: Registered | None, register: Register | None, release: Release | None
) -> Registration:
    """Whether the study is registered, and what a Release says of it against that. register: None for a stranger."""
    if release is not None and release.plan.line_sha256 is not None:
        if register is None:
            return "elsewhere"
        if not rests_on(register, release):
            return "lost"
    return "registered" if registered is not None else "not_registered"
