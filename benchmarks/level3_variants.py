"""What is tried for the sparse level 3 (`benchmarks.level3`): variants of nnunet, and their networks."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np

from bmseg.cohort.phantom import make_phantom
from bmseg.methods import Method, Recipe, get_method
from bmseg.methods.configurations import small_nnunet
from bmseg.methods.nnunet import QUICK
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


def _standardised(parent: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration whose images are standardised, and so preprocessed into a folder of their own."""
    schemes = ["NyulNormalization"] * len(parent["normalization_schemes"])
    own = {"normalization_schemes": schemes, "data_identifier": f"{parent['data_identifier']}_nyul"}
    return {"inherits_from": "2d", **own}


def _quick_standardised(parent: Mapping[str, Any]) -> dict[str, Any]:
    return small_nnunet(parent, features=(16, 32, 64, 96), patch=(128, 128), batch=4) | _standardised(parent)


def _on_trial(name: str, summary: str, module: str, trainer: str) -> Method:
    quick, full = (f"bmseg.trainers.{module}.nnUNetTrainer{kind}{trainer}" for kind in ("Quick", ""))
    return Method(name, summary, {"quick": replace(QUICK, trainer=quick), "full": Recipe("2d", full)})


def _nyul() -> Method:
    plain = _on_trial("nyul", "intensities standardised (Nyul and Udupa 1999)", "nyul", "Nyul")
    quick, full = plain.recipes["quick"], plain.recipes["full"]
    recipes = {
        "quick": replace(quick, configuration="2d_nyul_quick", configure=_quick_standardised),
        "full": replace(full, configuration="2d_nyul", configure=_standardised),
    }
    return replace(plain, recipes=recipes)


#: Those of one channel, then the one that sees the fat-only image too.
VARIANTS = {
    method.name: method
    for method in (
        get_method(PLAIN),
        get_method("nnunet_ordinal"),
        _on_trial(
            "cut",
            "nested regions cut at thresholds of the validation exams",
            "thresholds",
            "OrdinalThresholds",
        ),
        _on_trial("by_level", "patches drawn by level: 1, 2, 4", "sampling", "ByLevel"),
        _on_trial("focal", "Dice and focal loss", "losses", "Focal"),
        _on_trial("topk", "Dice and cross-entropy of the worst tenth of pixels", "losses", "TopK"),
        _nyul(),
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
