"""A training for a cluster: one job a network and fold, and one that then predicts and scores."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from bmseg.nnunet import Training
from bmseg.nnunet.environment import say
from bmseg.nnunet.models import PROGRESS, is_trained, recorded_checkpoints, training_inputs
from bmseg.nnunet.training import Fold
from bmseg.outputs import read_record
from bmseg.slurm.order import Order
from bmseg.wording import command
from bmseg.workspace import Workspace

SCORING = "predict and score"


@dataclass(frozen=True)
class TrainingOrder(Order):
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
    #: How many networks: that of `seed`, and those of the seeds that follow.
    seeds: int = 1
    tensorboard: bool = False

    kind: ClassVar[str] = "training"
    last_part: ClassVar[str | None] = SCORING
    all_done: ClassVar[str] = (
        "all folds are trained, predicted and scored already; --restart trains them anew"
    )
    goes_on: ClassVar[str] = "from the last checkpoint"
    counted: ClassVar[str] = "epoch"

    def __post_init__(self) -> None:
        """A record has lists."""
        object.__setattr__(self, "folds", tuple(self.folds))

    @property
    def workspace(self) -> Workspace:
        """The workspace."""
        return Workspace(Path(self.root), self.dataset)

    @property
    def training(self) -> Training:
        """The training."""
        return Training.named(self.method, self.profile, self.epochs, self.iterations)

    @property
    def networks(self) -> list[Training]:
        """The training of each seed."""
        return self.training.of_seeds(self.seed, self.seeds)

    @property
    def facts(self) -> dict[str, Any]:
        """Without what was not asked for, as before it could be."""
        usual = {"seeds": 1, "tensorboard": False}
        return {name: value for name, value in super().facts.items() if usual.get(name, ...) != value}

    @property
    def jobs(self) -> Path:
        """The workspace's."""
        return self.workspace.jobs

    @property
    def named(self) -> dict[str, list[str]]:
        """A name a part."""
        parts = {f"{one.name}-fold_{fold}": part for part, (one, fold) in self.by_part.items()}
        parts |= {f"{self.method}-score": SCORING}
        return {f"bmseg-{short}-{self.key}": [part] for short, part in parts.items()}

    @property
    def by_part(self) -> dict[str, tuple[Training, Fold]]:
        """The parts that train, and the network and fold of each."""
        return {
            f"{one.name}, fold {fold}" if self.seeds > 1 else f"fold {fold}": (one, fold)
            for one in self.networks
            for fold in self.folds
        }

    @property
    def _name(self) -> str:
        return self.method

    @property
    def title(self) -> str:
        """Method, profile, what was given beside it, folds."""
        given = {"epochs": self.epochs, "iterations": self.iterations}
        words = [f"{number} {name}" for name, number in given.items() if number is not None]
        words += [f"seeds {self.seed} to {self.seed + self.seeds - 1}"] if self.seeds > 1 else []
        folds = ", ".join(map(str, self.folds))
        return ", ".join([self.method, f"profile {self.profile}", *words, f"folds {folds}"])

    def script(self, part: str) -> str:
        """The part of the submission in this folder."""
        work = [sys.executable, "-u", "-m", "bmseg.slurm.work", str(self.folder), part]
        return f"exec {shlex.join(work)}"

    def done(self, completed: Mapping[str, str]) -> list[str]:
        """Folds that are trained, and all when they were predicted with and scored."""
        done = [part for part in self.by_part if self.is_trained(part)]
        ending = read_record(self.ending(completed[SCORING])) if SCORING in completed else {}
        # Scored from these networks, not from those of an earlier training.
        if len(done) == len(self.by_part) and ending.get("checkpoints") == self.checkpoints():
            done.append(SCORING)
        return done

    def clashes(self, other: Order) -> bool:
        """Two may neither train one fold nor predict for one method at the same time."""
        names = {one.name for one in self.networks}
        return isinstance(other, TrainingOrder) and any(one.name in names for one in other.networks)

    def look(self, *words: str) -> str:
        """Of the workspace."""
        return command("jobs", *words, workspace=self.workspace.root)

    def progress(self, part: str) -> str:
        """Epochs, as the training itself notes them."""
        if part == SCORING:
            return ""
        noted = read_record(self.fold_folder(part) / PROGRESS)
        return f"{noted.get('epochs_done', 0)}/{noted.get('epochs') or self.training.profile.epochs}"

    def restart(self) -> None:
        """Delete the folds' earlier trainings; an InputError, and all stays, if they could not begin anew."""
        for part in self.by_part:
            self._inputs(part)
        for part in self.by_part:
            if (folder := self.fold_folder(part)).is_dir():
                shutil.rmtree(folder)
                say(f"training: the earlier one of {part} was deleted")

    def fold_folder(self, part: str) -> Path:
        """Where a part's checkpoints lie."""
        one, fold = self.by_part[part]
        return one.fold_folder(self.workspace, fold)

    def seed_of(self, one: Training) -> int:
        """The seed with which one of the networks is trained."""
        return self.seed if one.seed is None else one.seed

    def is_trained(self, part: str) -> bool:
        """Whether a part is trained to the end from the present inputs; InputError if from other ones."""
        return is_trained(self.fold_folder(part), self.by_part[part][0], self._inputs(part))

    def _inputs(self, part: str) -> dict[str, Any]:
        one, fold = self.by_part[part]
        return training_inputs(
            self.workspace, one, fold, seed=self.seed_of(one), deterministic=self.deterministic
        )

    def checkpoints(self) -> dict[str, str]:
        """Fold to the hash of its finished checkpoint, as the training's own record has it.

        Of several networks their names stand before the folds.
        """
        found: dict[str, str] = {}
        for one in self.networks:
            of = recorded_checkpoints(one.model_folder(self.workspace), self.folds)
            found |= {f"{one.name} {fold}" if self.seeds > 1 else fold: sha for fold, sha in of.items()}
        return found
