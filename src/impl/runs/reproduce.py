"""A published result run again: from what its Release says it was made of, beside it, never in its place."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from impl.errors import Fault, RunError, StudyError
from impl.release.files import read_release
from impl.release.release import Release
from impl.runs.job import SAMPLE_ANEW, Say, open_job
from impl.runs.judge import RunFailedError, as_failure
from impl.runs.ledger import study_lock
from impl.runs.steps import analyse, require_sound
from impl.runs.stop import Stop, heard
from impl.runs.tasks import tasks_named
from impl.study.identity import Identity, identify
from impl.study.study import Study

FOLDER = "reproduced"
"""Under `build/<study>/`: the notebook and the Release of the run that was made again."""
LENGTH = 12
"""Of a hash, where a person reads it."""


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that came out otherwise. share: of the interval's width, where the value belongs to one."""

    where: str
    then: str
    now: str
    share: float | None = None


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """What became of it. inputs: what the run was made of then and now, where that differs; results: what came out.

    folder: where the new run lies, from the project's folder.
    """

    study: str
    run_id: str
    inputs: tuple[Difference, ...]
    results: tuple[Difference, ...]
    folder: str

    @property
    def agrees(self) -> bool:
        return not self.results


def reproduce(
    file: Path, *, root: Path, timeout: float, memory: int | None = None, stop: Stop | None = None, say: Say
) -> Reproduced:
    """Run the study of the Release in `file` again, with its profile, and compare the two Releases without times.

    Nothing under `reports/` and nothing of the ledger changes. Raises StudyError where the study is not here any
    more, RunError where the run breaks.
    """
    then = read_release(file)
    name = then.study.id
    tasks = tasks_named(root, [name])
    if [task.name for task in tasks] != [name]:
        raise StudyError(
            [
                Fault(
                    code="reproduce.units",
                    where=f"study '{name}'",
                    got=f"a study that is run for each of {len(tasks)} units by now",
                    allowed="one run, as it was when the Release was made",
                    fix="Reproduce it from the commit that the Release names.",
                )
            ]
        )
    (task,) = tasks
    stop = stop or Stop()
    if task.study is None:
        from impl.study.load import read_study

        read_study(task.path)  # raises what is wrong with it
    assert task.study is not None
    identity = identify(task.study, profile=then.run.profile)
    try:
        with (
            heard(stop),
            as_failure(stop),
            study_lock(root, name),
            open_job(root, name, FOLDER, stop, timeout, say, None, memory, {SAMPLE_ANEW: "1"}) as job,
        ):
            require_sound(task.study, job)
            now = analyse(job, task.path, task.study, identity, then.run.profile)
    except RunFailedError as failed:
        raise RunError(
            [
                Fault(
                    code="reproduce.failed",
                    where=f"study '{name}'",
                    got=failed.failure.reason,
                    allowed="a run that comes to its end",
                    fix=f"See build/{name}/{FOLDER}/log.txt.",
                )
            ]
        ) from None
    return Reproduced(
        study=name,
        run_id=then.run.id,
        inputs=tuple(_inputs(then, task.study, identity)),
        results=tuple(result_differences(then, now)),
        folder=f"build/{name}/{FOLDER}",
    )


def lines_of(found: Reproduced, shown: int = 20) -> Iterator[str]:
    """The answer in words: first what it is made of, then whether it agrees and by how much not."""
    for each in found.inputs:
        yield f"made of another {each.where}: {each.then} then, {each.now} now"
    if not found.inputs:
        yield "made of the same: study, data, notebook, code, lock, Python and seed"
    if found.agrees:
        yield f"agrees: run {found.run_id} came out again, every number of it ({found.folder}/)"
        return
    yield f"differs from run {found.run_id} in {len(found.results)} values ({found.folder}/):"
    order = sorted(
        found.results, key=lambda each: -math.inf if each.share is None else each.share, reverse=True
    )
    for each in order[:shown]:
        by = "" if each.share is None else f" (a shift of {100 * each.share:.2g} % of its interval)"
        yield f"    {each.where}: {each.then} then, {each.now} now{by}"
    if len(order) > shown:
        yield f"    … and {len(order) - shown} more"
    shares = [each.share for each in found.results if each.share is not None]
    if shares:
        yield f"the largest shift of an estimate is {100 * max(shares):.2g} % of its interval"


def result_differences(then: Release, now: Release) -> list[Difference]:
    """Every value that differs between two Releases but for the run's own line, which holds times and versions."""
    before, after = (
        release.model_dump(mode="json", by_alias=True, exclude={"run"}) for release in (then, now)
    )
    return list(_differences(before, after, ""))


def _inputs(then: Release, study: Study, identity: Identity) -> Iterator[Difference]:
    pairs: Mapping[str, tuple[object, object]] = {
        "study file": (then.study.plan_sha256, identity.plan_sha256),
        "seed": (then.run.seed, study.seed),
        "version of impl": (then.run.impl, identity.impl),
        "requirements.lock": (then.run.lock_sha256, identity.lock_sha256),
        "commit": (then.run.git_commit, identity.git_commit),
    }
    told = False
    for name, (old, new) in pairs.items():
        if old != new:
            told |= name != "commit"  # which is no part of what a run is made of
            yield Difference(where=name, then=_short(old), now=_short(new))
    if not told and then.run.id != identity.run_id:
        yield Difference(
            where="input (data, notebook, catalogue, code, Python, or another build/secret)",
            then=f"run {then.run.id}",
            now=f"run {identity.run_id}",
        )


def _differences(then: Any, now: Any, where: str, width: float | None = None) -> Iterator[Difference]:
    if isinstance(then, dict) and isinstance(now, dict):
        low, high = then.get("lower"), then.get("upper")
        if isinstance(low, float) and isinstance(high, float) and high > low:
            width = high - low
        for key in dict.fromkeys([*then, *now]):
            yield from _differences(then.get(key), now.get(key), f"{where}.{key}" if where else key, width)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for index, (old, new) in enumerate(zip(then, now, strict=True)):
            yield from _differences(old, new, f"{where}[{_named(old, index)}]", width)
    elif then != now:
        numbers = all(isinstance(each, (int, float)) and not isinstance(each, bool) for each in (then, now))
        share = abs(now - then) / width if numbers and width is not None else None
        yield Difference(where=where, then=_short(then), now=_short(now), share=share)


def _named(row: Any, index: int) -> str:
    """What a reader knows the row by, else its number."""
    if not isinstance(row, dict):
        return str(index)
    words = [
        str(row[key])
        for key in ("measure", "estimand", "code", "scale", "from", "group")
        if row.get(key) is not None
    ]
    return " ".join(words) or str(index)


def _short(value: object) -> str:
    if isinstance(value, (list, dict)):
        return f"{len(value)} entries"
    text = "none" if value is None else str(value)
    return text[:LENGTH] if len(text) in (40, 64) and text.isalnum() else text[:60]
