"""One notebook in one kernel: started by us, watched by us, and gone when we are gone.

papermill sends the cells; what happened is told by `Executed`, never by papermill's own status words,
which say `completed` of cells that never ran. Run as a module this file *is* the kernel process.
"""

from __future__ import annotations

import ast
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO, TYPE_CHECKING, Any, Literal

from impl.errors import Fault, RunError, nearest
from impl.runs.stop import Stop

if TYPE_CHECKING:
    from impl.runs.forked import Child, Spare, Spares

    Process = subprocess.Popen[bytes] | Child

ONE_THREAD = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMBA_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
"""The cores belong to the chains; a linear algebra pool in every kernel would only fight them."""

PASSED_ON = frozenset((
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "COLUMNS",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "VIRTUAL_ENV", "CONDA_PREFIX",
    "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR", "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR",
    "COMSPEC", "PATHEXT", "USERPROFILE", "USERNAME", "HOMEDRIVE", "HOMEPATH", "APPDATA", "LOCALAPPDATA",
    "PROGRAMDATA",
))  # fmt: skip
PASSED_ON_TOO = ("LC_", "IMPL_")
"""What a kernel sees of the environment, by name and by beginning: where things are and which language is spoken. Nothing
that a notebook could tell on (passwords, tokens), and nothing that changes numbers without standing in a Release."""

SOCKET_PATH_LIMIT = 90
"""Unix socket paths end at 104 bytes on macOS and 108 on Linux; our sockets add a few characters."""

NOTHING: Mapping[str, str] = MappingProxyType({})
START_ATTEMPTS = 3
START_SECONDS = 60
MESSAGE_SECONDS = 120
"""How long to wait for a cell's last outputs; papermill's own 4 s fail cells with heavy figures."""


@dataclass(frozen=True, kw_only=True)
class Executed:
    """What became of one notebook.

    notebook: the notebook as it stood when the kernel ended (nbformat 4 as plain JSON), or None where
        no cell was reached. ended: `finished` means only that papermill came to its end.
    cell: number of the code cell that was running (1 = first code cell), 0 before any.
    exit_status: of a kernel that died, as `subprocess` counts it (negative = signal).
    """

    notebook: dict[str, Any] | None
    ended: Literal["finished", "died", "timeout", "stopped", "no_start"]
    cell: int = 0
    exit_status: int | None = None


def scrubbed(environment: Mapping[str, str]) -> dict[str, str]:
    """What a kernel, and the process that kernels are forked from, may see of an environment."""
    return {
        name: value
        for name, value in environment.items()
        if name.upper() in PASSED_ON or name.startswith(PASSED_ON_TOO)
    }


def end_kernel(kernel: Process) -> None:
    """Kill a kernel and whatever it started; a kernel leads its own group."""
    if kernel.poll() is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(kernel.pid, signal.SIGKILL)
            else:
                kernel.kill()


def limit_memory(process: int, memory: int) -> None:
    """Let a process of ours take no more than `memory` bytes of its own; asking for more is a MemoryError there.

    Data alone are counted (RLIMIT_DATA): address space that is merely reserved, as compilers do, is free.
    """
    import resource

    with contextlib.suppress(ProcessLookupError):  # it has ended already, and that is told elsewhere
        resource.prlimit(process, resource.RLIMIT_DATA, (memory, memory))


