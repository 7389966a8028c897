"""Train on a Slurm cluster: one job a fold, then one that predicts and scores."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bmseg.errors import InputError
from bmseg.nnunet.environment import say
from bmseg.nnunet.training import Fold
from bmseg.outputs.records import read_record
from bmseg.slurm import cluster
from bmseg.slurm.follow import LONGEST_PAUSE, follow, step
from bmseg.slurm.record import (
    Part,
    Submission,
    locked,
    log_folder,
    read_submission,
    submissions,
    write_submission,
)
from bmseg.slurm.resources import Resources
from bmseg.slurm.states import refreshed
from bmseg.slurm.work import Order, checkpoints, ending_of, is_done
from bmseg.workspace import Workspace


def launch(
    order: Order,
    resources: Resources,
    *,
    restart: bool = False,
    detach: bool = False,
    longest_pause: float = LONGEST_PAUSE,
) -> bool:
    """Submit a training, or go on with an earlier submission of the same one, and follow it.

    What is finished, queued or running is not submitted again; what ended badly is.

    Parameters
    ----------
    order : Order
    resources : Resources
        Of every job that this call submits.
    restart : bool
        Delete the folds' earlier trainings first.
    detach : bool
        Return when everything is submitted, without following.
    longest_pause : float
        Seconds between two questions to Slurm.

    Returns
    -------
    bool
        Whether all is finished.

    Raises
    ------
    InputError
        When Slurm or submitit is missing, the workspace is not planned, a fold holds a training from
        other inputs, another submission's job works on a fold, or Slurm refuses a job.
    WorkError
        When a part ended badly twice.
    """
    cluster.check_slurm()
    cluster.check_submitit()
    workspace = order.workspace()
    with locked(workspace):
        earlier = read_submission(workspace, order)
        earlier = earlier and refreshed(workspace, earlier, strays=True)
        _refuse_others(workspace, order)
        if restart:
            _delete(order, earlier)
        submission = earlier or Submission.new(
            order, resources, datetime.now(UTC).isoformat(timespec="seconds")
        )
        trained = {fold: is_done(order, fold) for fold in order.folds}
        write_submission(workspace, _taken_up(workspace, submission, resources, trained))
    if earlier:
        say(f"{submission.title}: going on with the jobs submitted at {submission.submitted}")
    submission, _ = step(workspace, order)
    if submission.scoring.finished:
        say("all folds are trained, predicted and scored already; --restart trains them anew")
        return True
    if detach:
        say("submitted; 'bmseg jobs' shows the jobs, the same command without --detach follows them")
        return False
    follow(workspace, order, longest_pause)
    say(f"finished; predictions: {workspace.predictions(order.method)}, results: {workspace.evaluation}")
    return True


def check_not_queued(workspace: Workspace, folders: Sequence[Path]) -> None:
    """Refuse to train here what a job on record is training or waits to train.

    Parameters
    ----------
    workspace : Workspace
    folders : sequence of Path
        The fold folders about to be trained.

    Raises
    ------
    InputError
        Names the job.
    """
    for submission in submissions(workspace):
        for fold, part in zip(submission.order.folds, submission.folds, strict=True):
            if part.active and submission.order.fold_folder(fold) in folders:
                try:
                    part = next(
                        one for one in refreshed(workspace, submission).folds if one.name == part.name
                    )
                except (cluster.SlurmSilentError, InputError) as error:
                    say(f"warning: {part.name}: job {part.jobs[-1].id} may be training it ({error})")
                    continue
                if part.active:
                    raise InputError(_busy(submission, part))


def _refuse_others(workspace: Workspace, order: Order) -> None:
    """Two submissions may neither train one fold nor predict for one method at the same time."""
    for other in submissions(workspace):
        if other.order == order or other.order.method != order.method:
            continue
        now = refreshed(workspace, other)
        write_submission(workspace, now)
        for part in now.parts:
            if part.active:
                raise InputError(_busy(now, part))


def _busy(submission: Submission, part: Part) -> str:
    job = part.jobs[-1]
    return (
        f"{part.name}: found job {job.id} ({job.state}) of another submission ({submission.title}), expected "
        "none; wait for it ('bmseg jobs'), or stop it with 'bmseg jobs --cancel'"
    )


def _delete(order: Order, earlier: Submission | None) -> None:
    for part in earlier.parts if earlier else ():
        if part.active:
            raise InputError(
                f"--restart: {part.name}: found job {part.jobs[-1].id} ({part.jobs[-1].state}), expected "
                "none; stop it first with 'bmseg jobs --cancel'"
            )
    for fold in order.folds:
        folder = order.fold_folder(fold)
        if folder.is_dir():
            shutil.rmtree(folder)
            say(f"training: the earlier one of fold {fold} was deleted")


def _taken_up(
    workspace: Workspace, submission: Submission, resources: Resources, trained: dict[Fold, bool]
) -> Submission:
    """The submission for a new command: what is on disk counts, and each part may be tried anew."""
    order = submission.order
    for fold, part in zip(order.folds, submission.folds, strict=True):
        submission = submission.with_part(_allowed(part, finished=trained[fold]))
    scoring = submission.scoring
    made_from = None
    if scoring.last:
        made_from = read_record(ending_of(log_folder(workspace, order), scoring.last.id)).get("checkpoints")
    present = checkpoints(order)
    scored = made_from == present and len(present) == len(order.folds)
    scoring = _allowed(scoring, finished=scored and scoring.finished)
    return replace(submission.with_part(scoring), resources=resources, cancelled=False)


def _allowed(part: Part, *, finished: bool) -> Part:
    if part.active:
        return part
    if finished:
        return replace(part, done=True)
    # What was finished once and is no longer there has no job to go on from.
    jobs = () if part.finished else part.jobs
    return Part(part.name, part.job_name, jobs=jobs)


def looked_up(workspace: Workspace) -> list[Submission]:
    """Every submission of a workspace with the present states of its jobs, oldest first.

    Raises
    ------
    InputError
        When a job was queued or running and Slurm's commands are missing.
    WorkError
        When Slurm does not answer.
    """
    if not workspace.jobs.is_dir():
        return []
    with locked(workspace):
        found = [refreshed(workspace, submission) for submission in submissions(workspace)]
        for submission in found:
            write_submission(workspace, submission)
    return found


def cancelled(workspace: Workspace) -> int:
    """Cancel every queued or running job of a workspace; how many there were.

    Raises
    ------
    InputError
        When there are any and Slurm's commands are missing.
    WorkError
        When Slurm does not answer.
    """
    active = []
    for submission in looked_up(workspace):
        mine = [job.id for part in submission.parts for job in part.jobs if job.active]
        if not mine:
            continue
        # First on record, so that whoever follows does not submit them again.
        with locked(workspace):
            now = read_submission(workspace, submission.order) or submission
            write_submission(workspace, replace(now, cancelled=True))
            mine = [job.id for part in now.parts for job in part.jobs if job.active]
            cluster.cancel(mine)
        active += mine
    return len(active)
