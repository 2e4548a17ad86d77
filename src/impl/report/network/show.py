"""Show the network in a notebook cell as readers will see it, and leave the mark that a page is complete."""

from __future__ import annotations

import json
from pathlib import Path

from impl.errors import Fault, RunError
from impl.network.gather import Network
from impl.network.learning import learning_network
from impl.release.atomic import write_atomically
from impl.report.index import PageName
from impl.report.language import FALLBACK, read_language
from impl.report.network.learning import learning_blocks
from impl.report.network.status import status_blocks
from impl.report.show import Report
from impl.study.paths import find_root


def show_network(network: Network, language: str | None = None, page: PageName = "network") -> Report:
    """The annual status report (`network`) or the view of the learning network (`learning`), as blocks.

    Raises ImplError for a language that has no file.
    """
    chosen = read_language(language or FALLBACK)
    if page == "network":
        refused = [each.name for each in network.refused]
        blocks = status_blocks(network.status, chosen, network.pages, refused)
    else:
        blocks = learning_blocks(
            network.status, learning_network(network.status), chosen, f"network.{chosen.code}.html"
        )
    return Report(language=chosen.code, blocks=blocks)


def finish_network(network: Network, language: str, out: str | Path = "") -> Path:
    """Write `<out>/network.<language>.json`: the mark that the notebook came to its end, and what it was made from.

    A relative `out` starts at the project root; an empty one means `build/network/interactive`.
    Raises RunError where the disk refuses.
    """
    chosen = read_language(language)
    folder = Path(out) if str(out) else Path("build") / "network" / "interactive"
    if not folder.is_absolute():
        folder = find_root(Path.cwd()) / folder
    mark = {
        "language": chosen.code,
        "studies": [line.id for line in network.status.lines],
        "runs": sorted(
            line.standing.release.run.id for line in network.status.lines if line.standing.release is not None
        ),
    }
    path = folder / f"network.{chosen.code}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_atomically(path, (json.dumps(mark, indent=1, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        fault = Fault(
            code="network.not_written",
            where=path.name,
            got=error.strerror or "an error of the disk",
            allowed="written whole",
            fix="Make room on the disk or choose another folder, and run again.",
        )
        raise RunError([fault]) from None
    return path
