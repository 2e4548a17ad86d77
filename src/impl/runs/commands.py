"""Commands about what has been run: where it stands, why it failed, whether it comes out again, what all of it says."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from impl.errors import Fault, StudyError

if TYPE_CHECKING:
    from rich.table import Table

NOT_THE_SAME = 3
WATCH_SECONDS = 2.0


def reproduce(
    release: Annotated[
        Path, typer.Argument(metavar="RELEASE", help="A release.json, here or from elsewhere.")
    ],
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that it may take.")] = 1800,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="What the kernel may take, such as 4G.")
    ] = None,
) -> None:
    """Run a published result again, beside it, and say whether it comes out the same; publishes nothing."""
    from impl.runs.reproduce import lines_of
    from impl.runs.reproduce import reproduce as run_again
    from impl.runs.tasks import bytes_of
    from impl.study.load import find_root

    found = run_again(
        release.resolve(),
        root=find_root(Path.cwd()),
        timeout=timeout,
        memory=bytes_of(memory) if memory else None,
        say=lambda stage: typer.echo(stage, err=True),
    )
    for line in lines_of(found):
        typer.echo(line)
    raise typer.Exit(0 if found.agrees else NOT_THE_SAME)


def why(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Id of a study, of a unit's run, or a run id.")],
) -> None:
    """What became of a run and why: the reason, the failing cell, the end of the log, what changed since it was good."""
    from impl.runs.why import why_lines
    from impl.study.load import find_root

    for line in why_lines(find_root(Path.cwd()), run):
        typer.echo(line)


def status(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]…", help="Ids or paths, or ids of units' runs; all if none."),
    ] = None,
    watch: Annotated[
        bool, typer.Option("--watch", help="Tell it anew every two seconds, until Ctrl-C.")
    ] = False,
) -> None:
    """Every study with its state and the age of its report, or those that are named."""
    from rich.console import Console

    from impl.study.load import find_root

    root = find_root(Path.cwd())
    if not watch:
        Console().print(_standing(root, studies or ()))
        return
    from rich.live import Live

    with (
        contextlib.suppress(KeyboardInterrupt),
        Live(_standing(root, studies or ()), console=Console(), screen=False) as live,
    ):
        while True:
            time.sleep(WATCH_SECONDS)
            live.update(_standing(root, studies or ()), refresh=True)


def _standing(root: Path, studies: Sequence[str]) -> Table:
    """One row a study."""
    from rich.table import Table
    from rich.text import Text

    from impl.runs.status import age, list_status

    table = Table("study", "state", "age", "data to", "run", "why", box=None, pad_edge=False)
    for row in list_status(root, studies):
        table.add_row(
            row.study,
            row.state.replace("_", " ") + (" (smoke)" if row.profile == "smoke" else ""),
            age(row.finished) if row.finished else "–",
            row.data_to.isoformat() if row.data_to else "–",
            row.run_id or "–",
            Text(row.reason or ""),
        )
    return table


def open_notebook(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Id or path.")],
    print_only: Annotated[bool, typer.Option("--print", help="Only print the path.")] = False,
) -> None:
    """Open a study's executed analysis notebook in JupyterLab."""
    from impl.runs.job import executed_notebook
    from impl.runs.ledger import ledger_name, read_entry
    from impl.study.load import find_root, study_path

    root = find_root(Path.cwd())
    name = ledger_name(study_path(root, study))
    entry = read_entry(root, name)
    notebook = executed_notebook(root, entry) if entry else None
    if notebook is None:
        raise StudyError(
            [
                Fault(
                    code="run.nothing_to_open",
                    where=f"study '{name}'",
                    got="no executed notebook",
                    allowed="run at least once",
                    fix=f"Run it first: impl run {name}",
                )
            ]
        )
    typer.echo(str(notebook))
    if not print_only:
        os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", str(notebook)])


def network(
    releases: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PATH", help="Folder or zip of Releases; may be repeated; reports/ if left out."
        ),
    ] = None,
    register: Annotated[str, typer.Option(help="The register of plans.")] = "parameters/register.jsonl",
    language: Annotated[
        list[str] | None, typer.Option(help="nb, nn or en; may be repeated; all if left out.")
    ] = None,
    timeout: Annotated[int, typer.Option(min=1, help="Seconds that it may take.")] = 1800,
) -> None:
    """Write the annual status report and the view of the learning network, from register and Releases alone."""
    from impl.runs.network import make_network
    from impl.study.load import find_root

    outcome, pages = make_network(
        find_root(Path.cwd()), releases or ["reports"], register, language, timeout=timeout
    )
    if outcome.reason:
        typer.echo(outcome.detail or outcome.reason, err=True)
    for page in pages:
        typer.echo(f"reports/{page.name}")
    raise typer.Exit(outcome.exit_code)


def simulate(
    network: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Lay out the demo network there instead, a new or empty folder."),
    ] = None,
) -> None:
    """Write the synthetic data sets, with their truth, to data/synthetic/."""
    from impl.study.load import find_root

    root = find_root(Path.cwd())
    if network is None:
        from impl.model.simulate import write_synthetic

        write_synthetic(root)
        return
    from impl.model.demo_network import TABLE, read_network, write_network
    from impl.runs.lay_out import lay_out

    found = read_network(root / TABLE)
    typer.echo(next(lay_out(network)))
    files = write_network(found, network)
    typer.echo(
        f"{len(files)} registered studies, {sum(file.parent.name != 'planned' for file in files)} of them with data"
    )
