"""What a method is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bmseg.errors import InputError

#: From nnU-Net's planned configuration ``2d``, a configuration of one's own.
Configure = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Recipe:
    """How a method is trained and predicts under one profile.

    Parameters
    ----------
    configuration : str
        Name of the configuration in nnU-Net's plans.
    trainer : str
        nnU-Net's own trainer class by its name, or another by its dotted path
        (``bmseg.trainers.unet.nnUNetTrainerUNet``), whose ``__init__`` has nnU-Net's exact signature.
    trainer_with_schedule : str or None
        The trainer when epochs or iterations are given by hand; None where `trainer` takes them.
    configure : callable or None
        Makes `configuration` from nnU-Net's ``2d``: a dict with ``inherits_from`` and what differs. None
        for a configuration that nnU-Net plans itself.
    learning_rate : float or None
        Of the first epoch; None leaves the trainer's own.
    mirroring : bool
        Average predictions over mirrored slices.
    """

    configuration: str
    trainer: str
    trainer_with_schedule: str | None = None
    configure: Configure | None = None
    learning_rate: float | None = None
    mirroring: bool = True


@dataclass(frozen=True)
class Method:
    """A way to segment that bmseg can train, predict with and compare: ``bmseg train <name>``.

    `summary` is its line in ``bmseg methods``; `recipes` has one for each profile that it knows.
    """

    name: str
    summary: str
    recipes: Mapping[str, Recipe]

    def recipe(self, profile: str) -> Recipe:
        """The recipe of a profile; InputError when the method has none."""
        if profile not in self.recipes:
            raise InputError(
                f"method {self.name}: found no recipe for --profile {profile}, expected one of "
                f"{', '.join(self.recipes)}"
            )
        return self.recipes[profile]

    @property
    def trainers(self) -> list[str]:
        """The trainers of all recipes that are not nnU-Net's own, as dotted paths."""
        named = [
            trainer for one in self.recipes.values() for trainer in (one.trainer, one.trainer_with_schedule)
        ]
        return list(dict.fromkeys(trainer for trainer in named if trainer and "." in trainer))
