"""Train on a Slurm cluster: one job a fold, then one that predicts and scores; follow them to their end."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import replace

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import say
from bmseg.outputs import locked, read_record
from bmseg.slurm import cluster
from bmseg.slurm.cluster import Job
from bmseg.slurm.submission import SCORING, Order, Submission, submissions
from bmseg.wording import command
from bmseg.workspace import Workspace

#: Seconds between two questions to Slurm, at most; after a change it is asked sooner.
LONGEST_PAUSE = 30.0


def launch(
    order: Order, asked: Mapping[str, str | bool], *, restart: bool = False, detach: bool = False
) -> None:
    """Submit a training, or go on with an earlier submission of the same one, and follow it.

    What is finished, queued or running is not submitted again; what ended badly is.

    Parameters
    ----------
    asked : mapping of str to str or True
        What each job asks for: options of sbatch by their long names; True for one without a value.
    restart : bool
        Delete the folds' earlier trainings first.
    detach : bool
        Return when everything is submitted, without following.

    Raises
    ------
    InputError
        When Slurm is missing, the workspace is not planned, a fold holds a training from
        other inputs, another submission's job works on a fold, or Slurm refuses a job.
    WorkError
        When a part ended badly twice, the jobs were cancelled, or Slurm does not answer.
    """
    cluster.check_installed()
    with locked(order.workspace.jobs / ".lock", "jobs"):
        earlier = next((one for one in submissions(order.workspace) if one.order == order), None)
        submission = earlier or Submission(order)
        submission.refresh(always=True)
        # Two submissions may neither train one fold nor predict for one method at the same time.
        for other in submissions(order.workspace):
            if other.order != order and other.order.method == order.method:
                other.refresh()
                _refuse_active(other)
        if restart:
            _refuse_active(submission)
            for fold in order.folds:
                if (folder := order.fold_folder(fold)).is_dir():
                    shutil.rmtree(folder)
                    say(f"training: the earlier one of fold {fold} was deleted")
        _take_up(submission)
        if earlier:
            say(f"{order.title}: going on with the jobs submitted at {submission.submitted}")
        _advance(submission, asked, anew=True)
    if submission.finished(SCORING):
        say("all folds are trained, predicted and scored already; --restart trains them anew")
    elif detach:
        look = command("jobs", workspace=order.workspace.root)
        say(f"submitted; '{look}' shows the jobs, the same command without --detach follows them")
    else:
        follow(order, asked)
        predictions, results = order.workspace.predictions(order.method), order.workspace.evaluation
        say(f"finished; predictions: {predictions}, results: {results}")


def follow(order: Order, asked: Mapping[str, str | bool]) -> None:
    """Follow a submission to its end; a line for each change. Errors are those of `launch`."""
    pause, silent = 1.0, False
    while True:
        try:
            submission, changed = step(order, asked)
        except cluster.SlurmSilentError as error:
            if not silent:
                say(f"{error}; asking again until Slurm answers")
            silent, changed = True, False
        else:
            silent = False
            if submission.cancelled:
                raise WorkError(f"{order.title}: cancelled; the same command submits the jobs again")
            if submission.finished(SCORING):
                return
            if not submission.active():
                told = "; ".join(map(submission.ending, submission.given_up().values()))
                raise WorkError(
                    f"{order.title}: {told}; the same command tries again from the last checkpoint"
                )
        pause = 1.0 if changed else min(pause * 1.5, LONGEST_PAUSE)
        time.sleep(pause)


def step(order: Order, asked: Mapping[str, str | bool]) -> tuple[Submission, bool]:
    """Ask Slurm once and do what is to be done; whether anything changed."""
    with locked(order.workspace.jobs / ".lock", "jobs"):
        submission = Submission.read(order.folder)
        before = {(job.id, job.state, job.restarts) for job in submission.jobs}
        submission.refresh(always=True)
        for job in submission.jobs:
            if (job.id, job.state, job.restarts) not in before:
                run = f", run {job.restarts + 1}" if job.restarts else ""
                say(f"{job.part}: job {job.id} {job.state}{run}")
                if job in submission.given_up().values():
                    say(submission.ending(job))
        if not submission.cancelled:
            _advance(submission, asked)
        submission.write()
    return submission, {(job.id, job.state, job.restarts) for job in submission.jobs} != before


def looked_up(workspace: Workspace, *, cancel: bool = False) -> list[Submission]:
    """Every submission with the present states of its jobs, or the states in which they were cancelled."""
    if not workspace.jobs.is_dir():
        return []
    with locked(workspace.jobs / ".lock", "jobs"):
        found = submissions(workspace)
        for submission in found:
            submission.refresh()
            # First on record, so that whoever follows does not submit them again.
            submission.cancelled |= cancel and bool(submission.active())
            submission.write()
            if cancel:
                cluster.cancel(submission.active())
    return found


def check_not_queued(order: Order) -> None:
    """Refuse to train here what a job is training or waits to train; InputError names the job."""
    folders = [order.fold_folder(fold) for fold in order.folds]
    for other in submissions(order.workspace):
        for part, fold in other.folds.items():
            if not other.active(part) or other.order.fold_folder(fold) not in folders:
                continue
            try:
                other.refresh()
            except (cluster.SlurmSilentError, InputError) as error:
                say(f"warning: {part}: job {other.active(part)[-1].id} may be training it ({error})")
            else:
                _refuse_active(other, part)


def _refuse_active(submission: Submission, part: str | None = None) -> None:
    stop = command("jobs", "--cancel", workspace=submission.order.workspace.root)
    for job in submission.active(part):
        raise InputError(
            f"{job.part}: found job {job.id} ({job.state}) of {submission.order.title}, expected none; "
            f"wait for it, or stop it: {stop}"
        )


def _take_up(submission: Submission) -> None:
    """Make a submission ready for a new command: what is on disk counts."""
    order, scored = submission.order, submission.last(SCORING)
    done = [part for part, fold in submission.folds.items() if order.is_trained(fold)]
    ending = read_record(order.ending(scored.id)) if scored and submission.finished(SCORING) else {}
    # Scored from these networks, not from those of an earlier training.
    if len(done) == len(order.folds) and ending.get("checkpoints") == order.checkpoints():
        done.append(SCORING)
    # What was finished once and is no longer there has no job to go on from.
    gone = [part for part in order.parts.values() if submission.finished(part) and part not in done]
    submission.jobs = [job for job in submission.jobs if job.active or job.part not in gone]
    submission.done = [part for part in done if not submission.active(part)]
    submission.cancelled = False
    submission.write()


def _advance(submission: Submission, asked: Mapping[str, str | bool], *, anew: bool = False) -> None:
    """Submit what is missing and what ended badly; anew: also what was given up."""
    folds, lost = submission.folds, {} if anew else submission.given_up()

    def wanted(part: str) -> bool:
        return not (submission.finished(part) or submission.active(part) or part in lost)

    for part in filter(wanted, folds):
        _submit(submission, part, asked, anew=anew)
    awaited = [job.id for part in folds for job in submission.active(part)]
    waiting, hopeless = submission.active(SCORING), any(part in lost for part in folds)
    if waiting and (hopeless or not set(awaited) <= set(waiting[-1].after.split(":"))):
        cluster.cancel(waiting)
        ended = {job: replace(job, state="CANCELLED") for job in waiting}
        submission.jobs = [ended.get(job, job) for job in submission.jobs]
        submission.write()
        say(f"{SCORING}: job {waiting[-1].id} cancelled: a fold that it waited for ended badly")
    if wanted(SCORING) and not hopeless:
        _submit(submission, SCORING, asked, anew=anew, after=":".join(awaited))


def _submit(
    submission: Submission, part: str, asked: Mapping[str, str | bool], *, anew: bool, after: str = ""
) -> None:
    order, last = submission.order, submission.last(part)
    # A job that never could begin, since one that it waited for ended badly, is no attempt.
    again = last is not None and not after
    if last and again:
        say(f"{submission.ending(last)}; submitted again")
    options = {
        **asked,
        "job-name": next(name for name, named in order.parts.items() if named == part),
        "output": f"{order.folder}/%j.log",
        "open-mode": "append",
        "requeue": True,
        # Slurm's warning before the time limit, to the job's first process alone.
        "signal": "B:USR2@90",
    }
    if after:
        options |= {"dependency": f"afterok:{after}", "kill-on-invalid-dep": "yes"}
    work = [sys.executable, "-u", "-m", "bmseg.slurm.work", str(order.folder), part]
    try:
        job = cluster.submit(work, options)
    except InputError as error:
        raise InputError(f"{part}: {error}") from error
    submission.jobs.append(Job(job, part, after=after, again=again and not anew))
    submission.write()
    say(f"{part}: job {job} submitted" + (f", after {after.replace(':', ', ')}" if after else ""))
