"""Bring a submission's record up to date with Slurm, and say how a job ended."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bmseg.outputs.records import read_record
from bmseg.slurm import cluster
from bmseg.slurm.record import Job, Submission, log_folder, log_of
from bmseg.slurm.work import ending_of
from bmseg.workspace import Workspace


def refreshed(workspace: Workspace, submission: Submission, *, strays: bool = False) -> Submission:
    """The submission with the present states of its jobs; Slurm is asked only where it can tell news.

    A job that Slurm holds under a part's name and that is not on record (the process that submitted it
    was killed before it could write) is put on record.

    Parameters
    ----------
    workspace : Workspace
    submission : Submission
    strays : bool
        Ask even when no job on record is queued or running: there may be one that is not on record.

    Raises
    ------
    SlurmSilentError
        When Slurm does not answer.
    """
    if not strays and not any(part.active for part in submission.parts):
        return submission
    known = cluster.ask(part.job_name for part in submission.parts)
    unknown = [job.id for part in submission.parts for job in part.jobs if job.active and job.id not in known]
    accounts = cluster.ask_accounts(unknown)
    folder = log_folder(workspace, submission.order)
    for part in submission.parts:
        jobs = tuple(_seen(job, known, accounts, folder) for job in part.jobs)
        on_record = {job.id for job in jobs}
        others = (
            replace(Job(job), **_facts(state))
            for job, state in known.items()
            if state.name == part.job_name and job not in on_record
        )
        jobs += tuple(job for job in others if job.active)
        submission = submission.with_part(replace(part, jobs=jobs))
    return submission


def error_of(workspace: Workspace, submission: Submission, job: Job) -> str:
    """The last line of what a job that ended badly said."""
    told = read_record(ending_of(log_folder(workspace, submission.order), job.id)).get("error")
    if told:
        return str(told)
    try:
        text = log_of(workspace, submission.order, job.id).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "it left no log"
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("submitit ")]
    # A cancelled job goes on to write while it ends.
    errors = [line for line in lines if "error" in line.lower()]
    return next(iter(errors[-1:] or lines[-1:]), "its log is empty")


def wrong_input(workspace: Workspace, submission: Submission, job: Job) -> bool:
    """Whether a job ended because of what the user gave, which another attempt does not mend."""
    return bool(read_record(ending_of(log_folder(workspace, submission.order), job.id)).get("wrong_input"))


def _seen(job: Job, known: dict[str, cluster.JobState], accounts: dict[str, str], folder: Path) -> Job:
    if job.id in known:
        return replace(job, **_facts(known[job.id]))
    if not job.active:
        return job
    if job.id in accounts:
        return replace(job, state=accounts[job.id], reason="")
    ending = read_record(ending_of(folder, job.id))
    state = cluster.COMPLETED if ending.get("finished") else "FAILED" if ending.get("error") else cluster.LOST
    return replace(job, state=state, reason="")


def _facts(state: cluster.JobState) -> dict[str, Any]:
    return {
        "state": state.state,
        "reason": state.reason,
        "elapsed": state.elapsed,
        "restarts": state.restarts,
    }
