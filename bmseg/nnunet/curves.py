"""Learning curves: what nnU-Net's logger notes every epoch, as JSON beside the checkpoints.

A checkpoint holds the same, but is a pickle and is written every few epochs only.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from bmseg.errors import InputError
from bmseg.nnunet.training import Fold, Training
from bmseg.study import in_one_line
from dataset_conversion.files import write_text

#: Beside the checkpoints of a fold.
CURVES = "bmseg_curves.json"

# Digits that are kept.
_DIGITS = 6

#: None stands for what is no number, as the pseudo Dice of a label that no patch held.
Values = list[float | None]


class Curves(BaseModel):
    """One fold's training, epoch by epoch, as nnU-Net's logger has it."""

    model_config = ConfigDict(frozen=True, allow_inf_nan=False)

    #: The network's name as a rater.
    rater: str
    profile: str
    fold: int | Literal["all"]
    seed: int
    device: str
    #: Epochs that it is to have, and steps of each.
    epochs: int = Field(ge=1)
    iterations: int = Field(ge=1)
    #: Of each pseudo Dice, the values of the masks that it is of: one, or those of a region.
    labels: list[list[int]]
    train_loss: Values
    val_loss: Values
    #: A row an epoch, a value a label.
    pseudo_dice: list[Values]
    rate: Values
    seconds: Values
    #: Seconds since 1970 at the end of the last epoch.
    ended: float = Field(ge=0)

    @model_validator(mode="after")
    def _check(self) -> Self:
        columns = (self.train_loss, self.val_loss, self.pseudo_dice, self.rate, self.seconds)
        lengths = [len(column) for column in columns]
        if len(set(lengths)) != 1 or not 1 <= lengths[0] <= self.epochs:
            raise ValueError(f"epochs: found {lengths}, expected one number from 1 to {self.epochs}")
        if {len(row) for row in self.pseudo_dice} != {len(self.labels)}:
            raise ValueError(f"pseudo_dice: found other rows than of {len(self.labels)} labels")
        return self

    @property
    def done(self) -> int:
        """Epochs that it has."""
        return len(self.train_loss)

    @property
    def has_regions(self) -> bool:
        """Whether pseudo Dice is of nested regions and not of single labels."""
        return any(len(values) > 1 for values in self.labels)


def keep_curves(folder: Path, training: Training, trainer: Any, fold: Fold, seed: int) -> None:
    """Write what a trainer's logger holds so far; nothing before the first epoch has ended."""

    def logged(key: str) -> list[Any]:
        found: list[Any] = trainer.logger.get_value(key, None)
        return found[:done]

    done = len(trainer.logger.get_value("epoch_end_timestamps", None))
    if not done:
        return
    labels = trainer.label_manager
    regions = labels.foreground_regions if labels.has_regions else labels.foreground_labels
    begun, ended = logged("epoch_start_timestamps"), logged("epoch_end_timestamps")
    curves = Curves(
        rater=training.name, profile=training.profile.name, fold=fold, seed=seed,
        device=trainer.device.type, epochs=trainer.num_epochs, iterations=trainer.num_iterations_per_epoch,
        labels=[[int(value) for value in np.atleast_1d(region)] for region in regions],
        train_loss=_rounded(logged("train_losses")), val_loss=_rounded(logged("val_losses")),
        pseudo_dice=[_rounded(row) for row in logged("dice_per_class_or_region")],
        rate=_rounded(logged("lrs")),
        seconds=_rounded([end - begin for begin, end in zip(begun, ended, strict=True)]),
        ended=round(float(ended[-1]), 1),
    )  # fmt: skip
    write_text(folder / CURVES, curves.model_dump_json() + "\n")


def read_curves(folder: Path) -> Curves | None:
    """The curves of a fold; None where none are on record, InputError where they cannot be read."""
    path = folder / CURVES
    try:
        return Curves.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error)}; delete it, or train anew (--restart)") from None


def _rounded(values: list[Any]) -> Values:
    numbers = [float(value) for value in values]
    return [float(f"{one:.{_DIGITS}g}") if math.isfinite(one) else None for one in numbers]
