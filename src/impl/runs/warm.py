"""The preloaded process: everything imported, one fork a run, so that imports and compiling are paid once.

    driver ──socket──▶ preloaded process ──fork──▶ the run (`run_study`) ──fork──▶ its kernels
       ▲                                              │
       └───────────────pipe: stages, outcome──────────┘

The preloaded process has one thread, never samples and never writes; a run that dies takes only itself with it,
and whoever dies, Linux ends those it forked. The run is the function that is called without this file, too, and
gives the same numbers. Run as a module this file *is* the preloaded process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any, NoReturn

from impl.runs.forked import end_with_parent, fork_spares, single_threaded
from impl.runs.preloaded import LARGEST_MESSAGE, Order, run_order
from impl.runs.stop import Stop
from impl.study.identity import code_sha256, package_sha256, report_sha256

EVERY_RUN = (
    "papermill",
    "nbclient",
    "ipykernel.ipkernel",
    "ipykernel.kernelapp",
    "jupyter_client.localinterfaces",
    "nbconvert",
    "impl.data.read",
    "impl.release.gate",
    "impl.report.check",
    "impl.report.html",
    "impl.report.show",
    "impl.report.summary",
    "impl.runs.ready",
)
SAMPLING = (
    "impl.disclosure.make",
    "impl.model.criticism.criticise",
    "impl.model.criticism.robustness",
    "impl.model.evaluate",
    "impl.model.local.implementation",
)
"""Modules by name: nothing here uses them, so an import statement would look superfluous."""


def main() -> None:
    """Be the preloaded process: answer orders until the driver closes its end."""
    end_with_parent(os.getppid())
    control = socket.socket(fileno=int(sys.argv[1]))
    _preload(sampler="sampler" in sys.argv[2:])
    forks = single_threaded()
    control.send(json.dumps({"forks": forks}).encode())
    if forks:
        _serve(control)


def _preload(*, sampler: bool) -> None:
    """Import all that runs and kernels will use, and find out once what each would find out for itself.

    The code's hashes come first: they must be those of the code that is imported, whatever lies there later.
    """
    code_sha256()
    report_sha256()
    package_sha256()
    if sampler:
        from impl.model.kept import made_by

        made_by()
    # Nobody attaches a debugger to a batch run, and importing one is a third of a kernel's start.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    for name in (*EVERY_RUN, *(SAMPLING if sampler else ())):
        import_module(name)
    sys.modules["jupyter_client.localinterfaces"].localhost()
    _rehearse(sampler=sampler)
    gc.collect()
    gc.freeze()  # so that no collection in a child writes to, and so copies, what all share


def _rehearse(*, sampler: bool) -> None:
    """Make an empty page in each language, and an empty dataset: what is read, compiled or imported at first use is then
    there for every run."""
    from nbformat import validate
    from nbformat.v4 import new_code_cell, new_notebook, new_output

    from impl.report.check import page_problems
    from impl.report.html import page_from_notebook
    from impl.report.language import language_codes, read_language

    output = new_output("execute_result", execution_count=1, data={"text/html": "<h1></h1>"})
    notebook = new_notebook(cells=[new_code_cell("", execution_count=1, outputs=[output])])
    validate(notebook)
    for code in language_codes():
        page_problems(page_from_notebook(notebook, read_language(code)))
    if sampler:
        from xarray import Dataset

        Dataset({"nothing": ("draw", [0.0])})


def _serve(control: socket.socket) -> None:
    runs: set[int] = set()
    woken, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wake)
    known: set[tuple[object, ...]] = set()
    while True:
        ready, _, _ = select.select([control.fileno(), woken], [], [])
        if woken in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(woken, 4096)
        for pid in [*runs]:
            if os.waitpid(pid, os.WNOHANG)[0]:
                runs.discard(pid)
        if control.fileno() not in ready:
            continue
        message, descriptors, _, _ = socket.recv_fds(control, LARGEST_MESSAGE, 1)
        if not message:  # the driver has gone
            for pid in runs:
                os.kill(pid, signal.SIGKILL)
            return
        told = json.loads(message)
        if "stop" in told:
            for pid in runs:
                os.kill(pid, told["stop"])
            continue
        order = Order(**told)
        if order.shared:
            _compile(order, known)
        parent = os.getpid()
        if not single_threaded():  # something imported or compiled since has started one
            os.write(descriptors[0], b'{"unable": true}\n')
            os.close(descriptors[0])
            continue
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            for inherited in (control.fileno(), woken, wake):
                os.close(inherited)
            _be_run(order, descriptors[0], parent)
        os.close(descriptors[0])
        runs.add(pid)


def _compile(order: Order, known: set[tuple[object, ...]]) -> None:
    """Compile what this study samples, once for all that have its structure; whatever is wrong, its run will say."""
    from impl.data.read import read_panel
    from impl.data.units import read_study
    from impl.model.build import model_of
    from impl.model.fit import compile_model
    from impl.model.structure import describe_structure

    try:
        study = read_study(order.path, order.unit)
        panel = read_panel(study)
        for measure in study.measures.declared:
            structure = describe_structure(study, panel, measure)
            key = structure.compiled_key()
            if key not in known:
                compile_model(model_of(structure))
                known.add(key)
    except Exception as error:
        sys.stderr.write(f"not compiled ahead: {type(error).__name__}\n")


def _be_run(order: Order, answers: int, parent: int) -> NoReturn:
    """Be the process of one run; never returns into the caller's stack."""
    from impl.report.language import language_codes

    status = 1
    try:
        end_with_parent(parent)
        spares = fork_spares(1 + len(language_codes()))
        stop = Stop()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda asked, _frame: stop.request(asked))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)

        def tell(message: Mapping[str, Any]) -> None:
            os.write(answers, (json.dumps(message) + "\n").encode())

        outcome = run_order(order, stop, lambda stage: tell({"stage": stage}), spares)
        spares.end()
        tell({"outcome": dataclasses.asdict(outcome)})
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(status)


if __name__ == "__main__":
    main()
