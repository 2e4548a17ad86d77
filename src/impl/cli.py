"""The command `impl`. Light commands stay light: whatever is heavy is imported where it is needed.

Exit codes: 0 done; 2 a mistake in what the user brought; 3 a result that did not converge; 4 disclosure
control said no; 5 the run itself broke (kernel, disk, time, or a bug of ours, shown with its traceback);
130 and 143 ended by SIGINT and SIGTERM. A batch ends with the gravest of its studies': signal, 5, 4, 2, 3.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from impl.errors import Fault, ImplError, RunError, StudyError, nearest, shorten

if TYPE_CHECKING:
    from rich.console import Console

    from impl.runs.batch import Batch

app = typer.Typer(
    name="impl",
    help="From a parameter file to a Bayesian evaluation to a report.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # it would print local values, and those may be confidential
    rich_markup_mode=None,
)

StudyNames = Annotated[
    list[str] | None, typer.Argument(metavar="[STUDY]…", help="Ids or paths; all if none.")
]
StudyName = Annotated[str, typer.Argument(metavar="STUDY", help="Id or path.")]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Studies at once.")]
Limit = Annotated[float, typer.Option(min=1, help="Seconds that one study may take.")]


class Profile(StrEnum):
    full = "full"
    smoke = "smoke"


@app.command()
def run(
    studies: StudyNames = None,
    profile: Annotated[Profile, typer.Option(help="smoke: a quick trial, no result.")] = Profile.full,
    jobs: Jobs = 1,
    force: Annotated[bool, typer.Option("--force", help="Run even what has not changed.")] = False,
    timeout: Limit = 1800.0,
) -> None:
    """Bring reports up to date: run what has changed, publish what is good, list all in the index."""
    from impl.runs.batch import run_studies

    root, paths = _studies(studies)
    batch = run_studies(
        paths, root=root, profile=profile.value, jobs=jobs, force=force, timeout=timeout, console=_console()
    )
    _finish(batch)


@app.command()
def render(
    studies: Annotated[list[str], typer.Argument(metavar="STUDY…", help="Ids or paths.")],
    language: Annotated[list[str] | None, typer.Option(help="nb, nn or en; may be repeated.")] = None,
    jobs: Jobs = 1,
    timeout: Limit = 1800.0,
) -> None:
    """Make pages anew from reports/STUDY/release.json alone: no data, no sampling."""
    from impl.runs.batch import render_studies

    root = _root()
    released = dict(_released(root, study, language or []) for study in studies)
    _finish(render_studies(list(released.items()), root=root, jobs=jobs, timeout=timeout, console=_console()))


@app.command()
def check(
    studies: StudyNames = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
) -> None:
    """Read study files and data and tell what is wrong with them; nothing is run."""
    root, paths = _studies(studies)
    rows = [_checked(path) for path in paths]
    if as_json:
        typer.echo(json.dumps({"schema": 1, "studies": rows}, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            size = f"{row['sites']} sites, {row['periods']} periods" if row["sites"] else "not read"
            typer.echo(f"{'faults' if row['faults'] else 'good':<7} {row['id']}  {size}")
            for fault in row["faults"]:
                typer.echo(f"    {Fault(**fault)}")
            for warning in row["warnings"]:
                values = ", ".join(f"{key} {value}" for key, value in warning["values"].items())
                typer.echo(f"    warning {warning['code']}" + (f": {values}" if values else ""))
    if not paths:
        typer.echo(f"No study in {root.name}/parameters/.", err=True)
    raise typer.Exit(2 if any(row["faults"] for row in rows) else 0)


@app.command()
def status() -> None:
    """Every study with its state and the age of its report."""
    from rich.table import Table

    from impl.runs.status import age, list_status

    root = _root()
    table = Table("study", "state", "age", "data to", "run", "why", box=None, pad_edge=False)
    for row in list_status(root):
        table.add_row(
            row.study,
            row.state.replace("_", " ") + (" (smoke)" if row.profile == "smoke" else ""),
            age(row.finished) if row.finished else "–",
            row.data_to.isoformat() if row.data_to else "–",
            row.run_id or "–",
            _plain(row.reason or ""),
        )
    _console().print(table)


@app.command()
def schema(
    release: Annotated[bool, typer.Option("--release", help="That of a Release instead.")] = False,
) -> None:
    """Print the JSON Schema of a study file, for editors."""
    if release:
        from impl.release.files import release_schema

        found = release_schema()
    else:
        from impl.study.schema import study_json_schema

        found = study_json_schema()
    typer.echo(json.dumps(found, ensure_ascii=False, indent=1))


@app.command()
def simulate() -> None:
    """Write the synthetic data sets, with their truth, to data/synthetic/."""
    from impl.model.simulate import write_synthetic

    write_synthetic(_root())


@app.command(name="open")
def open_notebook(
    study: StudyName,
    print_only: Annotated[bool, typer.Option("--print", help="Only print the path.")] = False,
) -> None:
    """Open a study's executed analysis notebook in JupyterLab."""
    from impl.runs.ledger import ledger_name, read_entry
    from impl.study.load import study_path

    root = _root()
    name = ledger_name(study_path(root, study))
    notebook = _executed(root, read_entry(root, name))
    if notebook is None:
        raise RunError(
            [
                Fault(
                    code="run.nothing_to_open",
                    where=f"study '{name}'",
                    got="no executed notebook",
                    allowed="run first",
                    fix=f"`impl run {name}`",
                )
            ]
        )
    typer.echo(str(notebook))
    if not print_only:
        os.execv(sys.executable, [sys.executable, "-m", "jupyterlab", str(notebook)])


