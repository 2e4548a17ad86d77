"""The command `impl`. Light commands stay light: whatever is heavy is imported where it is needed.

Exit codes: 0 done; 2 a mistake in what the user brought; 3 a result that did not converge, or did not come out again; 4 disclosure
control said no; 5 the run itself broke (kernel, disk, time, or a bug of ours, shown with its traceback);
130 and 143 ended by SIGINT and SIGTERM. A batch ends with the gravest of its studies': signal, 5, 4, 2, 3.
"""

from __future__ import annotations

import dataclasses
import json
import sys
import traceback
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from impl.errors import Fault, ImplError, StudyError, shorten
from impl.runs.commands import network, open_notebook, reproduce, simulate, status, why

if TYPE_CHECKING:
    from rich.console import Console

    from impl.files.look.question import Question
    from impl.runs.batch import Batch
    from impl.runs.tasks import Task

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
Languages = Annotated[
    list[str] | None, typer.Option(help="Code of a report language, such as nb; may be repeated.")
]
Jobs = Annotated[int, typer.Option(min=1, max=64, help="Studies at once.")]
LONGEST_RUN = 7 * 24 * 60 * 60  # seconds; a week (choice)
Limit = Annotated[int, typer.Option(min=1, max=LONGEST_RUN, help="Seconds that one study may take.")]


class Profile(StrEnum):
    full = "full"
    smoke = "smoke"


@app.command()
def run(
    studies: StudyNames = None,
    profile: Annotated[Profile, typer.Option(help="smoke: a quick trial, no result.")] = Profile.full,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1, max=1000, help="Studies at once: 1, or as many as a cluster's workers have threads."
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Run even what has not changed.")] = False,
    timeout: Limit = 1800,
    only: Annotated[
        list[str] | None, typer.Option(help="Code of a unit, in a study with units; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Units to run of each study.")] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Start every kernel by itself: slower, the same numbers.")
    ] = False,
    memory: Annotated[
        str | None, typer.Option(metavar="SIZE", help="What one kernel may take, such as 4G (Linux).")
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="WHERE", help="A Dask scheduler (tcp://HOST:PORT, tls://…), or slurm: run there."
        ),
    ] = None,
    shard: Annotated[
        str | None, typer.Option(metavar="I/N", help="Only every N-th run, for job arrays; writes no index.")
    ] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell what would run, what holds, and why; run nothing.")
    ] = False,
) -> None:
    """Bring reports up to date: run what has changed, publish what is good, list all in the index."""
    from impl.runs.batch import run_studies
    from impl.runs.tasks import bytes_of, shard_of, tasks_named

    root = _root()
    tasks = tasks_named(root, studies or (), only=only or (), limit=limit)
    if shard is not None:
        tasks = shard_of(tasks, shard)
    if explain:
        code = _explain(root, tasks, profile.value, timeout, bytes_of(memory) if memory else None)
        if cluster is not None:
            from impl.runs.batch import job_script_of

            typer.echo(job_script_of(cluster, root))
        raise typer.Exit(code)
    batch = run_studies(
        tasks,
        root=root,
        profile=profile.value,
        jobs=jobs,
        force=force,
        timeout=timeout,
        console=_console(),
        warm=not plain,
        memory=bytes_of(memory) if memory else None,
        cluster=cluster,
        index=shard is None,
    )
    _finish(batch)


@app.command()
def render(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY…", help="Ids, paths, or a release.json anywhere.")
    ],
    language: Languages = None,
    site: Annotated[str | None, typer.Option(help="Code of a site: its local edition as well.")] = None,
    jobs: Jobs = 1,
    timeout: Limit = 1800,
) -> None:
    """Make pages anew from Releases alone: no data, no sampling. Those of a release.json elsewhere land beside it."""
    from impl.runs.batch import render_studies
    from impl.runs.pages import render_beside

    _require_languages(language or [], "--language")
    files = [Path(name) for name in studies if name.endswith(".json") and not _in_reports(name)]
    for file in files:
        for page in render_beside(file.resolve(), _languages(file.resolve(), language or []), site):
            typer.echo(page.name)
    rest = [_in_reports(name) or name for name in studies if Path(name) not in files]
    if rest:
        root = _root()
        if site is not None and len(rest) > 1:
            raise typer.BadParameter("one study at a time", param_hint="--site")
        names = _each(rest, lambda study: _released(root, study))
        released = {
            name: _languages(root / "reports" / name / "release.json", language or []) for name in names
        }
        _finish(
            render_studies(
                list(released.items()), root=root, site=site, jobs=jobs, timeout=timeout, console=_console()
            )
        )


