"""What is submitted to Slurm, in parts: what any order has to say of itself."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, ClassVar

from bmseg.outputs.provenance import value_hash


@dataclass(frozen=True)
class Order(ABC):
    """Work for a cluster, in parts; each is done by one job, or by a later one when that ends badly."""

    #: Stands in the record.
    kind: ClassVar[str]
    #: Whether the parts under one name are the tasks, counted from 1, of a job array.
    is_array: ClassVar[bool] = False
    #: Its parts, in a word.
    together: ClassVar[str] = "parts"
    #: The part that begins when all others have ended well, if there is one.
    last_part: ClassVar[str | None] = None
    #: What is said where nothing is left to do, and where a new attempt goes on.
    all_done: ClassVar[str]
    goes_on: ClassVar[str]
    #: What `progress` counts.
    counted: ClassVar[str]

    @property
    @abstractmethod
    def jobs(self) -> Path:
        """The folder of submissions, a folder each."""

    @property
    @abstractmethod
    def title(self) -> str:
        """Its name for a reader."""

    @property
    @abstractmethod
    def named(self) -> dict[str, list[str]]:
        """Name by which Slurm knows jobs to the parts under it, in their order."""

    @property
    @abstractmethod
    def _name(self) -> str:
        """What its folder's name begins with."""

    @abstractmethod
    def script(self, part: str) -> str:
        """Lines for a shell that do a part, or, of an array, the part of whichever task runs them."""

    @abstractmethod
    def done(self, completed: Mapping[str, str]) -> list[str]:
        """The parts whose work lies on disk; `completed` has parts that a job completed, and its id."""

    @abstractmethod
    def clashes(self, other: Order) -> bool:
        """Whether another order's jobs may not run at the same time."""

    @abstractmethod
    def look(self, *words: str) -> str:
        """The command that shows the jobs, to be pasted."""

    @abstractmethod
    def progress(self, part: str) -> str:
        """How far a part has come, or what it has to do."""

    @property
    def parts(self) -> list[str]:
        """All parts."""
        return [part for parts in self.named.values() for part in parts]

    @property
    def facts(self) -> dict[str, Any]:
        """What makes it this order, for its record."""
        return {one.name: getattr(self, one.name) for one in fields(self) if one.compare}

    @property
    def key(self) -> str:
        """A hash that stands for it."""
        return value_hash(self.facts)[:10]

    @property
    def folder(self) -> Path:
        """Where its jobs leave logs and records."""
        return self.jobs / f"{self._name}-{self.key}"

    def ending(self, job: str) -> Path:
        """Where a job leaves word of how it ended."""
        return self.folder / f"{job}.json"

    def call(self, parts: Sequence[str]) -> str:
        """What parts that are submitted together are called."""
        return parts[0] if len(parts) == 1 else f"{len(parts)} of {len(self.parts)} {self.together}"
