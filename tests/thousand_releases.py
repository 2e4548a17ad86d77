"""A thousand Releases of the demo network's truth with names of their own, for measuring; this command lays them out:

    PYTHONPATH=tests python tests/thousand_releases.py FOLDER

Then, in that folder: /usr/bin/time -v impl network --language nb
"""

from __future__ import annotations

import sys
from pathlib import Path

from demo_releases import demo_network, demo_project, demo_releases
from impl.release.files import write_release

COUNT = 1000


def main(folder: Path) -> None:
    """Write `COUNT` Releases under `<folder>/reports`, the demo network's own first."""
    network, register = demo_project(folder)
    written = 0
    while written < COUNT:
        seed = 1 + written // len([each for each in network.studies.values() if each.stage == "reported"])
        for release in demo_releases(demo_network(), register if seed == 1 else None, seed):
            if written == COUNT:
                break
            name = release.study.id if seed == 1 else f"{release.study.id}-{seed}"
            study = release.study.model_copy(update={"id": name})
            write_release(release.model_copy(update={"study": study}), folder / "reports" / name)
            written += 1


if __name__ == "__main__":
    main(Path(sys.argv[1]))
