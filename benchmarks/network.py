"""What the pages about a whole network cost: `impl network` over a thousand Releases, one language.

    python benchmarks/network.py                 # prints seconds, CPU seconds and the largest process

The Releases are those of the demo network's truth, drawn again and again under names of their own.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from demo_releases import demo_network, demo_project, demo_releases
from impl.release.files import write_release
from notebooks.tiny_project import command, environment

COUNT = 1000


def lay_out(folder: Path, count: int) -> None:
    """Write `count` Releases under `<folder>/reports`, the demo network's own first."""
    _, register = demo_project(folder)
    written, seed = 0, 0
    while written < count:
        seed += 1
        for release in demo_releases(demo_network(), register if seed == 1 else None, seed)[
            : count - written
        ]:
            name = release.study.id if seed == 1 else f"{release.study.id}-{seed}"
            study = release.study.model_copy(update={"id": name})
            write_release(release.model_copy(update={"study": study}), folder / "reports" / name)
            written += 1


def main() -> Iterator[str]:
    asked = argparse.ArgumentParser(description="What the pages about a whole network cost.")
    asked.add_argument("--releases", type=int, default=COUNT)
    count = asked.parse_args().releases
    with tempfile.TemporaryDirectory(prefix="network-") as name:
        folder = Path(name) / "network"
        lay_out(folder, count)
        size = sum(file.stat().st_size for file in folder.glob("reports/*/release.json"))
        begun = time.monotonic()
        done = subprocess.run(
            command("network", "--language", "nb"),
            cwd=folder,
            env=environment(folder),
            capture_output=True,
            text=True,
            check=False,
        )
        wall = time.monotonic() - begun
        assert done.returncode == 0, done.stderr[-2000:]
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        yield json.dumps(
            {
                "releases": count,
                "read (MB)": round(size / 1e6),
                "wall": round(wall, 1),
                "cpu": round(used.ru_utime + used.ru_stime, 1),
                "largest process (MB)": round(used.ru_maxrss / 1e3),
                "pages (kB)": {page.name: round(page.stat().st_size / 1e3) for page in sorted(folder.glob("reports/*.nb.html"))},
            }
        )  # fmt: skip


if __name__ == "__main__":
    for line in main():
        print(line)
