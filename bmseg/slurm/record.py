"""What was submitted: one JSON file a submission, in the workspace, and the lock that guards them."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from bmseg.outputs.provenance import value_hash
from bmseg.outputs.records import read_record, write_record
from bmseg.slurm.cluster import COMPLETED, ENDED_BADLY, LOST
from bmseg.slurm.resources import Resources
from bmseg.slurm.work import Order
from bmseg.workspace import Workspace

SCORING = "predict and score"
#: How often a part is submitted for one command.
ATTEMPTS = 2


@dataclass(frozen=True)
class Job:
    """A job of Slurm, as it was seen last.

    Parameters
    ----------
    id : str
    state : str
        Slurm's word, or LOST.
    reason, elapsed : str
    restarts : int
        Of `bmseg.slurm.cluster.JobState`.
    after : tuple of str
        Jobs that it waits for.
    """

    id: str
    state: str = "PENDING"
    reason: str = ""
    elapsed: str = ""
    restarts: int = 0
    after: tuple[str, ...] = ()

    @property
    def ended_badly(self) -> bool:
        """Whether it ended, and not well."""
        return self.state == LOST or self.state in ENDED_BADLY

    @property
    def active(self) -> bool:
        """Whether it is queued or running."""
        return self.state != COMPLETED and not self.ended_badly


@dataclass(frozen=True)
class Part:
    """A part of the work, done by one job, or by a later one when that ends badly.

    Parameters
    ----------
    name : str
        ``fold 0``, or ``predict and score``.
    job_name : str
        By which Slurm finds its jobs again.
    left : int
        How often it may still be submitted.
    done : bool
        Whether it was finished before the latest command.
    jobs : tuple of Job
        In the order of submission.
    """

    name: str
    job_name: str
    left: int = ATTEMPTS
    done: bool = False
    jobs: tuple[Job, ...] = ()

    @property
    def last(self) -> Job | None:
        """Its latest job."""
        return self.jobs[-1] if self.jobs else None

    @property
    def finished(self) -> bool:
        """Whether its work is done."""
        return self.done or (self.last is not None and self.last.state == COMPLETED)

    @property
    def active(self) -> bool:
        """Whether a job of it is queued or running."""
        return any(job.active for job in self.jobs)

    @property
    def attempts(self) -> int:
        """How often it was begun or queued, Slurm's own restarts included."""
        return sum(1 + job.restarts for job in self.jobs)


@dataclass(frozen=True)
class Submission:
    """A training on the cluster: a part a fold, and one that predicts and scores.

    Parameters
    ----------
    order : Order
    resources : Resources
    submitted : str
        When, as ISO 8601 in UTC.
    folds : tuple of Part
    scoring : Part
    cancelled : bool
        Whether the user cancelled it.
    """

    order: Order
    resources: Resources
    submitted: str
    folds: tuple[Part, ...]
    scoring: Part
    cancelled: bool = False

    @classmethod
    def new(cls, order: Order, resources: Resources, submitted: str) -> Submission:
        """A submission of which nothing is submitted yet."""

        def part(name: str, short: str) -> Part:
            return Part(name, f"bmseg-{order.method}-{short}-{key_of(order)}")

        folds = tuple(part(f"fold {fold}", f"fold_{fold}") for fold in order.folds)
        return cls(order, resources, submitted, folds, part(SCORING, "score"))

    @property
    def parts(self) -> tuple[Part, ...]:
        """All parts, in the order of the work."""
        return (*self.folds, self.scoring)

    @property
    def title(self) -> str:
        """Its name for a reader."""
        given = {"epochs": self.order.epochs, "iterations": self.order.iterations}
        words = [f"{number} {name}" for name, number in given.items() if number is not None]
        names = ", ".join(str(fold) for fold in self.order.folds)
        return ", ".join([self.order.method, f"profile {self.order.profile}", *words, f"folds {names}"])

    def with_part(self, part: Part) -> Submission:
        """The same with one part replaced by another of its name."""
        if part.name == SCORING:
            return replace(self, scoring=part)
        return replace(self, folds=tuple(part if old.name == part.name else old for old in self.folds))


def key_of(order: Order) -> str:
    """What tells a submission from others: the same order in the same workspace, the same key."""
    return value_hash(asdict(order))[:10]


def log_folder(workspace: Workspace, order: Order) -> Path:
    """Where the jobs of an order leave their logs."""
    return workspace.jobs / f"{order.method}-{key_of(order)}"


def read_submission(workspace: Workspace, order: Order) -> Submission | None:
    """The submission of an order, if there is one."""
    record = read_record(_path(workspace, order))
    return _from_json(record) if record else None


def write_submission(workspace: Workspace, submission: Submission) -> None:
    """Write a submission atomically."""
    write_record(_path(workspace, submission.order), asdict(submission))


def submissions(workspace: Workspace) -> list[Submission]:
    """Every submission of a workspace, oldest first."""
    records = [read_record(path) for path in sorted(workspace.jobs.glob("[!.]*.json"))]
    return sorted((_from_json(record) for record in records if record), key=lambda one: one.submitted)


def log_of(workspace: Workspace, order: Order, job: str) -> Path:
    """The log of a job."""
    return log_folder(workspace, order) / f"{job}_0_log.err"


@contextmanager
def locked(workspace: Workspace, name: str = "lock") -> Iterator[None]:
    """Let one process at a time look at the records and submit."""
    path = workspace.jobs / f".{name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _path(workspace: Workspace, order: Order) -> Path:
    return workspace.jobs / f"{order.method}-{key_of(order)}.json"


def _from_json(record: dict[str, Any]) -> Submission:
    order = Order(**{**record["order"], "folds": tuple(record["order"]["folds"])})
    return Submission(
        order,
        Resources(**record["resources"]),
        record["submitted"],
        tuple(_part(one) for one in record["folds"]),
        _part(record["scoring"]),
        record["cancelled"],
    )


def _part(record: dict[str, Any]) -> Part:
    jobs = tuple(Job(**{**job, "after": tuple(job["after"])}) for job in record["jobs"])
    return Part(**{**record, "jobs": jobs})
