"""nnU-Net's own choice among methods and pairs of them, and the masks of the pair that it chose.

It is by the Dice that networks reach on the exams of the fold that they were not trained on (Isensee et al.,
Nature Methods 2021;18:203, not opened; `nnunetv2.evaluation.find_best_configuration`, opened, decides here).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from bmseg.errors import InputError
from bmseg.methods import methods
from bmseg.methods.variants import method_and_variant
from bmseg.nnunet.cross_validation import MADE_FROM, PARTS, cross_validate, predictor_of
from bmseg.nnunet.environment import logged, nnunet_environment, predicting, say, threads_for_processes
from bmseg.nnunet.inference import Masks, unfinished_in
from bmseg.nnunet.models import TrainedModel, check_deterministic, trained_model
from bmseg.nnunet.plan import plans_of
from bmseg.nnunet.predict import check_current, delete_stale, images_of
from bmseg.nnunet.training import Training, n_folds, raw_dataset_json
from bmseg.outputs.provenance import read_record
from bmseg.study import in_one_line
from bmseg.study.rules import Name
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.parallel import usable_cores

# nnU-Net joins the names of a pair with it.
_JOINED = "___"


@dataclass(frozen=True)
class Choice:
    """What nnU-Net chose among methods and pairs of them."""

    #: One model, or the two of a pair.
    members: tuple[TrainedModel, ...]
    #: Names of a model or pair, joined by " + ", to the mean Dice of its labels over the training exams.
    dice: Mapping[str, float]
    #: Exams that this is over.
    n_exams: int

    @property
    def names(self) -> list[str]:
        """Of the members."""
        return [model.training.name for model in self.members]

    @property
    def name(self) -> str:
        """Of what was chosen, among those of `dice`."""
        return " + ".join(self.names)


def choose(workspace: Workspace, trainings: Sequence[Training], *, deterministic: bool = False) -> Choice:
    """Let nnU-Net choose among methods and their pairs, by their masks of the training exams.

    Of every method all folds of the data set have to be trained; each fold's network predicts the exams that
    it was not trained on, unless it has done so.

    Raises
    ------
    InputError
        When there are not two methods or more, one is no usual network, a fold is not trained or not from
        what the workspace holds, or two learned different labels.
    WorkError
        When nnU-Net fails.
    """
    models = [_whole(workspace, training) for training in _usual(trainings)]
    _check_labels(models)
    images, n_exams = images_of(workspace, "training"), 0
    for model in models:
        check_deterministic(model.training, deterministic)
        n_exams = cross_validate(workspace, model, images, deterministic=deterministic)
    by_folder = {model.folder.name: model for model in models}
    found = _found_best(workspace, models)
    dice = {" + ".join(by_folder[one].training.name for one in _folders(name)): value
            for name, value in found["all_results"].items()}  # fmt: skip
    if undefined := [name for name, value in dice.items() if not math.isfinite(value)]:
        raise InputError(
            f"{undefined[0]}: Dice of the training exams: found none, expected one: a level stands in no "
            "mask of any training exam, and nnU-Net's choice is not defined"
        )
    chosen = [
        f"{one['trainer']}__{one['plans_identifier']}__{one['configuration']}"
        for one in found["best_model_or_ensemble"]["selected_model_or_models"]
    ]
    return Choice(tuple(by_folder[name] for name in chosen), dice, n_exams)


def predict_together(
    workspace: Workspace, choice: Choice, name: str, *, deterministic: bool = False
) -> list[Path]:
    """Predict every test exam by the mean of two models' probabilities; the masks that were written.

    A mask that was made from the same image by the same checkpoints is kept. Errors are those of
    `bmseg.nnunet.predict.predict`, and InputError where `name` is that of a method or of other masks.
    """
    folder, first = workspace.predictions(name), choice.members[0].training
    _check_free(folder, name)
    images, ending = images_of(workspace, "test"), raw_dataset_json(workspace)["file_ending"]
    members = [
        {"method": model.training.name, "folder": model.folder.name, "folds": [*model.folds],
         "checkpoints": model.checkpoints(), "profile": model.training.profile.name}
        for model in choice.members
    ]  # fmt: skip
    how = [[model.training.recipe.mirroring, model.training.profile.tile_step] for model in choice.members]
    teachers = list(dict.fromkeys(who for model in choice.members for who in model.taught_by()))
    facts = {"members": members, "cross_validated_dice": dict(choice.dice)}
    facts |= {"taught_by": teachers} if teachers else {}
    with unfinished_in(folder) as unfinished:
        masks = Masks(folder, images, ending, made_by=[members, how], facts=facts)
        delete_stale(masks, images)
        if not (missing := masks.missing()):
            return []
        say(f"prediction: by {choice.name} together")
        log = choice.members[0].folder / "bmseg_predict.log"
        with predicting(workspace, first.profile.device, log, deterministic=deterministic) as device:
            together = _Together(
                [predictor_of(model, model.folds, device) for model in choice.members], ending
            )
            return masks.predict(together, {exam: images[exam] for exam in missing}, unfinished)


class _Together:
    """Predicts as nnU-Net's predictor does, with the mean of several predictors' probabilities."""

    def __init__(self, predictors: Sequence[Any], ending: str) -> None:
        self._predictors, self._ending, self.device = predictors, ending, predictors[0].device

    def predict_from_files_sequential(
        self, images: list[list[str]], masks: list[str], *, save_probabilities: bool
    ) -> None:
        """nnU-Net's `merge_files`, of what each predictor makes of an exam."""
        from nnunetv2.ensembling.ensemble import merge_files

        plans = self._predictors[0].plans_manager
        labels = plans.get_label_manager(self._predictors[0].dataset_json)
        for exam, mask in zip(images, masks, strict=True):
            made = [f"{mask}-{number}" for number in range(len(self._predictors))]
            for predictor, name in zip(self._predictors, made, strict=True):
                predictor.predict_from_files_sequential([exam], [name], save_probabilities=True)
            merge_files(
                [f"{name}.npz" for name in made], mask, self._ending, plans.image_reader_writer_class(),
                labels, save_probabilities,
            )  # fmt: skip
            for path in (Path(f"{name}{part}") for name in made for part in PARTS):
                path.unlink()


