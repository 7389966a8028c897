"""A method under a profile: what is trained, from what, for how long, and where the trained model lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from bmseg.errors import InputError
from bmseg.methods import Method, Recipe
from bmseg.methods.profiles import Profile, get_profile
from bmseg.methods.variants import Masks, Variant, method_of
from bmseg.outputs.provenance import files_hash, read_record
from bmseg.study import in_one_line
from bmseg.wording import command
from bmseg.workspace import Workspace

Fold = int | Literal["all"]

PLANS = "nnUNetPlans"

#: The entry of a plans configuration that holds the schedule (`bmseg.trainers.scheduled`).
SCHEDULE = "bmseg"


@dataclass(frozen=True)
class Training:
    """A method under a profile, whose epochs and iterations are what is trained.

    `with_schedule` says whether these were given by hand. `seed` and `masks` set a network apart from the
    method's usual one, which has neither (`bmseg.methods.variants`).
    """

    method: Method
    profile: Profile
    with_schedule: bool = False
    #: Of one of several networks; the usual one has whichever seed it is trained with.
    seed: int | None = None
    #: Whose masks teach; None: as the study says.
    masks: Masks | None = None
    #: What the study says, once a workspace was asked (`in_study`).
    study_masks: Masks = "reader"

    @classmethod
    def of(
        cls,
        method: Method,
        profile: Profile,
        epochs: int | None = None,
        iterations: int | None = None,
        *,
        seed: int | None = None,
        masks: Masks | None = None,
    ) -> Training:
        """The training of a method with the profile's schedule, or with another.

        InputError when epochs or iterations are below 1 or the method has no recipe for the profile.
        """
        method.recipe(profile.name)
        for name, value in (("epochs", epochs), ("iterations", iterations)):
            if value is not None and value < 1:
                raise InputError(f"{name}: found {value}, expected at least 1")
        given = replace(profile, epochs=epochs or profile.epochs, iterations=iterations or profile.iterations)
        by_hand = epochs is not None or iterations is not None
        training = cls(method, given, with_schedule=by_hand, seed=seed, masks=masks)
        if training.with_schedule and not training.takes_schedule:
            raise InputError(
                f"epochs, iterations: found some given, expected none: method {method.name} has no trainer "
                "that takes them"
            )
        return training

    @classmethod
    def named(
        cls,
        method: str,
        profile: str,
        epochs: int | None = None,
        iterations: int | None = None,
        *,
        seed: int | None = None,
        masks: Masks | None = None,
    ) -> Training:
        """The same by names; InputError when there is no such method or profile.

        A method's name may have a word more, as ``nnunet_soft_seed2023``: what is given beside goes before.
        """
        found, variant = method_of(method)
        seed = variant.seed if seed is None else seed
        masks = variant.masks if masks is None else masks
        return cls.of(found, get_profile(profile), epochs, iterations, seed=seed, masks=masks)

    def in_study(self, workspace: Workspace) -> Training:
        """The same, which knows what the study of a workspace says of whose masks teach."""
        # A data set of nnU-Net's own has no study file.
        if not workspace.study_file.is_file():
            return self
        return replace(self, study_masks=workspace.study.training.masks)

    @property
    def taught(self) -> Masks:
        """Whose masks teach: those that set the network apart, or else the study's."""
        return self.masks or self.study_masks

    @property
    def variant(self) -> Variant:
        """What sets the network apart from the method's usual one."""
        return Variant(self.masks, self.seed)

    @property
    def name(self) -> str:
        """The rater's: of its predictions, in tables and records, and for commands."""
        return self.variant.name(self.method.name)

    @property
    def ways(self) -> list[Training]:
        """The same with the profile's schedule, and with one by hand: their models may lie apart."""
        return [replace(self, with_schedule=by_hand) for by_hand in (False, True)]

    def of_seeds(self, first: int, n: int) -> list[Training]:
        """As many networks of a method: the usual one, for seed `first`, and those of the seeds that follow.

        InputError when this is the network of one seed, and several are asked for.
        """
        if n > 1 and self.seed is not None:
            raise InputError(
                f"seeds: {self.name}: found {n} asked of the network of one seed, expected 1; name the "
                "method alone"
            )
        return [self, *(replace(self, seed=first + more) for more in range(1, n))]

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
        # nnU-Net's own knows one mask an exam.
        ours = self.with_schedule or self.taught != "reader"
        return (ours and recipe.trainer_with_schedule) or recipe.trainer

    @property
    def schedule(self) -> dict[str, Any]:
        """What the plans tell bmseg's trainers."""
        schedule = {
            "epochs": self.profile.epochs,
            "iterations": self.profile.iterations,
            "validation_iterations": self.profile.validation_iterations,
            "learning_rate": self.recipe.learning_rate,
            "foreground": self.profile.foreground,
            "masks": None if self.taught == "reader" else self.taught,
        }
        return {name: value for name, value in schedule.items() if value is not None}

    def model_folder(self, workspace: Workspace) -> Path:
        """nnU-Net's folder of the model: trainer, plans and configuration in its name."""
        dataset = workspace.results_of(self.variant.word) / workspace.dataset_folder
        return dataset / f"{self.in_study(workspace).trainer}__{PLANS}__{self.configuration}"

    def fold_folder(self, workspace: Workspace, fold: Fold) -> Path:
        """The folder of one fold of the model."""
        return self.model_folder(workspace) / f"fold_{fold}"