@app.command()
def pdf(
    studies: Annotated[
        list[str], typer.Argument(metavar="STUDY…", help="Ids or paths of published studies.")
    ],
    language: Languages = None,
    out: Annotated[Path | None, typer.Option(help="Folder; build/STUDY/pdf if left out.")] = None,
) -> None:
    """Print published pages to PDF with Chromium, where that is installed."""
    from impl.runs.pages import print_pdf

    root = _root()
    _require_languages(language or [], "--language")
    for name in _each(studies, lambda study: _released(root, study)):
        folder = root / "reports" / name
        chosen = _languages(folder / "release.json", language or [])
        pages = [page for page in sorted(folder.glob(f"{name}.*.html")) if page.name.split(".")[-2] in chosen]
        for printed in print_pdf(pages, out or root / "build" / name / "pdf"):
            typer.echo(str(printed.relative_to(root) if printed.is_relative_to(root) else printed))


@app.command()
def check(
    studies: StudyNames = None,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Each warning with its numbers.")] = False,
) -> None:
    """Read study files and data and tell what is wrong with them; nothing is run."""
    from impl.runs.ready import check_row, crashed_row, warning_lines

    root, paths = _studies(studies)
    rows, crashed = [], False
    for path in paths:
        try:
            rows.append(check_row(path))
        except Exception as error:  # a bug of ours with one study must not hide the others
            crashed = True
            typer.echo(traceback.format_exc(), err=True)
            rows.append(crashed_row(path, error))
    if as_json:
        typer.echo(json.dumps({"schema": 1, "studies": rows}, ensure_ascii=False, indent=1))
    else:
        for row in rows:
            size = f"{row['sites']} sites, {row['periods']} periods" if row["sites"] else "not read"
            typer.echo(f"{'faults' if row['faults'] else 'good':<7} {row['id']}  {size}")
            for fault in row["faults"]:
                typer.echo(f"    {Fault(**fault)}")
            for line in warning_lines(row["warnings"], every=every):
                typer.echo(f"    warning {line}")
    if not paths:
        typer.echo(f"No study in {root.name}/parameters/.", err=True)
    raise typer.Exit(5 if crashed else 2 if any(row["faults"] for row in rows) else 0)


