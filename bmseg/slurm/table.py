"""The jobs of a workspace as a table."""

from __future__ import annotations

from collections.abc import Sequence

from bmseg.outputs.records import read_record
from bmseg.slurm.record import Part, Submission, log_of
from bmseg.workspace import Workspace

COLUMNS = ("job", "what", "state", "epoch", "attempts", "elapsed", "log")


def jobs_table(workspace: Workspace, submission: Submission) -> str:
    """A line a part of the work, under the submission's title.

    The state of a part that Slurm keeps waiting has Slurm's reason behind it, as ``PENDING (Resources)``.
    """
    rows = [COLUMNS, *(_row(workspace, submission, part) for part in submission.parts)]
    state = ", cancelled" if submission.cancelled else ""
    return "\n".join([f"{submission.title} (submitted {submission.submitted}{state})", *_aligned(rows)])


def _row(workspace: Workspace, submission: Submission, part: Part) -> tuple[str, ...]:
    epoch = _epoch(submission, part)
    job = part.last
    if job is None:
        return ("-", part.name, "done before" if part.done else "not submitted", epoch, "0", "", "")
    state = f"{job.state} ({job.reason})" if job.reason and job.state == "PENDING" else job.state
    log = log_of(workspace, submission.order, job.id)
    return (job.id, part.name, state, epoch, str(part.attempts), job.elapsed, str(log))


def _epoch(submission: Submission, part: Part) -> str:
    """Epochs done of all, as the training itself notes them."""
    from bmseg.nnunet.models import PROGRESS

    order = submission.order
    for fold, one in zip(order.folds, submission.folds, strict=True):
        if one.name == part.name:
            found = read_record(order.fold_folder(fold) / PROGRESS)
            return (
                f"{found['epochs_done']}/{found['epochs']}"
                if found
                else f"0/{order.training().profile.epochs}"
            )
    return ""


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