def execute_notebook(
    notebook: Path,
    parameters: Mapping[str, str],
    *,
    folder: Path,
    log: IO[str],
    stop: Stop,
    deadline: float,
    at_cell: Callable[[int, int], None] | None = None,
    spares: Spares | None = None,
    memory: int | None = None,
    environment: Mapping[str, str] = NOTHING,
) -> Executed:
    """Run every cell of `notebook` in a fresh kernel of this Python, with `parameters` set.

    folder: the kernel's working directory (the project root, so that relative paths hold).
    log: an open file; takes what the cells print and what the kernel process itself writes.
    deadline: on `time.monotonic()`'s clock; the kernel is killed when it passes.
    at_cell: called with (cell number, number of code cells) as each code cell starts. spares: kernels that
        are there already; where none is left, one is started. memory: bytes that the kernel may take.
    environment: added to the kernel's.
    Raises RunError where the notebook cannot be read or does not declare the parameters.
    """
    source = read_notebook(notebook)
    _require_parameters(source, notebook.name, parameters)
    executed = Executed(notebook=None, ended="no_start")
    for _attempt in range(START_ATTEMPTS):
        # Only a failed *start* is tried again: nothing of the notebook has run yet.
        spare = spares.take() if spares else None
        executed = _execute_once(
            source, parameters, folder, log, stop, deadline, at_cell, spare, memory, environment
        )
        if executed.ended != "no_start":
            break
    return executed


def read_notebook(path: Path) -> dict[str, Any]:
    """A notebook file as plain JSON. Raises RunError where it is absent or no notebook."""
    where = f"notebooks/{path.name}"
    try:
        notebook = json.loads(path.read_bytes())
    except FileNotFoundError:
        near = nearest(path.stem, [other.stem for other in path.parent.glob("*.ipynb")])
        raise _refuse(
            "run.no_notebook",
            where,
            "no such file",
            "a notebook in notebooks/",
            near or "Name one that exists under 'notebook' in the study file.",
        ) from None
    except (ValueError, OSError) as error:
        raise _refuse(
            "run.bad_notebook",
            where,
            f"{type(error).__name__}",
            "a readable notebook (JSON)",
            "Open it in JupyterLab and save it again.",
        ) from None
    if (
        not isinstance(notebook, dict)
        or notebook.get("nbformat") != 4
        or not isinstance(notebook.get("cells"), list)
    ):
        raise _refuse(
            "run.bad_notebook",
            where,
            "JSON that is no notebook",
            "a notebook of format 4",
            "Open it in JupyterLab and save it again.",
        )
    return notebook


def source_of(cell: Mapping[str, Any]) -> str:
    """A cell's source as one text; the format allows a list of lines too."""
    source = cell.get("source", "")
    return source if isinstance(source, str) else "".join(source)


