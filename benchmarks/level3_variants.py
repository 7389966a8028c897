"""What is tried for the sparse level 3 (`benchmarks.level3`): variants of nnunet, and their networks."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np

from bmseg.cohort.phantom import make_phantom
from bmseg.methods import get_method
from bmseg.methods.profiles import PROFILES, Profile
from bmseg.methods.variants import SEED
from bmseg.nnunet import Training, plan, predict, train
from bmseg.nnunet.models import RECORD
from bmseg.outputs.provenance import read_record
from bmseg.study import DEFAULT_STUDY
from bmseg.workspace import Workspace, open_workspace

ROOT = Path("workspaces/level3")
COHORT_SEED, SEEDS = 2022, (SEED, SEED + 1, SEED + 2)
PLAIN = "nnunet"

#: Those of one channel, then the one that sees the fat-only image too.
VARIANTS = {
    method.name: method
    for method in (
        *map(get_method, (PLAIN, "nnunet_ordinal", "nnunet_topk")),
        replace(get_method(PLAIN), name="fat", summary="the fat-only image as a second channel"),
    )
}
TWO_CHANNELS = ("fat",)


@dataclass(frozen=True)
class Run:
    """One benchmark: where, what is trained, and for how long; None leaves the profile's."""

    root: Path = ROOT
    variants: Sequence[str] = tuple(VARIANTS)
    seeds: Sequence[int] = SEEDS
    profile: Profile = PROFILES["quick"]
    epochs: int | None = None
    training_exams: int | None = None

    def training(self, variant: str, seed: int) -> Training:
        """Of a variant with a seed."""
        return Training.of(VARIANTS[variant], self.profile, self.epochs, seed=seed)

    def workspace(self, variant: str) -> Workspace:
        """The planned workspace of a variant: that of one channel, or of two, of the same exams."""
        both = variant in TWO_CHANNELS
        root = self.root / ("two_channels" if both else "one_channel")
        workspace, _ = open_workspace(root, _two_channels(self.root) if both else None, create=True)
        exams = self.training_exams or self.profile.training_exams
        make_phantom(workspace, training=exams, seed=COHORT_SEED, processes=None)
        return workspace


def _two_channels(root: Path) -> Path:
    """The reference study's file with the fat-only image as a second channel."""
    folder = root / "study_of_two_channels"
    shutil.copytree(DEFAULT_STUDY.parent, folder, dirs_exist_ok=True)
    path = folder / DEFAULT_STUDY.name
    text = DEFAULT_STUDY.read_text(encoding="utf-8")
    path.write_text(f'{text}\n[[channels]]\nname = "fat"\ndicom.contrast = "fat"\n', encoding="utf-8")
    return path


def make(run: Run) -> tuple[dict[str, dict[int, Path]], dict[str, float]]:
    """Train and predict what is not there; folders of masks by variant and seed, mean seconds of training."""
    for both in (False, True):
        names = [name for name in VARIANTS if (name in TWO_CHANNELS) is both]
        if {*names} & {*run.variants}:
            # Of all, asked for or not: plans that change later would ask for new trainings.
            plan(run.workspace(names[0]), run.profile, [VARIANTS[name] for name in names])
    folders: dict[str, dict[int, Path]] = {name: {} for name in run.variants}
    seconds: dict[str, list[float]] = {name: [] for name in run.variants}
    for seed in run.seeds:
        for name in run.variants:
            workspace, training = run.workspace(name), run.training(name, seed)
            click.echo(f"{name}, seed {seed} ...", err=True)
            train(workspace, training)
            predict(workspace, training)
            folders[name][seed] = workspace.predictions(training.name)
            seconds[name].append(read_record(training.fold_folder(workspace, 0) / RECORD)["seconds"])
    return folders, {name: float(np.mean(took)) for name, took in seconds.items()}
