"""The commands about a whole network of studies: its pages, and the invented one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from impl.study.load import find_root


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