def code_cells(notebook: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The cells that a kernel runs: code cells that are not blank."""
    return [cell for cell in notebook["cells"] if cell.get("cell_type") == "code" and source_of(cell).strip()]


def _refuse(code: str, where: str, got: str, allowed: str, fix: str) -> RunError:
    return RunError([Fault(code=code, where=where, got=got, allowed=allowed, fix=fix)])


def _require_parameters(notebook: Mapping[str, Any], name: str, parameters: Mapping[str, str]) -> None:
    # papermill only logs an unknown parameter and runs on with the notebook's default.
    cells = [cell for cell in notebook["cells"] if "parameters" in cell.get("metadata", {}).get("tags", [])]
    declared: set[str] = set()
    if cells:
        with contextlib.suppress(SyntaxError):
            for line in ast.parse(source_of(cells[0])).body:
                targets = line.targets if isinstance(line, ast.Assign) else []
                targets = [line.target] if isinstance(line, ast.AnnAssign) else targets
                declared |= {target.id for target in targets if isinstance(target, ast.Name)}
    missing = [parameter for parameter in parameters if parameter not in declared]
    if missing:
        raise RunError(
            Fault(
                code="run.no_parameter",
                where=f"notebooks/{name}",
                got=f"no parameter '{parameter}'",
                allowed="declared in the cell tagged 'parameters'",
                fix=nearest(parameter, declared) or f'Add the line {parameter}: str = "".',
            )
            for parameter in missing
        )


def _execute_once(
    source: dict[str, Any],
    parameters: Mapping[str, str],
    folder: Path,
    log: IO[str],
    stop: Stop,
    deadline: float,
    at_cell: Callable[[int, int], None] | None,
    spare: Spare | None,
    memory: int | None,
    environment: Mapping[str, str],
) -> Executed:
    papermill = _load_papermill()
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    seen: dict[str, Any] = {"notebook": None, "kernel": None, "cell": 0}
    late = threading.Event()
    total = len(code_cells(source)) + (1 if parameters else 0)

    def end(_signal: int) -> None:
        end_kernel(seen["kernel"])

    def started(kernel: Process) -> None:
        seen["kernel"] = kernel
        if memory is not None:
            limit_memory(kernel.pid, memory)
        stop.watch(end)
        if late.is_set():
            end_kernel(kernel)

    def begun(notebook: Any) -> None:
        seen["notebook"] = notebook

    def entered(cell: Any, cell_index: int) -> None:  # noqa: ARG001 - nbclient calls it with both names
        seen["cell"] += 1
        if at_cell is not None:
            at_cell(seen["cell"], total)

    def out_of_time() -> None:
        late.set()
        if seen["kernel"] is not None:
            end_kernel(seen["kernel"])

    def ended(how: Literal["finished", "died", "timeout", "stopped", "no_start"]) -> Executed:
        notebook = seen["notebook"]
        kernel = seen["kernel"]
        return Executed(
            notebook=None if notebook is None else _without_papermill(json.loads(nbformat.writes(notebook))),
            ended=how,
            cell=seen["cell"],
            exit_status=None if kernel is None else kernel.poll(),
        )

    timer = threading.Timer(max(deadline - time.monotonic(), 0), out_of_time)
    timer.daemon = True
    timer.start()
    with _socket_folder() as sockets:
        try:
            papermill.execute_notebook(
                nbformat.from_dict(source),
                None,
                parameters=dict(parameters),
                kernel_name="python3",
                language="python",
                progress_bar=False,
                request_save_on_cell_execute=False,
                autosave_cell_every=0,
                start_timeout=START_SECONDS,
                iopub_timeout=MESSAGE_SECONDS,
                stdout_file=log,
                stderr_file=log,
                shutdown_kernel="immediate",
                kernel_manager_class=_kernel_manager(sockets, folder, log, started, spare, environment),
                on_notebook_start=begun,
                on_cell_execute=entered,
            )
        except PapermillExecutionError:
            return ended("finished")  # the failing cell holds its error output, which is judged by the caller
        except (DeadKernelError, CellTimeoutError, RuntimeError, TimeoutError, BrokenPipeError) as error:
            if stop.signal is not None:
                return ended("stopped")
            if late.is_set():
                return ended("timeout")
            if seen["notebook"] is None:
                log.write(f"The kernel did not start: {error}\n")
                return ended("no_start")
            if isinstance(error, DeadKernelError):
                return ended("died")
            if isinstance(error, (CellTimeoutError, TimeoutError)):
                return ended("timeout")
            raise
        finally:
            timer.cancel()
            if seen["kernel"] is not None:
                end_kernel(seen["kernel"])
                stop.forget(end)
    if late.is_set():
        return ended("timeout")
    return ended("stopped" if stop.signal is not None else "finished")


def _load_papermill() -> Any:
    """papermill, silenced: what it would say is said by `Executed`."""
    import logging

    import papermill

    logging.getLogger("papermill").setLevel(logging.CRITICAL)
    return papermill


def _without_papermill(notebook: dict[str, Any]) -> dict[str, Any]:
    """The notebook without papermill's status words and paths, which nobody should come to trust."""
    notebook["metadata"].pop("papermill", None)
    notebook["cells"] = [
        cell
        for cell in notebook["cells"]
        if "papermill-error-cell-tag" not in cell["metadata"].get("tags", [])
    ]
    for cell in notebook["cells"]:
        cell["metadata"].pop("papermill", None)
    return notebook


@contextlib.contextmanager
def _socket_folder() -> Iterator[Path]:
    """A short absolute folder, mode 0700, for the connection file and the kernel's sockets."""
    base = tempfile.gettempdir()
    if len(base) > SOCKET_PATH_LIMIT - 30 and Path("/tmp").is_dir():
        base = "/tmp"
    folder = Path(tempfile.mkdtemp(prefix="impl-", dir=base))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def transport_for(sockets: Path) -> Literal["ipc", "tcp"]:
    """`ipc` where Unix sockets can be bound in the folder, else `tcp` (Windows, odd file systems)."""
    import socket

    import zmq

    if not hasattr(socket, "AF_UNIX") or not zmq.has("ipc") or len(str(sockets)) > SOCKET_PATH_LIMIT:
        return "tcp"
    trial = sockets / "trial"
    try:
        with socket.socket(socket.AF_UNIX) as bound:
            bound.bind(str(trial))
    except OSError:
        return "tcp"
    trial.unlink()
    return "ipc"


def _kernel_manager(
    sockets: Path,
    folder: Path,
    log: IO[str],
    started: Callable[[Process], None],
    spare: Spare | None,
    added: Mapping[str, str],
) -> type:
    """A kernel manager class for one run: nbclient asks for a class, so the run is closed over."""
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    transport = transport_for(sockets)
    # -P keeps a file named like a module in the project root from being imported in its place.
    specification = KernelSpec(
        argv=[sys.executable, "-P", "-m", "impl.runs.kernels", "-f", "{connection_file}"],
        display_name="Python 3",
        language="python",
        metadata={"supported_encryption": ["curve"]},
    )
    environment = {
        **scrubbed(os.environ),
        **dict.fromkeys(ONE_THREAD, "1"),
        "IPYTHONDIR": str(sockets / "ipython"),  # no start-up files of the user's own in a recorded run
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        **added,
    }

    class OwnKernel(AsyncKernelManager):  # type: ignore[misc]  # jupyter_client's seam is a class
        """Our interpreter, our sockets, our log; nothing from kernelspecs found on the machine."""

        def __init__(self, **settings: Any) -> None:
            super().__init__(**settings)
            self._kernel_spec = specification
            self.transport = transport
            self.connection_file = str(sockets / "kernel.json")
            if transport == "ipc":
                self.ip = str(sockets / "s")
            else:
                self.transport_encryption = "auto"

        async def _async_pre_start_kernel(self, **launch: Any) -> Any:
            (sockets / "ipython").mkdir(exist_ok=True)
            if spare is not None:
                from impl.runs.forked import ForkedProvisioner

                self.provisioner = ForkedProvisioner(kernel_spec=specification, parent=self)
                self.provisioner.spare, self.provisioner.written_to = spare, Path(log.name)
            return await super()._async_pre_start_kernel(
                **{
                    **launch,
                    "env": environment,
                    "cwd": str(folder),
                    "stdout": log.fileno(),
                    "stderr": log.fileno(),
                }
            )

        async def _async_launch_kernel(self, kernel_cmd: list[str], **launch: Any) -> None:
            await super()._async_launch_kernel(kernel_cmd, **launch)
            started(self.provisioner.process)

    return OwnKernel


def die_with_parent() -> None:
    """End this process when its parent ends, however that happens.

    On Linux the system does it at once, even inside compiled code; elsewhere ipykernel's own watch on the
    parent process does it within a second or so, as soon as Python runs.
    """
    if sys.platform == "linux":
        import ctypes

        death_signal = 1  # PR_SET_PDEATHSIG of prctl(2)
        ctypes.CDLL(None).prctl(death_signal, signal.SIGKILL, 0, 0, 0)
    parent = os.environ.get("JPY_PARENT_PID", "")
    if sys.platform != "win32" and parent.isdigit() and os.getppid() != int(parent):
        os._exit(1)  # the parent ended before we could ask to be told


def main() -> None:
    """Be the kernel process."""
    die_with_parent()
    # Nobody attaches a debugger to a batch run, and importing one is a third of a kernel's start.
    sys.modules["debugpy"] = None  # type: ignore[assignment]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
