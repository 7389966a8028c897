"""Go on with a submission: submit what is missing, requeue what ended badly, say what changed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import say
from bmseg.slurm import cluster
from bmseg.slurm.record import (
    ATTEMPTS,
    Job,
    Part,
    Submission,
    locked,
    log_folder,
    log_of,
    read_submission,
    write_submission,
)
from bmseg.slurm.states import error_of, refreshed, wrong_input
from bmseg.slurm.work import Order, PredictAndScore, TrainFold
from bmseg.workspace import Workspace

#: Seconds between two questions to Slurm, at most; after a change it is asked sooner.
LONGEST_PAUSE = 30.0
_SHORTEST_PAUSE = 1.0


def follow(workspace: Workspace, order: Order, longest_pause: float = LONGEST_PAUSE) -> None:
    """Follow a submission to its end; a line for each change.

    Parameters
    ----------
    workspace : Workspace
    order : Order
        Of which there is a submission.
    longest_pause : float
        Seconds between two questions to Slurm.

    Raises
    ------
    WorkError
        When a part ended badly twice, or the submission was cancelled; after all its jobs have ended.
    InputError
        When Slurm refuses a job.
    """
    pause, silent = _SHORTEST_PAUSE, False
    while True:
        try:
            submission, changed = step(workspace, order)
        except cluster.SlurmSilentError as error:
            if not silent:
                say(f"{error}; asking again until Slurm answers")
            silent, changed = True, False
        else:
            silent = False
            if submission.cancelled:
                raise WorkError(f"{submission.title}: cancelled; the same command submits the jobs again")
            if submission.scoring.finished:
                return
            if not any(part.active for part in submission.parts):
                raise WorkError(failure(workspace, submission))
        pause = _SHORTEST_PAUSE if changed else min(pause * 1.5, longest_pause)
        time.sleep(min(pause, longest_pause))


def step(workspace: Workspace, order: Order) -> tuple[Submission, bool]:
    """Ask Slurm once and do what is to be done; whether anything changed.

    Raises
    ------
    SlurmSilentError
        When Slurm does not answer.
    InputError
        When Slurm refuses a job.
    """
    with locked(workspace):
        before = read_submission(workspace, order)
        if before is None:
            raise WorkError(
                f"{log_folder(workspace, order)}.json: no such submission any more; it was deleted"
            )
        submission = refreshed(workspace, before, strays=True)
        _say_changes(workspace, before, submission)
        write_submission(workspace, submission)
        if not submission.cancelled:
            submission = _advanced(workspace, submission)
    return submission, submission != before


def failure(workspace: Workspace, submission: Submission) -> str:
    """One line that names every part that was given up, and how it ended."""
    lost = [part for part in submission.parts if given_up(workspace, submission, part)]
    told = "; ".join(ending(workspace, submission, part) for part in lost)
    return f"{submission.title}: {told}; the same command tries again from the last checkpoint"


def ending(workspace: Workspace, submission: Submission, part: Part) -> str:
    """How the last job of a part ended: state, last line of its error, log."""
    job = part.jobs[-1]
    return (
        f"{part.name}: job {job.id} {job.state}: {error_of(workspace, submission, job)} "
        f"(log: {log_of(workspace, submission.order, job.id)})"
    )


def given_up(workspace: Workspace, submission: Submission, part: Part) -> bool:
    """Whether a part ended badly and is not submitted again by itself."""
    job = part.last
    if part.finished or part.active or job is None or not job.ended_badly:
        return False
    return part.left == 0 or (part.left == 1 and wrong_input(workspace, submission, job))


def _advanced(workspace: Workspace, submission: Submission) -> Submission:
    order = submission.order
    for fold, part in zip(order.folds, submission.folds, strict=True):
        if not (part.finished or part.active or given_up(workspace, submission, part)):
            submission = _submitted(workspace, submission, part, TrainFold(order, fold))
    if any(given_up(workspace, submission, part) for part in submission.folds):
        return _without_scoring(workspace, submission)
    return _with_scoring(workspace, submission)


def _with_scoring(workspace: Workspace, submission: Submission) -> Submission:
    """Let one job wait for the folds' present jobs, whichever it waited for before."""
    if submission.scoring.finished or given_up(workspace, submission, submission.scoring):
        return submission
    awaited = tuple(part.jobs[-1].id for part in submission.folds if not part.finished)
    if submission.scoring.active:
        if set(awaited) <= {name for job in submission.scoring.jobs if job.active for name in job.after}:
            return submission
        submission = _without_scoring(workspace, submission)
    scoring = submission.scoring
    if scoring.last and _waited_in_vain(submission, scoring.last):
        # A job that never could begin is no attempt.
        scoring = replace(scoring, left=min(scoring.left + 1, ATTEMPTS))
    return _submitted(workspace, submission, scoring, PredictAndScore(submission.order), awaited)


def _waited_in_vain(submission: Submission, job: Job) -> bool:
    """Whether a job of the folds that it waited for ended badly."""
    ended = {one.id for part in submission.folds for one in part.jobs if one.ended_badly}
    return bool(ended & set(job.after))


def _without_scoring(workspace: Workspace, submission: Submission) -> Submission:
    scoring = submission.scoring
    active = [job.id for job in scoring.jobs if job.active]
    if not active:
        return submission
    cluster.cancel(active)
    jobs = tuple(replace(job, state="CANCELLED") if job.id in active else job for job in scoring.jobs)
    say(f"{scoring.name}: job {', '.join(active)} cancelled: a fold that it waited for ended badly")
    return _written(workspace, submission.with_part(replace(scoring, jobs=jobs)))


def _submitted(
    workspace: Workspace,
    submission: Submission,
    part: Part,
    work: Callable[[], None],
    after: tuple[str, ...] = (),
) -> Submission:
    if part.last and not _waited_in_vain(submission, part.last):
        say(f"{ending(workspace, submission, part)}; submitted again")
    folder = log_folder(workspace, submission.order)
    try:
        job = cluster.submit(work, part.job_name, folder, submission.resources, after)
    except InputError as error:
        raise InputError(f"{part.name}: {error}") from error
    waits = f", after {', '.join(after)}" if after else ""
    say(f"{part.name}: job {job} submitted{waits}")
    part = replace(part, left=part.left - 1, jobs=(*part.jobs, Job(job, after=after)))
    return _written(workspace, submission.with_part(part))


def _written(workspace: Workspace, submission: Submission) -> Submission:
    write_submission(workspace, submission)
    return submission


def _say_changes(workspace: Workspace, before: Submission, now: Submission) -> None:
    earlier = {job.id: job for part in before.parts for job in part.jobs}
    for part in now.parts:
        for job in part.jobs:
            old = earlier.get(job.id)
            if old and (old.state, old.restarts) == (job.state, job.restarts):
                continue
            restarted = f", run {job.restarts + 1}" if job.restarts else ""
            say(f"{part.name}: job {job.id} {job.state}{restarted}")
            if given_up(workspace, now, part):
                say(ending(workspace, now, part))
