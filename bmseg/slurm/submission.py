"""What was submitted, how it stands, and how it ended: one folder a submission, in the workspace."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bmseg.nnunet import Training
from bmseg.nnunet.models import PROGRESS, is_trained, recorded_checkpoints, training_inputs
from bmseg.nnunet.training import Fold
from bmseg.outputs import read_record, write_record
from bmseg.outputs.provenance import value_hash
from bmseg.slurm import cluster
from bmseg.slurm.cluster import Job
from bmseg.workspace import Workspace

SCORING = "predict and score"
_RECORD = "submission.json"
_COLUMNS = ("job", "what", "state", "epoch", "attempts", "elapsed", "log")


@dataclass(frozen=True)
class Order:
    """What is trained where: `root` is the workspace's folder, `dataset` nnU-Net's folder name in it."""

    root: str
    dataset: str
    method: str
    profile: str
    epochs: int | None
    iterations: int | None
    seed: int
    deterministic: bool
    folds: tuple[Fold, ...]

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return Workspace(Path(self.root), self.dataset)

    @property
    def training(self) -> Training:
        """The training."""
        return Training.named(self.method, self.profile, self.epochs, self.iterations)

    @property
    def parts(self) -> dict[str, str]:
        """The parts of the work in their order, by the names under which Slurm knows their jobs."""
        parts = {f"fold_{fold}": f"fold {fold}" for fold in self.folds} | {"score": SCORING}
        return {f"bmseg-{self.method}-{short}-{self._key}": part for short, part in parts.items()}

    @property
    def folder(self) -> Path:
        """Where its jobs leave logs and records."""
        return self.workspace.jobs / f"{self.method}-{self._key}"

    @property
    def title(self) -> str:
        """Its name for a reader."""
        given = {"epochs": self.epochs, "iterations": self.iterations}
        words = [f"{number} {name}" for name, number in given.items() if number is not None]
        folds = ", ".join(map(str, self.folds))
        return ", ".join([self.method, f"profile {self.profile}", *words, f"folds {folds}"])

    @property
    def _key(self) -> str:
        return value_hash(asdict(self))[:10]

    def fold_folder(self, fold: Fold) -> Path:
        """Where a fold's checkpoints lie."""
        return self.training.fold_folder(self.workspace, fold)

    def is_trained(self, fold: Fold) -> bool:
        """Whether a fold is trained to the end from the present inputs; InputError if from other ones."""
        inputs = training_inputs(
            self.workspace, self.training, fold, seed=self.seed, deterministic=self.deterministic
        )
        return is_trained(self.fold_folder(fold), self.training, inputs)

    def checkpoints(self) -> dict[str, str]:
        """Fold to the hash of its finished checkpoint, as the training's own record has it."""
        return recorded_checkpoints(self.training.model_folder(self.workspace), self.folds)

    def ending(self, job: str) -> Path:
        """Where a job leaves word of how it ended."""
        return self.folder / f"{job}.json"


@dataclass
class Submission:
    """A training on the cluster, in parts: one a fold, and one that predicts and scores."""

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
        order = Order(**{**record["order"], "folds": tuple(record["order"]["folds"])})
        return cls(**{**record, "order": order, "jobs": [Job(**job) for job in record["jobs"]]})

    def write(self) -> None:
        """Write its record."""
        write_record(self.order.folder / _RECORD, asdict(self))

    @property
    def folds(self) -> dict[str, Fold]:
        """The parts that train."""
        return dict(zip(self.order.parts.values(), self.order.folds, strict=False))

    def last(self, part: str) -> Job | None:
        """A part's latest job."""
        return next((job for job in reversed(self.jobs) if job.part == part), None)

    def finished(self, part: str) -> bool:
        """Whether a part's work is done."""
        job = self.last(part)
        return part in self.done or (job is not None and job.state == "COMPLETED")

    def active(self, part: str | None = None) -> list[Job]:
        """The jobs that are queued or running, of a part or of all."""
        return [job for job in self.jobs if job.active and part in (None, job.part)]

    def given_up(self) -> dict[str, Job]:
        """The last jobs of parts that ended badly twice, or once in a way that no other attempt mends."""
        parts = [part for part in self.order.parts.values() if not (self.finished(part) or self.active(part))]
        last = {part: job for part in parts if (job := self.last(part))}
        return {part: job for part, job in last.items() if job.again or self._word(job).get("wrong_input")}

    def _word(self, job: Job) -> dict[str, Any]:
        return read_record(self.order.ending(job.id))

    def refresh(self, *, always: bool = False) -> None:
        """Take over the present states of the jobs; Slurm is asked where it can tell news, or always."""
        if not (always or self.active()):
            return
        known = cluster.ask(self.order.parts)
        jobs = [self._present(job, known.pop(job.id, None)) for job in self.jobs]
        # Others are on record nowhere: the process that submitted them was killed before it could write.
        self.jobs = jobs + [job for job in known.values() if job.active]

    def _present(self, job: Job, seen: Job | None) -> Job:
        if seen:
            return replace(seen, after=job.after, again=job.again)
        if not job.active:
            return job
        left = self._word(job)
        state = "COMPLETED" if left.get("finished") else "FAILED" if left.get("error") else cluster.LOST
        return replace(job, state=state, reason="")

    def log(self, job: Job) -> Path:
        """The log of a job."""
        return self.order.folder / f"{job.id}.log"

    def ending(self, job: Job) -> str:
        """How a job ended: state, last line of its error, log."""
        return f"{job.part}: job {job.id} {job.state}: {self._error(job)} (log: {self.log(job)})"

    def _error(self, job: Job) -> str:
        if told := self._word(job).get("error"):
            return str(told)
        try:
            text = self.log(job).read_text(encoding="utf-8", errors="replace")
        except OSError:
            return "it left no log"
        lines = [line.strip() for line in text.splitlines()]
        # A cancelled job goes on to write while it ends.
        errors = [line for line in lines if "error" in line.lower()] or list(filter(None, lines))
        return errors[-1] if errors else "its log is empty"

    def table(self) -> str:
        """A line a part, under the title; behind a waiting part's state stands Slurm's reason."""
        rows = [_COLUMNS, *map(self._row, self.order.parts.values())]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
        state = ", cancelled" if self.cancelled else ""
        return "\n".join([f"{self.order.title} (submitted {self.submitted}{state})", *lines])

    def _row(self, part: str) -> Sequence[str]:
        epoch = ""
        if part != SCORING:
            # As the training itself notes them.
            noted = read_record(self.order.fold_folder(self.folds[part]) / PROGRESS)
            epochs = noted.get("epochs") or self.order.training.profile.epochs
            epoch = f"{noted.get('epochs_done', 0)}/{epochs}"
        job = self.last(part)
        if job is None:
            return ("-", part, "done before" if part in self.done else "not submitted", epoch, "0", "", "")
        state = f"{job.state} ({job.reason})" if job.reason and job.state == "PENDING" else job.state
        attempts = sum(1 + one.restarts for one in self.jobs if one.part == part)
        return (job.id, part, state, epoch, str(attempts), job.elapsed, str(self.log(job)))


def submissions(workspace: Workspace) -> list[Submission]:
    """Every submission of a workspace, oldest first."""
    found = [Submission.read(path.parent) for path in sorted(workspace.jobs.glob(f"*/{_RECORD}"))]
    return sorted(found, key=lambda one: one.submitted)
