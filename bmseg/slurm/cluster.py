"""Slurm's commands: submit a job, ask for the states of jobs, cancel them.

States come from ``squeue --states=all``, which knows every job for some minutes after its end, and then from
``sacct``, which only answers where a cluster keeps accounts.
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import shutil
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bmseg.errors import InputError, WorkError
from bmseg.slurm.resources import Resources

COMPLETED = "COMPLETED"
#: A job in one of these has ended, and not well. In any other but COMPLETED it is queued or running.
ENDED_BADLY = frozenset(
    {
        "BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
        "TIMEOUT",
    }
)  # fmt: skip
#: bmseg's own word for a job that Slurm no longer knows and that left no word of its end.
LOST = "LOST"

# Far more than a training needs: what ends a series of time limits is that one passes without progress.
_MOST_TIMEOUTS = 10_000
_FIELDS = "JobID:|,Name:|,State:|,Reason:|,TimeUsed:|,RestartCnt:|"


class SlurmSilentError(WorkError):
    """Slurm did not answer a question; a later one may be answered."""


@dataclass(frozen=True)
class JobState:
    """A job as Slurm knows it.

    Parameters
    ----------
    name : str
    state : str
        Slurm's word, as RUNNING.
    reason : str
        Why it waits or ended; empty for none.
    elapsed : str
        Time of its latest run, as 1-02:03:04 or 12:34.
    restarts : int
        How often Slurm has started it again.
    """

    name: str
    state: str
    reason: str = ""
    elapsed: str = ""
    restarts: int = 0


def check_slurm() -> None:
    """Refuse where Slurm's commands are missing.

    Raises
    ------
    InputError
        Names what to install.
    """
    missing = [
        command for command in ("sbatch", "squeue", "scancel", "srun") if shutil.which(command) is None
    ]
    if missing:
        raise InputError(
            f"{', '.join(missing)}: no such command, expected Slurm's; work on a machine of the cluster "
            "(Debian: apt install slurm-client), or train on this machine with --on here"
        )


def check_submitit() -> None:
    """Refuse where submitit is missing.

    Raises
    ------
    InputError
        Names what to install.
    """
    if importlib.util.find_spec("submitit") is None:
        raise InputError("submitit: not installed; install with: pip install 'bmseg[slurm]'")


def submit(
    work: Callable[[], Any], name: str, folder: Path, resources: Resources, after: Sequence[str] = ()
) -> str:
    """Submit a job that calls `work`.

    Parameters
    ----------
    work : callable
        Picklable. With a method ``checkpoint``, it is called again after a time limit (submitit's protocol).
    name : str
    folder : Path
        For its logs, on a disk that the cluster's nodes share.
    resources : Resources
    after : sequence of str
        Jobs that must complete well first. When one cannot any more, Slurm cancels this one.

    Returns
    -------
    str
        The job's id.

    Raises
    ------
    InputError
        When Slurm refuses what is asked for.
    WorkError
        When Slurm does not answer.
    """
    from submitit import SlurmExecutor
    from submitit.core.utils import FailedJobError

    executor = SlurmExecutor(folder=folder, max_num_timeout=_MOST_TIMEOUTS)
    asked = resources.parameters()
    asked["additional_parameters"] |= {"requeue": True}
    if after:
        asked["dependency"] = "afterok:" + ":".join(after)
        asked["additional_parameters"] |= {"kill-on-invalid-dep": "yes"}
    # Since 22.05 srun takes one core for a step unless it is told.
    step = [f"--cpus-per-task={resources.cpus}"]
    told = io.StringIO()
    try:
        # submitit's own warnings repeat what the error says.
        with contextlib.redirect_stderr(told):
            executor.update_parameters(job_name=name, wckey=None, srun_args=step, **asked)
            return str(executor.submit(work).job_id)
    except FailedJobError as error:
        said = " | ".join(
            line.removeprefix("sbatch: error: ") for line in str(error).splitlines() if line.strip()
        )
        if "contact slurm controller" in said:
            raise SlurmSilentError(f"sbatch: {said}") from error
        raise InputError(f"Slurm refused the job: {said}") from error


def ask(names: Iterable[str]) -> dict[str, JobState]:
    """Every job that bears one of the names, as far as Slurm still knows it.

    Returns
    -------
    dict of str to JobState
        By job id, in the order of submission.

    Raises
    ------
    SlurmSilentError
        When Slurm does not answer.
    """
    command = ["squeue", "--states=all", "--noheader", f"--name={','.join(names)}"]
    rows = [line.split("|") for line in _output([*command, "-O", _FIELDS]).splitlines()]
    found = {}
    for job, name, state, reason, elapsed, restarts, *_ in sorted(rows, key=lambda row: int(row[0])):
        why = "" if reason == "None" else reason
        found[job] = JobState(name, state, why, elapsed, int(restarts) if restarts.isdecimal() else 0)
    return found


def ask_accounts(jobs: Sequence[str]) -> dict[str, str]:
    """Job to state, of the jobs that the cluster's accounts hold; empty where it keeps none."""
    if not jobs or shutil.which("sacct") is None:
        return {}
    command = ["sacct", "--allocations", "--noheader", "--parsable2", "--format=JobID,State"]
    try:
        rows = _output([*command, f"--jobs={','.join(jobs)}"]).splitlines()
    except SlurmSilentError:
        return {}
    # "CANCELLED by 1000"
    return {job: state.split()[0] for job, _, state in (row.partition("|") for row in rows) if state}


def cancel(jobs: Sequence[str]) -> None:
    """Cancel jobs; those that have ended stay as they are.

    Raises
    ------
    SlurmSilentError
        When Slurm does not answer.
    """
    if jobs:
        _output(["scancel", "--quiet", *jobs])


def _output(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        check_slurm()
        raise
    except subprocess.TimeoutExpired:
        raise SlurmSilentError(f"{command[0]}: no answer within 120 s") from None
    if done.returncode:
        reason = " | ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        raise SlurmSilentError(f"{command[0]}: {reason or f'exit code {done.returncode}'}")
    return done.stdout