def main() -> None:
    """Entry point: a user's mistake ends with its text, a bug of ours with its traceback."""
    try:
        app()
    except ImplError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


def _root() -> Path:
    from impl.study.load import find_root

    return find_root(Path.cwd())


def _studies(names: list[str] | None) -> tuple[Path, list[Path]]:
    """The project and the study files asked for, each once; every unknown name is told of at once."""
    from impl.study.load import list_studies, study_path

    root = _root()
    if not names:
        return root, list(list_studies(root))
    paths: dict[Path, None] = {}
    faults: list[Fault] = []
    for name in names:
        try:
            paths[study_path(root, name)] = None
        except StudyError as error:
            faults += error.faults
    if faults:
        raise StudyError(faults)
    return root, list(paths)


def _released(root: Path, study: str, languages: list[str]) -> tuple[str, list[str]]:
    """A study's id and the languages of its pages; the study file itself may be absent."""
    from impl.release.files import read_release

    name = Path(study).stem if study.endswith((".yaml", ".yml")) else study
    folder = root / "reports"
    known = sorted(path.parent.name for path in folder.glob("*/release.json"))
    if name not in known:
        raise StudyError(
            [
                Fault(
                    code="run.no_release",
                    where="STUDY",
                    got=shorten(name),
                    allowed="a study with a release.json under reports/",
                    fix=nearest(name, known) or f"Run it first: impl run {shorten(name)}".replace("'", ""),
                )
            ]
        )
    wrong = [language for language in languages if language not in ("nb", "nn", "en")]
    if wrong:
        raise StudyError(
            [
                Fault(
                    code="run.language",
                    where="--language",
                    got=shorten(wrong[0]),
                    allowed="nb, nn or en",
                    fix="Choose one of these.",
                )
            ]
        )
    pages = [path.name.split(".")[-2] for path in sorted((folder / name).glob(f"{name}.*.html"))]
    chosen = languages or pages or list(read_release(folder / name / "release.json").study.title)
    return name, list(dict.fromkeys(chosen))


def _checked(path: Path) -> dict[str, Any]:
    """One study's faults, warnings and size: file, data, and whether the design can carry the model."""
    from impl.data.read import read_panel
    from impl.model.structure import describe_structure
    from impl.runs.ledger import ledger_name
    from impl.study.load import read_study

    faults: list[Fault] = []
    row: dict[str, Any] = {
        "id": ledger_name(path),
        "faults": [],
        "warnings": [],
        "sites": None,
        "periods": None,
    }
    try:
        study = read_study(path)
        panel = read_panel(study)
    except ImplError as error:
        faults += error.faults
    else:
        row["sites"], row["periods"] = len(panel.sites), len(panel.periods)
        warnings = {each.code: dict(each.values) for each in panel.warnings}
        for measure in (study.measures.primary, *study.measures.paired):
            try:
                warnings |= dict(describe_structure(study, panel, measure).warnings)
            except ImplError as error:
                faults += [fault for fault in error.faults if fault not in faults]
        row["warnings"] = [{"code": code, "values": values} for code, values in warnings.items()]
    row["faults"] = [dataclasses.asdict(fault) for fault in faults]
    return row


def _executed(root: Path, entry: Any) -> Path | None:
    """The newest executed analysis notebook: the last attempt's if it got so far, else the published one's."""
    if entry is None:
        return None
    found: list[Path] = []
    if entry.attempt.run_id:
        folder = root / "build" / entry.study / entry.attempt.run_id
        found += [path for path in sorted(folder.glob("*.ipynb")) if not path.name.startswith("80_report.")]
    if entry.published:
        found.append(root / entry.published.notebook)
    return next((path for path in found if path.is_file()), None)


def _console() -> Console:
    from rich.console import Console

    return Console()


def _plain(text: str) -> Any:
    from rich.text import Text

    return Text(text)


def _finish(batch: Batch) -> None:
    console = _console()
    failed = [outcome for outcome in batch.outcomes if outcome.state in ("failed", "cancelled")]
    if failed:
        names = ", ".join(outcome.study for outcome in failed)
        console.print(
            f"Not done: {names}. What was published before is untouched.",
            markup=False,
            highlight=False,
            soft_wrap=True,
        )
    if batch.index is not None:
        console.print(f"All reports: {batch.index}", markup=False, highlight=False, soft_wrap=True)
    raise typer.Exit(batch.exit_code)


if __name__ == "__main__":
    main()
