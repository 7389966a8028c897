"""A method under a profile: what is trained, for how long, and where the trained model lies."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from bmseg.errors import InputError
from bmseg.methods import Method, Recipe, get_method
from bmseg.methods.profiles import Profile, get_profile
from bmseg.nnunet.inputs import PLANS
from bmseg.workspace import Workspace

Fold = int | Literal["all"]

#: The entry of a plans configuration that holds the schedule (`bmseg.trainers.scheduled`).
SCHEDULE = "bmseg"


@dataclass(frozen=True)
class Training:
    """A method under a profile, whose epochs and iterations are what is trained.

    `with_schedule` says whether these were given by hand.
    """

    method: Method
    profile: Profile
    with_schedule: bool = False

    @classmethod
    def of(
        cls, method: Method, profile: Profile, epochs: int | None = None, iterations: int | None = None
    ) -> Training:
        """The training of a method with the profile's schedule, or with another.

        InputError when epochs or iterations are below 1 or the method has no recipe for the profile.
        """
        method.recipe(profile.name)
        for name, value in (("epochs", epochs), ("iterations", iterations)):
            if value is not None and value < 1:
                raise InputError(f"{name}: found {value}, expected at least 1")
        given = replace(profile, epochs=epochs or profile.epochs, iterations=iterations or profile.iterations)
        training = cls(method, given, with_schedule=epochs is not None or iterations is not None)
        if training.with_schedule and not training.takes_schedule:
            raise InputError(
                f"epochs, iterations: found some given, expected none: method {method.name} has no trainer "
                "that takes them"
            )
        return training

    @classmethod
    def named(
        cls, method: str, profile: str, epochs: int | None = None, iterations: int | None = None
    ) -> Training:
        """The same by names; InputError when there is no such method or profile."""
        return cls.of(get_method(method), get_profile(profile), epochs, iterations)

    @property
    def recipe(self) -> Recipe:
        """The method's recipe for the profile."""
        return self.method.recipe(self.profile.name)

    @property
    def configuration(self) -> str:
        """nnU-Net's configuration in the plans."""
        return self.recipe.configuration

    @property
    def trainer(self) -> str:
        """The name of nnU-Net's trainer class."""
        return self._trainer_path.rpartition(".")[2]

    @property
    def takes_schedule(self) -> bool:
        """Whether the trainer reads its schedule from the plans; nnU-Net's own do not."""
        return "." in self._trainer_path

    @property
    def _trainer_path(self) -> str:
        recipe = self.recipe
        return (self.with_schedule and recipe.trainer_with_schedule) or recipe.trainer

    @property
    def schedule(self) -> dict[str, Any]:
        """What the plans tell bmseg's trainers."""
        schedule = {
            "epochs": self.profile.epochs,
            "iterations": self.profile.iterations,
            "validation_iterations": self.profile.validation_iterations,
            "learning_rate": self.recipe.learning_rate,
            "foreground": self.profile.foreground,
        }
        return {name: value for name, value in schedule.items() if value is not None}

    def model_folder(self, workspace: Workspace) -> Path:
        """nnU-Net's folder of the model: trainer, plans and configuration in its name."""
        return workspace.results_dataset / f"{self.trainer}__{PLANS}__{self.configuration}"

    def fold_folder(self, workspace: Workspace, fold: Fold) -> Path:
        """The folder of one fold of the model."""
        return self.model_folder(workspace) / f"fold_{fold}"
