"""Everything that the network's pages are drawn from, read from paths: Releases in folders or zips, and the register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from pydantic import TypeAdapter

from impl.network.evidence import Planned, collect_evidence
from impl.network.exchange import Refused, read_releases
from impl.network.framework import focus_areas
from impl.network.states import NO_RUNS, Runs, standings
from impl.network.status import NetworkStatus, network_status
from impl.network.strangers import told_apart
from impl.register.register import Register, read_register
from impl.release.release import Release
from impl.study.paths import find_root

SEPARATOR = ";"
"""Between several paths in one text: only texts cross papermill's border."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """status: what is said. pages: addresses of the studies' own reports, relative to `reports/`, by study and language.
    refused: files that were not believed."""

    status: NetworkStatus
    pages: Mapping[str, Mapping[str, str]]
    refused: tuple[Refused, ...] = ()

    def __repr__(self) -> str:
        return f"Network({len(self.status.lines)} studies, {len(self.refused)} files refused)"


def read_network(
    releases: str = "reports",
    register: str = "parameters/register.jsonl",
    runs: str = "",
    *,
    today: date | None = None,
) -> Network:
    """The network of a register and of Releases in folders or zips, paths apart by `;`; relative ones start at the root.

    runs: file that tells which runs go on or failed (`write_runs`); without one, what has no Release is planned or overdue.
    Releases under the project's own `reports/` are its own; all others are foreign. Raises StudyError where the register
    is broken, RunError where a path holds no Releases or too many. One Release that is not believed stops nothing.
    """
    root = find_root(Path.cwd())
    known = read_register(root, register)
    own: list[Release] = []
    foreign: list[Release] = []
    refused: list[Refused] = []
    for name in filter(None, releases.split(SEPARATOR)):
        received = read_releases(root / name)
        at_home = (root / name).resolve() == (root / "reports").resolve()
        (own if at_home else foreign).extend(received.releases)
        refused += received.refused
    stand = TypeAdapter(Runs).validate_json((root / runs).read_bytes()) if runs else NO_RUNS
    status = status_of(known, own, foreign, stand, root=root, today=today or datetime.now(UTC).date())
    return Network(status=status, pages=_pages(root / "reports"), refused=tuple(refused))


def write_runs(runs: Runs, file: Path) -> None:
    """Write what `read_network` is to know of runs without a Release."""
    file.write_bytes(TypeAdapter(Runs).dump_json(runs))


def status_of(
    register: Register,
    own: Sequence[Release],
    foreign: Sequence[Release] = (),
    runs: Runs = NO_RUNS,
    *,
    root: Path,
    today: date,
) -> NetworkStatus:
    """The status report's values. root: the project whose catalogue tells the measures' focus areas."""
    brought = told_apart(foreign, own, register, runs)
    found = standings(register, own, runs, foreign=brought, today=today)
    planned = [
        Planned(study=row.id, measures=row.plan.measures.declared, bundle=row.plan.bundles[0])
        for row in found
        if row.plan is not None and row.reason is None
    ]
    measures = {row.release.measure().id for row in found if row.release is not None}
    measures |= {row.plan.measures.primary for row in found if row.plan is not None}
    return network_status(
        found, collect_evidence((*own, *brought), planned), areas=focus_areas(measures, root), today=today
    )


def _pages(reports: Path) -> dict[str, dict[str, str]]:
    """Whole reports that lie in the project: `<id>/<id>.<language>.html`."""
    found: dict[str, dict[str, str]] = {}
    for page in sorted(reports.glob("*/*.html")):
        study, _, rest = page.name.partition(".")
        if study == page.parent.name and rest.count(".") == 1:
            found.setdefault(study, {})[rest.partition(".")[0]] = f"{study}/{page.name}"
    return found