def visible_files(folder: Path, ending: str = "") -> list[Path]:
    """Files of an ending, sorted; without the hidden ones, which a killed run may have left."""
    return [path for path in sorted(folder.glob(f"*{ending}")) if not path.name.startswith(".")]


class _DatasetJson(BaseModel):
    """What is used of nnU-Net's dataset.json."""

    channel_names: dict[Annotated[str, Field(pattern=r"^\d{1,4}$")], str]
    labels: dict[str, Annotated[int, Field(ge=0, le=255)]]
    file_ending: Literal[".nii.gz"]
    num_training: Annotated[int, Field(ge=0, alias="numTraining")]


class _Split(BaseModel):
    train: list[str]
    val: list[str]


def raw_dataset_json(workspace: Workspace) -> dict[str, Any]:
    """dataset.json of the raw data set; InputError when it is not there or not sound."""
    path = workspace.raw_dataset / "dataset.json"
    record = read_record(path)
    if "channel_names" not in record or "labels" not in record:
        raise InputError(
            f"{path}: found no finished data set, expected one; make it with "
            f"'{command('phantom', workspace=workspace.root)}', or of your own exams with 'bmseg convert'"
        )
    try:
        _DatasetJson.model_validate(record)
    except ValidationError as error:
        raise InputError(f"{path}: {in_one_line(error)}; make the data set again") from None
    return record


def training_hash(workspace: Workspace) -> str:
    """SHA-256 over what is trained on: dataset.json, folds, training images and masks."""
    raw = workspace.raw_dataset
    files = [raw / "dataset.json", raw / "splits_final.json"]
    files += visible_files(raw / "imagesTr") + visible_files(raw / "labelsTr")
    return files_hash({path.relative_to(raw).as_posix(): path for path in files if path.is_file()})


def configuration_of(plans: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A configuration of nnU-Net's plans with what it inherits (shallow, as nnU-Net does)."""
    own = dict(plans["configurations"][name])
    parent = own.pop("inherits_from", None)
    return {**configuration_of(plans, parent), **own} if parent else own


def exams_of_fold(splits: Path, fold: int | str) -> Any:
    """The entry of a fold in nnU-Net's splits_final.json, ``train`` and ``val``; InputError without one."""
    if fold == "all":
        return "all"
    folds = _folds(splits)
    # nnU-Net itself takes a random split for a fold that does not exist.
    if not 0 <= int(fold) < len(folds):
        raise InputError(f"fold: found {fold}, expected 0 to {len(folds) - 1} or 'all' ({splits})")
    return folds[int(fold)].model_dump()


def n_folds(workspace: Workspace) -> int:
    """How many folds the data set has; InputError without nnU-Net's splits_final.json."""
    return len(_folds(workspace.preprocessed_dataset / "splits_final.json"))


def _folds(splits: Path) -> list[_Split]:
    try:
        return TypeAdapter(list[_Split]).validate_json(splits.read_bytes())
    except (OSError, ValidationError):
        raise InputError(f"{splits}: cannot be read, expected nnU-Net's folds; plan again") from None
