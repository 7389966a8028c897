"""Submit an order's jobs to a Slurm cluster and follow them to their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bmseg.errors import InputError, WorkError
from bmseg.nnunet.environment import say
from bmseg.outputs import locked
from bmseg.slurm import cluster
from bmseg.slurm.cluster import Job
from bmseg.slurm.order import Order
from bmseg.slurm.submission import Submission, submissions
from bmseg.slurm.training import TrainingOrder

#: Seconds between two questions to Slurm, at most; after a change it is asked sooner.
LONGEST_PAUSE = 30.0
_NAMED = 5


def launch(
    order: Order,
    asked: Mapping[str, str | bool],
    *,
    restart: Callable[[], object] | None = None,
    detach: bool = False,
) -> bool:
    """Submit an order, or go on with an earlier submission of the same one, and follow it.

    What is finished, queued or running is not submitted again; what ended badly is. Answers whether all is
    done.

    Parameters
    ----------
    asked : mapping of str to str or True
        What each job asks for: options of sbatch by their long names; True for one without a value.
    restart : callable, optional
        Called first, once no job of the order is active: deletes earlier work, as the folds' trainings.
    detach : bool
        Return when everything is submitted, without following.

    Raises
    ------
    InputError
        When Slurm is missing, the workspace is not planned, a fold holds a training from
        other inputs, another submission's job does the same work, or Slurm refuses a job.
    WorkError
        When a part ended badly twice, the jobs were cancelled, or Slurm does not answer.
    """
    cluster.check_installed()
    with locked(order.jobs / ".lock", "jobs"):
        earlier = next((one for one in submissions(order.jobs) if one.order == order), None)
        submission = earlier or Submission(order)
        submission.refresh(always=True)
        for other in submissions(order.jobs):
            if other.order != order and order.clashes(other.order):
                other.refresh()
                _refuse_active(other)
        if restart:
            _refuse_active(submission)
            restart()
        _take_up(submission, order)
        if earlier and not submission.whole:
            say(f"{order.title}: going on with the jobs submitted at {submission.submitted}")
        _advance(submission, asked, anew=True)
    if submission.whole:
        say(order.all_done)
    elif detach:
        say(f"submitted; '{order.look()}' shows the jobs, the same command without --detach follows them")
        return False
    else:
        follow(order, asked)
    return True


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
            if submission.whole:
                return
            if not submission.active():
                raise WorkError(
                    f"{order.title}: {_told(submission)}; the same command tries again {order.goes_on}"
                )
        pause = 1.0 if changed else min(pause * 1.5, LONGEST_PAUSE)
        time.sleep(pause)


def _told(submission: Submission) -> str:
    """How the parts ended that were given up; of many not all."""
    lost = [*submission.given_up().values()]
    told = [submission.ending(job) for job in lost[:_NAMED]]
    if len(lost) > _NAMED:
        told.append(f"and {len(lost) - _NAMED} more, which '{submission.order.look()}' shows")
    return "; ".join(told)


def step(order: Order, asked: Mapping[str, str | bool]) -> tuple[Submission, bool]:
    """Ask Slurm once and do what is to be done; whether anything changed."""
    with locked(order.jobs / ".lock", "jobs"):
        submission = Submission.read(order.folder)
        before = {(job.id, job.state, job.restarts) for job in submission.jobs}
        submission.refresh(always=True)
        lost = submission.given_up().values()
        for job in submission.jobs:
            if (job.id, job.state, job.restarts) not in before:
                run = f", run {job.restarts + 1}" if job.restarts else ""
                say(f"{job.part}: job {job.id} {job.state}{run}")
                if job in lost:
                    say(submission.ending(job))
        if not submission.cancelled:
            _advance(submission, asked)
        submission.write()
    return submission, {(job.id, job.state, job.restarts) for job in submission.jobs} != before


def looked_up(jobs: Path, *, cancel: bool = False) -> list[Submission]:
    """Every submission with the present states of its jobs, or the states in which they were cancelled."""
    if not jobs.is_dir():
        return []
    with locked(jobs / ".lock", "jobs"):
        found = submissions(jobs)
        for submission in found:
            submission.refresh()
            # First on record, so that whoever follows does not submit them again.
            submission.cancelled |= cancel and bool(submission.active())
            submission.write()
            if cancel:
                cluster.cancel(submission.active())
    return found


def check_not_queued(order: TrainingOrder) -> None:
    """Refuse to train here what a job is training or waits to train; InputError names the job."""
    folders = [order.fold_folder(part) for part in order.by_part]
    for other in submissions(order.jobs):
        if not isinstance(other.order, TrainingOrder):
            continue
        for part in other.order.by_part:
            if not other.active(part) or other.order.fold_folder(part) not in folders:
                continue
            try:
                other.refresh()
            except (cluster.SlurmSilentError, InputError) as error:
                say(f"warning: {part}: job {other.active(part)[-1].id} may be training it ({error})")
            else:
                _refuse_active(other, part)


def _refuse_active(submission: Submission, part: str | None = None) -> None:
    for job in submission.active(part):
        raise InputError(
            f"{job.part}: found job {job.id} ({job.state}) of {submission.order.title}, expected none; "
            f"wait for it, or stop it: {submission.order.look('--cancel')}"
        )


def _take_up(submission: Submission, order: Order) -> None:
    """Make a submission ready for a new command: what is on disk counts."""
    last = {part: job for part in order.parts if (job := submission.last(part))}
    done = order.done({part: job.id for part, job in last.items() if submission.finished(part)})
    # What was finished once and is no longer there has no job to go on from.
    gone = [part for part in order.parts if submission.finished(part) and part not in done]
    submission.jobs = [job for job in submission.jobs if job.active or job.part not in gone]
    submission.done = [part for part in done if not submission.active(part)]
    submission.cancelled = False
    submission.write()


def _advance(submission: Submission, asked: Mapping[str, str | bool], *, anew: bool = False) -> None:
    """Submit what is missing and what ended badly; anew: also what was given up."""
    order, lost = submission.order, {} if anew else submission.given_up()
    first = [part for part in order.parts if part != order.last_part]

    def wanted(part: str) -> bool:
        return not (submission.finished(part) or submission.active(part) or part in lost)

    for parts in order.named.values():
        if missing := [part for part in parts if part in first and wanted(part)]:
            _submit(submission, missing, asked, anew=anew)
    if order.last_part is None:
        return
    awaited = [job.id for part in first for job in submission.active(part)]
    waiting, hopeless = submission.active(order.last_part), any(part in lost for part in first)
    if waiting and (hopeless or not set(awaited) <= set(waiting[-1].after.split(":"))):
        cluster.cancel(waiting)
        ended = {job: replace(job, state="CANCELLED") for job in waiting}
        submission.jobs = [ended.get(job, job) for job in submission.jobs]
        submission.write()
        say(f"{order.last_part}: job {waiting[-1].id} cancelled: a part that it waited for ended badly")
    if wanted(order.last_part) and not hopeless:
        _submit(submission, [order.last_part], asked, anew=anew, after=":".join(awaited))


def _submit(
    submission: Submission,
    parts: Sequence[str],
    asked: Mapping[str, str | bool],
    *,
    anew: bool,
    after: str = "",
) -> None:
    """Submit a part, or parts that are tasks of one job array."""
    order = submission.order
    # A job that never could begin, since one that it waited for ended badly, is no attempt.
    again = {part: job for part in parts if (job := submission.last(part)) and not after}
    for job in again.values():
        say(f"{submission.ending(job)}; submitted again")
    name, siblings = next(pair for pair in order.named.items() if parts[0] in pair[1])
    options = {
        **asked,
        "job-name": name,
        "output": f"{order.folder}/%j.log",
        "open-mode": "append",
        "requeue": True,
        # Slurm's warning before the time limit, to the job's first process alone.
        "signal": "B:USR2@90",
    }
    tasks = [siblings.index(part) + 1 for part in parts]
    if order.is_array:
        options |= {"array": _ranges(tasks), "output": f"{order.folder}/%A_%a.log"}
    if after:
        options |= {"dependency": f"afterok:{after}", "kill-on-invalid-dep": "yes"}
    called = order.call(parts)
    try:
        number = cluster.submit(order.script(parts[0]), options)
    except InputError as error:
        raise InputError(f"{called}: {error}") from error
    for part, task in zip(parts, tasks, strict=True):
        job_id = f"{number}_{task}" if order.is_array else number
        submission.jobs.append(Job(job_id, part, after=after, again=part in again and not anew))
    submission.write()
    waits = f", after {after.replace(':', ', ')}" if after else ""
    say(f"{called}: job {submission.jobs[-1].id if len(parts) == 1 else number} submitted{waits}")


def _ranges(tasks: Sequence[int]) -> str:
    """Tasks of an array, in rising order, as sbatch takes them: 1-3,5."""
    runs: list[list[int]] = []
    for task in tasks:
        if runs and task == runs[-1][-1] + 1:
            runs[-1][1:] = [task]
        else:
            runs.append([task])
    return ",".join("-".join(map(str, run)) for run in runs)
