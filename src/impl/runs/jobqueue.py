"""Workers as jobs of a batch system, through dask-jobqueue: its own settings file says queue, account and time.

Source: dask-jobqueue's configuration, section `jobqueue.slurm` in `~/.config/dask/jobqueue.yaml`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dask
from dask_jobqueue.local import LocalCluster
from dask_jobqueue.slurm import SLURMCluster
from distributed import Client

from impl.runs.cluster import Cluster, joined
from impl.runs.ledger import build_folder

SYSTEMS = {"slurm": SLURMCluster, "local": LocalCluster}
"""Batch systems by their word on the command line. local: jobs are processes of this machine, to try it out."""
CORES = 2
MEMORY = "4 GB"
"""For one run at a time, unless the settings file says otherwise."""


@contextlib.contextmanager
def open_jobs(system: str, root: Path, *, sampler: bool, jobs: int) -> Iterator[Cluster]:
    """Let the batch system start workers, `jobs` at most and as they are needed; they end with the block."""
    with make_jobs(system, root) as queue:
        queue.adapt(minimum_jobs=1, maximum_jobs=jobs)
        with (
            Client(queue, set_as_default=False) as client,
            joined(client, root, sampler=sampler, jobs=jobs) as cluster,
        ):
            yield cluster


def make_jobs(system: str, root: Path) -> Any:
    """dask-jobqueue's cluster: one worker a job, one run at a time in it, everything between them encrypted.

    A job's name says nothing of the study; logs and keys lie in `build/cluster/`, on the confidential side.
    """
    folder = build_folder(root, "cluster")
    settings = dask.config.get(f"jobqueue.{system}")
    extra = (
        {"job_cpu": settings.get("job-cpu") or settings.get("cores") or CORES} if system == "slurm" else {}
    )
    host = {"host": "127.0.0.1"} if system == "local" else {}
    return SYSTEMS[system](
        cores=1,  # Dask's threads are runs at once
        processes=1,
        memory=settings.get("memory") or MEMORY,
        job_name="impl",
        log_directory=str(folder),
        shared_temp_directory=str(folder),
        local_directory=settings.get("local-directory") or str(folder),
        protocol="tls://",
        security=True,
        scheduler_options={
            "dashboard": False,
            "dashboard_address": None,
            **settings.get("scheduler-options", {}),
            **host,
        },
        **extra,
    )


def job_script(system: str, root: Path) -> str:
    """The job as the batch system would get it."""
    with make_jobs(system, root) as queue:
        return str(queue.job_script())