def _usual(trainings: Sequence[Training]) -> Sequence[Training]:
    names = [training.name for training in trainings]
    if len(set(names)) < max(2, len(names)):
        raise InputError(f"methods: found {', '.join(names)}, expected two different ones or more")
    if other := [training.name for training in trainings if training.variant.word]:
        raise InputError(
            f"methods: found {other[0]}, expected the usual network of a method: nnU-Net looks for the "
            "models that it chooses among in one folder"
        )
    return trainings


def _whole(workspace: Workspace, training: Training) -> TrainedModel:
    """The model with all folds of the data set."""
    plans_of(workspace)
    model, wanted = trained_model(workspace, training), range(n_folds(workspace))
    if missing := ",".join(str(fold) for fold in wanted if fold not in model.folds):
        more = [] if training.profile.name == "quick" else ["--profile", training.profile.name]
        train = command("train", training.name, *more, "--folds", missing, workspace=workspace.root)
        raise InputError(
            f"{model.folder}: found fold {', '.join(map(str, model.folds))} trained, expected all "
            f"{len(wanted)}: each exam wants a network that has not seen it; train them ('{train}')"
        )
    check_current(workspace, model)
    return replace(model, folds=tuple(wanted))


def _check_labels(models: Sequence[TrainedModel]) -> None:
    labels = {
        model.training.name: read_record(model.folder / "dataset.json").get("labels") for model in models
    }
    first, *others = labels
    for name in others:
        if labels[name] != labels[first]:
            raise InputError(
                f"methods: found {first} and {name}, which learned different labels, expected the same: mean "
                "probabilities of levels and of nested regions mean nothing"
            )


def _found_best(workspace: Workspace, models: Sequence[TrainedModel]) -> dict[str, Any]:
    """What nnU-Net's `find_best_configuration` answers; what it prints is in a log of its own."""
    among = []
    for model in models:
        trainer, plans, configuration = model.folder.name.split("__")
        among.append({"trainer": trainer, "plans": plans, "configuration": configuration})
    log = workspace.results_dataset / "bmseg_ensemble.log"
    with (
        nnunet_environment(workspace, models[0].training.profile.device, workers=1),
        logged(log, "choice of an ensemble"),
        threads_for_processes(),
    ):
        from nnunetv2.evaluation.find_best_configuration import find_best_configuration

        say("nnU-Net chooses among the methods and their pairs")
        found: dict[str, Any] = find_best_configuration(
            workspace.dataset_folder, among, num_processes=min(8, usable_cores()), folds=models[0].folds
        )
    return found


def _folders(name: str) -> list[str]:
    """nnU-Net's folders of what it calls a model or a pair."""
    return name.split(_JOINED)[1:3] if name.startswith(f"ensemble{_JOINED}") else [name]


def _check_free(folder: Path, name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError as error:
        raise InputError(f"name: {in_one_line(error)}") from None
    if method_and_variant(name)[0] in methods():
        raise InputError(f"name: found {name}, as a method is called, expected another")
    made = read_record(folder / MADE_FROM).get("model") or {}
    if any(folder.glob("[!.]*.nii.gz")) and "members" not in made:
        raise InputError(
            f"{folder}: found other masks, expected none or an earlier ensemble's; give another name"
        )
