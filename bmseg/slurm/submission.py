"""What was submitted, how it stands, and how it ended: one folder a submission."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bmseg.outputs import read_record, write_record
from bmseg.slurm import cluster
from bmseg.slurm.cluster import Job
from bmseg.slurm.order import Order
from bmseg.slurm.shares import ShareOrder
from bmseg.slurm.training import TrainingOrder

_RECORD = "submission.json"
_KINDS: dict[str, type[Order]] = {kind.kind: kind for kind in (TrainingOrder, ShareOrder)}
# How a program of ours that ends by its own means says that it failed, and that what it was given is wrong.
_FAILED, _WRONG_INPUT = 1, 2


@dataclass
class Submission:
    """An order on the cluster, and its jobs."""

    order: Order
    submitted: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))
    #: In the order of submission. A part is done by one job, or by a later one when that ends badly.
    jobs: list[Job] = field(default_factory=list)
    #: Parts that were finished before the latest command.
    done: list[str] = field(default_factory=list)
    #: Whether the user cancelled it.
    cancelled: bool = False

    @classmethod
    def read(cls, folder: Path) -> Submission:
        """The submission in a folder; FileNotFoundError where there is none."""
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
        order = _KINDS[record.pop("kind", TrainingOrder.kind)](**record["order"])
        return cls(**{**record, "order": order, "jobs": [Job(**job) for job in record["jobs"]]})

    def write(self) -> None:
        """Write its record."""
        record = {one.name: getattr(self, one.name) for one in fields(self)}
        record |= {"order": self.order.facts, "jobs": [asdict(job) for job in self.jobs]}
        write_record(self.order.folder / _RECORD, {"kind": self.order.kind, **record})

    def last(self, part: str) -> Job | None:
        """A part's latest job."""
        return next((job for job in reversed(self.jobs) if job.part == part), None)

    def finished(self, part: str) -> bool:
        """Whether a part's work is done."""
        job = self.last(part)
        return part in self.done or (job is not None and job.state == "COMPLETED")

    @property
    def whole(self) -> bool:
        """Whether all work is done."""
        wanted = [self.order.last_part] if self.order.last_part else self.order.parts
        return all(map(self.finished, wanted))

    def active(self, part: str | None = None) -> list[Job]:
        """The jobs that are queued or running, of a part or of all."""
        return [job for job in self.jobs if job.active and part in (None, job.part)]

    def given_up(self) -> dict[str, Job]:
        """The last jobs of parts that ended badly twice, or once in a way that no other attempt mends."""
        parts = [part for part in self.order.parts if not (self.finished(part) or self.active(part))]
        last = {part: job for part in parts if (job := self.last(part))}
        return {part: job for part, job in last.items() if job.again or self._word(job).get("wrong_input")}

    def _word(self, job: Job) -> dict[str, Any]:
        word = read_record(self.order.ending(job.id))
        if "exit_code" in word:
            word |= {"finished": word["exit_code"] == 0, "wrong_input": word["exit_code"] == _WRONG_INPUT}
        return word

    def refresh(self, *, always: bool = False) -> None:
        """Take over the present states of the jobs; Slurm is asked where it can tell news, or always."""
        if not (always or self.active()):
            return
        known = cluster.ask(self.order.named)
        jobs = [self._present(job, known.pop(job.id, None)) for job in self.jobs]
        # Others are on record nowhere: the process that submitted them was killed before it could write.
        self.jobs = jobs + [job for job in known.values() if job.active]

    def _present(self, job: Job, seen: Job | None) -> Job:
        if seen:
            return replace(seen, after=job.after, again=job.again)
        if not job.active:
            return job
        left = self._word(job)
        failed = left.get("error") or "exit_code" in left
        state = "COMPLETED" if left.get("finished") else "FAILED" if failed else cluster.LOST
        return replace(job, state=state, reason="")

    def log(self, job: Job) -> Path:
        """The log of a job."""
        return self.order.folder / f"{job.id}.log"

    def ending(self, job: Job) -> str:
        """How a job ended: state, last line of its error, log."""
        return f"{job.part}: job {job.id} {job.state}: {self._error(job)} (log: {self.log(job)})"

    def _error(self, job: Job) -> str:
        word = self._word(job)
        if told := word.get("error"):
            return str(told)
        try:
            text = self.log(job).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "it left no log"
        _, ours, told = f"\n{text}".rpartition("\nError: ")
        if ours and word.get("exit_code") in (_FAILED, _WRONG_INPUT):
            return " | ".join(filter(None, map(str.strip, told.splitlines())))
        lines = [line.strip() for line in text.splitlines()]
        # A cancelled job goes on to write while it ends.
        errors = [line for line in lines if "error" in line.lower()] or list(filter(None, lines))
        return errors[-1] if errors else "its log is empty"

    def table(self) -> str:
        """A line a part, under the title; behind a waiting part's state stands Slurm's reason."""
        columns = ("job", "what", "state", self.order.counted, "attempts", "elapsed", "log")
        rows = [columns, *map(self._row, self.order.parts)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        state = ", cancelled" if self.cancelled else ""
        return "\n".join([f"{self.order.title} (submitted {self.submitted}{state})", *lines])

    def _row(self, part: str) -> Sequence[str]:
        progress = self.order.progress(part)
        job = self.last(part)
        if job is None:
            return ("-", part, "done before" if part in self.done else "not submitted", progress, "0", "", "")
        state = f"{job.state} ({job.reason})" if job.reason and job.state == "PENDING" else job.state
        attempts = sum(1 + one.restarts for one in self.jobs if one.part == part)
        return (job.id, part, state, progress, str(attempts), job.elapsed, str(self.log(job)))


def submissions(jobs: Path) -> list[Submission]:
    """Every submission that is on record in a folder, oldest first."""
    found = [Submission.read(path.parent) for path in sorted(jobs.glob(f"*/{_RECORD}"))]
    return sorted(found, key=lambda one: one.submitted)
