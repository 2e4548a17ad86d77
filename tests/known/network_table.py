"""What the status report says of every planted truth of the demo network, as a table:

    PYTHONPATH=tests python tests/known/network_table.py [PROJECT]

With the folder of a project (`make network` lays one out as network/) it reads the Releases and the register there;
without one, Releases are made from the truth in a moment. It ends with 1 where any row is not as it should be.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from demo_releases import demo_network, demo_project, demo_releases
from impl.model.demo_network import DemoNetwork
from impl.network.exchange import read_releases
from impl.network.gather import status_of
from impl.network.proposals import ProposalKind
from impl.network.status import NetworkStatus
from impl.register.register import read_register

SHOULD: dict[str, tuple[tuple[str, ...], tuple[ProposalKind, ...]]] = {
    "beneficial": (("beneficial",), ("keep",)),
    "phase_out": (("negligible",), ("phase_out_negligible",)),
    "harmful": (("harmful",), ("phase_out_harm",)),
    "not_delivered": (("beneficial", "promising", "uncertain", "negligible"), ("deliver_first",)),
    "faded": (("beneficial", "promising"), ("faded",)),
    "uncertain": (("uncertain", "promising"), ("more_data",)),
    "no_direction": (("described",), ()),
    "overdue": (("overdue",), ("report_missing",)),
    "planned": (("planned",), ()),
    "withdrawn": (("withdrawn",), ()),
}
"""What a truth must be said as -> states that may be shown, and proposals of which one is made (none where empty)."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One evaluation. truth: effect at full delivery and share delivered; says: what the table of the demo asks for."""

    study: str
    truth: str
    says: str
    state: str
    proposals: tuple[str, ...]
    right: bool


def table(network: DemoNetwork, status: NetworkStatus) -> tuple[Row, ...]:
    """A row for each evaluation of the demo network, in its order."""
    lines = {line.id: line for line in status.lines}
    rows = []
    for name, found in network.studies.items():
        line = lines.get(name)
        state = line.state if line is not None else "not shown"
        made = tuple(each.kind for each in status.proposals if each.study == name)
        states, proposals = SHOULD[found.says]
        right = state in states and (bool(set(made) & set(proposals)) if proposals else not made)
        truth = found.stage
        if found.stage == "reported":
            truth = f"effect {found.effect:g}" + (
                "" if found.delivered is None else f", {found.delivered:.0%} delivered"
            )
            truth += ", fades" if found.shape == "fading" else ""
        rows.append(Row(study=name, truth=truth, says=found.says, state=state, proposals=made, right=right))
    return tuple(rows)


def demo_status(folder: Path) -> tuple[DemoNetwork, NetworkStatus]:
    """The status report of the demo network, from Releases made of its truth; `folder` is a new one."""
    network, register = demo_project(folder)
    releases = demo_releases(network, register)
    return network, status_of(register, releases, root=folder, today=network.today)


def project_status(folder: Path) -> tuple[DemoNetwork, NetworkStatus]:
    """The status report of the Releases and the register that lie in a project."""
    network = demo_network()
    received = read_releases(folder / "reports")
    return network, status_of(read_register(folder), received.releases, root=folder, today=network.today)


def markdown(rows: Sequence[Row]) -> str:
    """The table as it stands in docs/validation/network.md."""
    lines = ["| evaluation | truth | must say | state | proposal | |", "|---|---|---|---|---|---|"]
    for row in rows:
        made = ", ".join(row.proposals) or "–"
        lines.append(
            f"| {row.study} | {row.truth} | {row.says} | {row.state} | {made} | {'✓' if row.right else '✗'} |"
        )
    return "\n".join([*lines, "", f"{sum(row.right for row in rows)} of {len(rows)} as they should be.", ""])


def main() -> int:
    """Print the table; 1 where a row is wrong."""
    if len(sys.argv) > 1:
        network, status = project_status(Path(sys.argv[1]))
    else:
        with tempfile.TemporaryDirectory() as folder:
            network, status = demo_status(Path(folder) / "network")
    rows = table(network, status)
    sys.stdout.write(markdown(rows))
    return 0 if all(row.right for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
