"""Slurm's commands: submit a job, ask for the states of jobs, cancel them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bmseg.errors import InputError, WorkError

#: bmseg's own word for a job that Slurm no longer knows and that left no word of its end.
LOST = "LOST"
_ENDED_BADLY = {
    "BOOT_FAIL", "CANCELLED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT", LOST,
}  # fmt: skip
_FIELDS = "JobArrayID:|,Name:|,State:|,Reason:|,TimeUsed:|,RestartCnt:|"
# The warning before a time limit kills who does not expect it; Python expects it when it has begun.
_BEFORE = "#!/bin/sh\ntrap '' USR2\n"


class SlurmSilentError(WorkError):
    """Slurm did not answer; a later question may be answered."""


@dataclass(frozen=True)
class Job:
    """A job as it was seen last; state, reason and elapsed are Slurm's words.

    Its id is Slurm's: 71, or 71_3 for task 3 of job array 71.
    """

    id: str
    part: str
    state: str = "PENDING"
    reason: str = ""
    elapsed: str = ""
    #: How often Slurm has started it again.
    restarts: int = 0
    #: The jobs that it waits for, as 71:72.
    after: str = ""
    #: Whether it was submitted because another had ended badly.
    again: bool = False

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.state != "COMPLETED" and self.state not in _ENDED_BADLY


def check_installed() -> None:
    """Refuse where Slurm's commands are missing, and say what to do."""
    commands = ("sbatch", "squeue", "scancel")
    if missing := [command for command in commands if shutil.which(command) is None]:
        raise InputError(
            f"{', '.join(missing)}: no such command, expected Slurm's; work on a machine of the cluster "
            "(Debian: apt install slurm-client), or do it on this machine with --on here"
        )


def submit(script: str, asked: Mapping[str, str | bool]) -> str:
    """Submit a job that runs lines for a shell; its id. InputError when Slurm refuses what is asked for.

    `asked` has options of sbatch by their long names; True for one without a value.
    """
    options = [f"--{name}" if value is True else f"--{name}={value}" for name, value in asked.items()]
    try:
        told = _output(["sbatch", "--parsable", *options], f"{_BEFORE}{script}\n")
    except SlurmSilentError as error:
        if "contact slurm controller" in str(error) or "no answer" in str(error):
            raise
        raise InputError(f"Slurm refused the job: {str(error).replace('sbatch: error: ', '')}") from error
    # "71", or "71;cluster"
    return told.strip().partition(";")[0]


def ask(named: Mapping[str, Sequence[str]]) -> dict[str, Job]:
    """Every job under one of the names; by id, in the order of submission.

    A name stands for parts: for one, or for those that the tasks of its job arrays do. Slurm knows a job for
    some minutes after its end.
    """
    command = ["squeue", "--states=all", "--array", "--noheader", f"--name={','.join(named)}", "-O", _FIELDS]
    rows = [line.split("|") for line in _output(command).splitlines()]
    found = {}
    for job, name, state, reason, elapsed, restarts, *_ in sorted(rows, key=lambda row: _numbers(row[0])):
        _, task = (*_numbers(job), 1)[:2]
        why = "" if reason == "None" else reason
        again = int(restarts) if restarts.isdecimal() else 0
        found[job] = Job(job, named[name][task - 1], state, why, elapsed, again)
    return found


def _numbers(job: str) -> tuple[int, ...]:
    return tuple(map(int, job.split("_")))


def cancel(jobs: Sequence[Job]) -> None:
    """Cancel jobs; those that have ended stay as they are."""
    if jobs:
        _output(["scancel", "--quiet", *(job.id for job in jobs)])


def _output(command: list[str], script: str = "") -> str:
    try:
        done = subprocess.run(command, input=script, capture_output=True, text=True, timeout=120, check=False)
    except FileNotFoundError:
        check_installed()
        raise
    except subprocess.TimeoutExpired:
        raise SlurmSilentError(f"{command[0]}: no answer within 120 s") from None
    if done.returncode:
        said = " | ".join(line.strip() for line in done.stderr.splitlines() if line.strip())
        raise SlurmSilentError(f"{command[0]}: {said or f'exit code {done.returncode}'}")
    return done.stdout
