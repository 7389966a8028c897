"""How much work a run does: ``quick`` for two CPU cores and minutes, ``full`` for one GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bmseg.errors import InputError


@dataclass(frozen=True)
class Profile:
    """The budget of a run, the same for every method; what each makes of it is its recipe."""

    name: str
    #: Training exams of the synthetic cohort made for this profile.
    training_exams: int
    #: Epochs; training steps and validation steps of each.
    epochs: int
    iterations: int
    validation_iterations: int
    #: Share of patches centred on a labelled voxel; None leaves nnU-Net's own.
    foreground: float | None
    device: Literal["cpu", "cuda"]
    #: Distance of prediction tiles as a fraction of the patch.
    tile_step: float
    #: Predict the fold's validation exams after training, as nnU-Net does.
    validate: bool


# Chosen on the synthetic cohort, for the method nnunet on two CPU cores.
QUICK = Profile(
    "quick", training_exams=36, epochs=40, iterations=40, validation_iterations=4, foreground=0.66,
    device="cpu", tile_step=0.75, validate=False,
)  # fmt: skip

# nnU-Net's own schedule.
FULL = Profile(
    "full", training_exams=85, epochs=1000, iterations=250, validation_iterations=50, foreground=None,
    device="cuda", tile_step=0.5, validate=True,
)  # fmt: skip

PROFILES = {profile.name: profile for profile in (QUICK, FULL)}


def get_profile(name: str) -> Profile:
    """The profile of a name; InputError when there is none.

    Examples
    --------
    >>> get_profile("full").epochs
    1000
    """
    if name not in PROFILES:
        raise InputError(f"profile: found '{name}', expected one of {', '.join(PROFILES)}")
    return PROFILES[name]