@app.command()
def new(
    study: Annotated[str, typer.Argument(metavar="STUDY", help="Id of the new study: a-z, 0-9 and hyphen.")],
    measure: Annotated[str, typer.Option(help="Id of a measure, such as falls.")],
    data: Annotated[list[Path], typer.Option(help="A file of numbers; may be repeated.")],
    rollout: Annotated[
        Path | None, typer.Option(help="When each site started; one to fill in is made without it.")
    ] = None,
    notebook: Annotated[
        str | None, typer.Option(help="Such as 10_data_quality; the starts decide without it.")
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: what is ambiguous is an error.")] = False,
) -> None:
    """Look at files, say what was understood, ask what they do not say, and write parameters/STUDY.yaml."""
    from impl.runs.new import new_study

    talk = None if yes else _talk
    new_study(
        _root(),
        study,
        measure=measure,
        files=data,
        rollout=rollout,
        talk=talk,
        say=typer.echo,
        notebook=notebook,
    )


@app.command()
def init(folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")]) -> None:
    """Lay out a workbench of one's own: notebooks, and folders for studies, data and reports."""
    from impl.runs.lay_out import lay_out

    for line in lay_out(folder):
        typer.echo(line)


@app.command()
def register(
    studies: Annotated[
        list[str] | None,
        typer.Argument(metavar="[STUDY]…", help="Ids or paths; none to list what is registered."),
    ] = None,
    withdraw: Annotated[
        str | None,
        typer.Option(metavar="REASON", help="Say that the study will not be carried through, and why."),
    ] = None,
) -> None:
    """Freeze the plan of a study before its data: every report will say whether it was followed."""
    from impl.runs import registering

    root = _root()
    if withdraw is not None:
        lines = [registering.withdraw(root, registering.one_name(studies or []), withdraw)]
    elif studies:
        lines = registering.register_plans(root, _studies(studies)[1])
    else:
        lines = registering.list_register(root)
    typer.echo("\n".join(lines) or "Nothing is registered.")


@app.command()
def predict(
    study: StudyName,
    site: Annotated[Path, typer.Option(help="The site's plans; docs/my-site.yaml is an example.")],
    language: Annotated[str, typer.Option(help="nb, en …")] = "nb",
    as_json: Annotated[bool, typer.Option("--json", help="Numbers instead of sentences.")] = False,
) -> None:
    """What one more site may expect of a study's bundle, given its plans."""
    from impl.release.files import read_release
    from impl.report.language import read_language
    from impl.report.prediction import predict_site
    from impl.report.study.one_site import texts
    from impl.study.site_plan import read_site_plan

    root = _root()
    plan = read_site_plan(site)
    release = read_release(root / "reports" / _released(root, study) / "release.json")
    if as_json:
        found = dataclasses.asdict(predict_site(release, plan))
        typer.echo(json.dumps(found, indent=1))
        return
    if plan.name:
        typer.echo(f"{plan.name}: {read_language(language).pick(release.study.title)}\n")
    typer.echo("\n".join(texts(release, plan, read_language(language))))


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


app.command()(simulate)
app.command()(network)


app.command()(status)
app.command(name="open")(open_notebook)
app.command()(why)
app.command()(reproduce)


def main() -> None:
    """Entry point: a user's mistake ends with its text, a bug of ours with its traceback."""
    try:
        app()
    except ImplError as error:
        typer.echo(str(error), err=True)
        sys.exit(error.exit_code)


def _talk(question: Question) -> str:
    """Ask a person; a number chooses an option."""
    typer.echo(question.text)
    if not question.options:
        return str(typer.prompt("Answer"))
    for number, option in enumerate(question.options, 1):
        typer.echo(f"  {number}  {option}")
    while True:
        chosen = str(typer.prompt("Number")).strip()
        if chosen.isdigit() and 1 <= int(chosen) <= len(question.options):
            return question.options[int(chosen) - 1]
        typer.echo(f"A number from 1 to {len(question.options)}, please.")


def _root() -> Path:
    from impl.study.load import find_root

    return find_root(Path.cwd())


def _studies(names: list[str] | None) -> tuple[Path, list[Path]]:
    """The project and the study files asked for, each once; every unknown name is told of at once."""
    from impl.study.load import list_studies, study_path

    root = _root()
    if not names:
        return root, list(list_studies(root))
    return root, _each(names, lambda name: study_path(root, name))


def _each[Found](names: Sequence[str], find: Callable[[str], Found]) -> list[Found]:
    """What each name stands for, each once. Raises StudyError with the faults of all names."""
    found: dict[Found, None] = {}
    faults: list[Fault] = []
    for name in names:
        try:
            found[find(name)] = None
        except StudyError as error:
            faults += error.faults
    if faults:
        raise StudyError(faults)
    return list(found)


def _explain(
    root: Path, tasks: list[Task], profile: Literal["full", "smoke"], timeout: float, memory: int | None
) -> int:
    """Print what each run would do, and why; the exit code of what cannot be read."""
    from impl.runs.run import explain
    from impl.study.load import read_study

    code = 0
    for task in tasks:
        try:
            study = task.study or read_study(task.path)
            does, why = explain(study, root=root, profile=profile, timeout=timeout, memory=memory)
        except ImplError as error:
            does, why, code = "fail", str(error).splitlines()[0], error.exit_code
        typer.echo(f"{does:<8} {task.name}  {why}")
    return code


def _released(root: Path, study: str) -> str:
    """The id of a published study, whose study file may be gone. Raises StudyError where none is published."""
    from impl.runs.ledger import ledger_name
    from impl.study.load import study_path

    known = sorted(path.parent.name for path in (root / "reports").glob("*/release.json"))
    name = study if study in known else ledger_name(study_path(root, study))
    if name not in known:
        raise StudyError(
            [
                Fault(
                    code="run.no_release",
                    where="STUDY",
                    got=shorten(name),
                    allowed="a study with a release.json under reports/",
                    fix=f"Run it first: impl run {name}",
                )
            ]
        )
    return name


def _in_reports(name: str) -> str | None:
    """The id of the study whose published Release the path is; None for anything else."""
    path = Path(name).resolve()
    published = path.name == "release.json" and path.parent.parent.name == "reports"
    return path.parent.name if published and (path.parent.parent.parent / "parameters").is_dir() else None


def _languages(release: Path, asked: list[str]) -> list[str]:
    """The languages to render: those asked for, else those of the pages there, else those of the titles."""
    from impl.release.files import read_release
    from impl.report.language import FALLBACK, language_codes

    pages = [page.name.split(".")[-2] for page in sorted(release.parent.glob("*.*.html"))]
    titles = [] if asked or pages else list(read_release(release).study.title)
    known = [code for code in (*pages, *titles) if code in language_codes()]
    return list(dict.fromkeys(asked or known or [FALLBACK]))


def _require_languages(languages: list[str], where: str) -> None:
    from impl.runs.ready import language_faults

    if languages and (faults := language_faults(languages, where)):
        raise StudyError(faults)


def _console() -> Console:
    from rich.console import Console

    return Console()


def _finish(batch: Batch) -> None:
    console = _console()
    failed = [outcome for outcome in batch.outcomes if outcome.state in ("failed", "cancelled")]
    if held := [outcome.study for outcome in batch.outcomes if outcome.state == "held_back"]:
        told = f"Held back, having failed twice with nothing changed: {', '.join(held)}. --force tries them again."
        console.print(told, markup=False, highlight=False, soft_wrap=True)
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
