"""How much work a run does: ``quick`` for two CPU cores and minutes, ``full`` for one GPU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bmseg.errors import InputError


@dataclass(frozen=True)
class SmallNetwork:
    """A U-Net small enough for a CPU; it becomes a configuration of its own in nnU-Net's plans.

    Parameters
    ----------
    features : tuple of int
        Feature maps of each resolution, finest first; fewer resolutions are used for small slices.
    patch : tuple of int
        Rows and columns of a training patch at most, in pixels; cut to the data set's median slice.
    batch : int
        Patches in a training step.
    """

    features: tuple[int, ...]
    patch: tuple[int, int]
    batch: int


@dataclass(frozen=True)
class Profile:
    """One way to train and predict.

    Parameters
    ----------
    name : str
    training_exams : int
        Training exams of the synthetic cohort made for this profile.
    configuration : str
        nnU-Net's configuration in the plans.
    trainer : str
        nnU-Net's trainer class.
    trainer_with_schedule : str
        The trainer class when the number of epochs or iterations is given by hand.
    epochs, iterations, validation_iterations : int
        Epochs; training steps and validation steps of each.
    learning_rate : float or None
        Of the first epoch; None leaves the trainer's own.
    foreground : float or None
        Share of patches centred on a labelled voxel; None leaves the trainer's own.
    fold : int
        The fold trained unless another is asked for.
    device : {"cpu", "cuda"}
    mirroring : bool
        Average predictions over mirrored slices.
    tile_step : float
        Distance of prediction tiles as a fraction of the patch.
    validate : bool
        Predict the fold's validation exams after training, as nnU-Net does.
    network : SmallNetwork or None
        None leaves the network that nnU-Net plans.
    """

    name: str
    training_exams: int
    configuration: str
    trainer: str
    trainer_with_schedule: str
    epochs: int
    iterations: int
    validation_iterations: int
    learning_rate: float | None
    foreground: float | None
    fold: int
    device: Literal["cpu", "cuda"]
    mirroring: bool
    tile_step: float
    validate: bool
    network: SmallNetwork | None = None


# Chosen on the synthetic cohort, where it trains in about 360 CPU-seconds and predicts an exam in 8.
QUICK = Profile(
    name="quick",
    training_exams=36,
    configuration="2d_quick",
    trainer="nnUNetTrainerQuick",
    trainer_with_schedule="nnUNetTrainerQuick",
    epochs=40,
    iterations=40,
    validation_iterations=4,
    learning_rate=3e-3,
    foreground=0.66,
    fold=0,
    device="cpu",
    mirroring=True,
    tile_step=0.75,
    validate=False,
    network=SmallNetwork(features=(16, 32, 64, 96), patch=(128, 128), batch=4),
)

# nnU-Net's own plan, schedule and trainer, so that "nnU-Net" in a table means nnU-Net.
FULL = Profile(
    name="full",
    training_exams=85,
    configuration="2d",
    trainer="nnUNetTrainer",
    trainer_with_schedule="nnUNetTrainerScheduled",
    epochs=1000,
    iterations=250,
    validation_iterations=50,
    learning_rate=None,
    foreground=None,
    fold=0,
    device="cuda",
    mirroring=True,
    tile_step=0.5,
    validate=True,
)

PROFILES = {profile.name: profile for profile in (QUICK, FULL)}


def get_profile(name: str) -> Profile:
    """The profile of a name.

    Raises
    ------
    InputError
        When there is none of that name.

    Examples
    --------
    >>> get_profile("full").epochs
    1000
    """
    if name not in PROFILES:
        raise InputError(f"profile: found '{name}', expected one of {', '.join(PROFILES)}")
    return PROFILES[name]
