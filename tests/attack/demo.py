"""The demo studies published three times, as data grew, and attacked: `python tests/attack/demo.py` prints the table.

Nothing is sampled: levels, sums and curves are those of the cells, effects are invented numbers. The level after start
is set to the crude one, so that it tells the attacker as much as it possibly could.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(REPOSITORY / "tests"), str(REPOSITORY / "tests" / "attack")]

from example_estimates import example_checks, example_estimates, example_evaluation  # noqa: E402
from impl.data.panel import Panel  # noqa: E402
from impl.data.read import read_panel  # noqa: E402
from impl.disclosure.functionals import linked_measures, modelled_cells  # noqa: E402
from impl.disclosure.make import make_release  # noqa: E402
from impl.disclosure.rules import counted  # noqa: E402
from impl.release.files import release_bytes  # noqa: E402
from impl.study.load import read_measure, read_study  # noqa: E402
from impl.study.study import AudienceName, Study  # noqa: E402
from recover import Known, Result, recover  # noqa: E402

STUDIES = ("fall-solbakken", "svk-helse-vest", "legemiddelgjennomgang", "gode-pasientforlop")
SHARES = (1.0, 0.3, 0.1, 0.02)
"""Shares of the events that are kept: the fewer there are, the more has to be hidden."""
LAST = (2, 1, 0)
"""Periods left out of the Releases, in the order in which they are published."""
WINDOW = (1, 6)


@dataclass(frozen=True, kw_only=True)
class Attacked:
    study: str
    audience: AudienceName
    share: float
    result: Result


def project(folder: Path) -> None:
    for name in ("parameters", "notebooks"):
        shutil.copytree(REPOSITORY / name, folder / name)
    shutil.copytree(REPOSITORY / "data" / "synthetic", folder / "data" / "synthetic")


def thinned(panel: Panel, share: float) -> Panel:
    """Every event kept with this chance; measures that share their events keep the same ones."""
    cells = panel.cells.copy()
    kept: dict[tuple[str, int, float], float] = {}
    rng = np.random.default_rng(5)
    for index, row in cells.iterrows():
        key = (row["site"], row["period"], row["numerator"])
        if row["observed"]:
            kept.setdefault(key, float(rng.binomial(int(row["numerator"]), share)))
            cells.loc[index, "numerator"] = kept[key]
    return replace(panel, cells=cells)


def cut(panel: Panel, periods: int) -> Panel:
    """The panel as it was before its last periods came in."""
    cells = panel.cells[panel.cells["period"] < periods].reset_index(drop=True)
    return replace(panel, cells=cells, periods=panel.periods[:periods])


def publish(study: Study, panel: Panel) -> bytes:
    """Make the Release, and put it where the next one finds it."""
    primary, *others = study.measures.declared
    crude = {}
    for name in study.measures.declared:
        made = example_estimates(study, panel, name, window=WINDOW)
        sums = made.crude
        per = read_measure(name, study.root).per
        after = (
            sums.after_numerator / sums.after_denominator * per if sums.after_denominator else float("nan")
        )
        crude[name] = replace(made, after=after)
    release = make_release(
        study,
        panel,
        crude[primary],
        example_checks(primary),
        paired=[
            replace(example_evaluation(study, panel, name), estimates=replace(crude[name], outcome=None))
            for name in others
        ],
    )
    folder = study.root / "reports" / study.id
    (folder / "history").mkdir(parents=True, exist_ok=True)
    data = release_bytes(release)
    (folder / "history" / f"{len(list((folder / 'history').iterdir()))}.json").write_bytes(data)
    return data


def known_of(study: Study, panel: Panel) -> Known:
    """What the attacker is given; the roll-out and who reported are no secret."""
    laws = {name: counted(read_measure(name, study.root)) for name in study.measures.declared}
    frames = []
    for name in laws:
        cells = modelled_cells(panel, name)
        first = panel.rollout.set_index("site")["start_period"].reindex(cells["site"])
        frames.append(
            cells.assign(
                measure=name,
                start=[panel.periods[int(at)].start.isoformat() for at in cells["period"]],
                end=[panel.periods[int(at)].end.isoformat() for at in cells["period"]],
                began=[
                    panel.periods[int(at)].start.isoformat() if 0 <= at < len(panel.periods) else "never"
                    for at in first
                ],
                count=cells["numerator"],
            )
        )
    return Known(
        cells=pd.concat(frames, ignore_index=True),
        kinds={name: law.kind for name, law in laws.items()},
        persons={name: law.persons for name, law in laws.items()},
        per={name: law.per for name, law in laws.items()},
        shared=linked_measures(panel, laws),
    )


def attack(name: str, audience: AudienceName, share: float) -> Attacked:
    """Publish one demo study for one audience, three times, and attack all that was published."""
    with TemporaryDirectory() as folder:
        project(Path(folder))
        study = read_study(Path(folder) / "parameters" / f"{name}.yaml")
        root = study.root
        study = study.model_copy(update={"audience": audience})
        study._root = root
        panel = read_panel(study)
        if share < 1:
            panel = thinned(panel, share)
        files = [publish(study, cut(panel, len(panel.periods) - less)) for less in LAST]
        return Attacked(
            study=name,
            audience=audience,
            share=share,
            result=recover(files, known_of(study, panel), audience),
        )


def table(rows: Iterator[Attacked]) -> Iterator[str]:
    yield "| study | audience | events kept | numbers published | counts hidden | whole-number searches | narrowed |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        found = row.result
        yield (
            f"| {row.study} | {row.audience} | {row.share:.0%} | {found.statements} | {found.hidden} | "
            f"{found.searches} | {len(found.narrowed)} |"
        )


if __name__ == "__main__":
    audiences: tuple[AudienceName, ...] = ("network", "public", "open")
    every = (attack(name, who, share) for name in STUDIES for who in audiences for share in SHARES)
    for line in table(every):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
