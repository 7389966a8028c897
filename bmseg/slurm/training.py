"""A training for a cluster: one job a fold, and one that then predicts and scores."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

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
    def jobs(self) -> Path:
        """The workspace's."""
        return self.workspace.jobs

    @property
    def named(self) -> dict[str, list[str]]:
        """A name a part."""
        parts = {f"fold_{fold}": part for part, fold in self.by_part.items()} | {"score": SCORING}
        return {f"bmseg-{self.method}-{short}-{self.key}": [part] for short, part in parts.items()}

    @property
    def by_part(self) -> dict[str, Fold]:
        """The parts that train, and the fold of each."""
        return {f"fold {fold}": fold for fold in self.folds}

    @property
    def _name(self) -> str:
        return self.method

    @property
    def title(self) -> str:
        """Method, profile, what was given beside it, folds."""
        given = {"epochs": self.epochs, "iterations": self.iterations}
        words = [f"{number} {name}" for name, number in given.items() if number is not None]
        folds = ", ".join(map(str, self.folds))
        return ", ".join([self.method, f"profile {self.profile}", *words, f"folds {folds}"])

    def script(self, part: str) -> str:
        """The part of the submission in this folder."""
        work = [sys.executable, "-u", "-m", "bmseg.slurm.work", str(self.folder), part]
        return f"exec {shlex.join(work)}"

    def done(self, completed: Mapping[str, str]) -> list[str]:
        """Folds that are trained, and all when they were predicted with and scored."""
        done = [part for part, fold in self.by_part.items() if self.is_trained(fold)]
        ending = read_record(self.ending(completed[SCORING])) if SCORING in completed else {}
        # Scored from these networks, not from those of an earlier training.
        if len(done) == len(self.folds) and ending.get("checkpoints") == self.checkpoints():
            done.append(SCORING)
        return done

    def clashes(self, other: Order) -> bool:
        """Two may neither train one fold nor predict for one method at the same time."""
        return isinstance(other, TrainingOrder) and other.method == self.method

    def look(self, *words: str) -> str:
        """Of the workspace."""
        return command("jobs", *words, workspace=self.workspace.root)

    def progress(self, part: str) -> str:
        """Epochs, as the training itself notes them."""
        if part == SCORING:
            return ""
        noted = read_record(self.fold_folder(self.by_part[part]) / PROGRESS)
        return f"{noted.get('epochs_done', 0)}/{noted.get('epochs') or self.training.profile.epochs}"

    def restart(self) -> None:
        """Delete the folds' earlier trainings."""
        for fold in self.folds:
            if (folder := self.fold_folder(fold)).is_dir():
                shutil.rmtree(folder)
                say(f"training: the earlier one of fold {fold} was deleted")

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
