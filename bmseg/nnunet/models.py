"""Where trained models of a profile lie."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from bmseg.errors import InputError
from bmseg.nnunet.inputs import PLANS
from bmseg.profiles import Profile
from bmseg.workspace import Workspace

Fold = int | Literal["all"]

FINAL = "checkpoint_final.pth"
LATEST = "checkpoint_latest.pth"


def model_folder(workspace: Workspace, profile: Profile, trainer: str) -> Path:
    """nnU-Net's folder of a trained model: trainer, plans and configuration in its name."""
    return workspace.results_dataset / f"{trainer}__{PLANS}__{profile.configuration}"


def fold_folder(workspace: Workspace, profile: Profile, trainer: str, fold: Fold) -> Path:
    """The folder of one fold of a trained model."""
    return model_folder(workspace, profile, trainer) / f"fold_{fold}"


def trained_model(workspace: Workspace, profile: Profile, fold: Fold) -> Path:
    """The folder of the model of a profile whose fold was trained to the end, the newest where several.

    Raises
    ------
    InputError
        When there is none.
    """
    trainers = dict.fromkeys((profile.trainer, profile.trainer_with_schedule))
    finals = [fold_folder(workspace, profile, trainer, fold) / FINAL for trainer in trainers]
    found = [path for path in finals if path.is_file()]
    if not found:
        begun = any(path.with_name(LATEST).is_file() for path in finals)
        state = "a training that was stopped" if begun else "no trained model"
        advice = "train again to finish it" if begun else "train first"
        raise InputError(f"{finals[0].parent}: found {state}, expected {FINAL}; {advice} ('bmseg train')")
    return max(found, key=lambda path: path.stat().st_mtime).parents[1]
