"""Train nnU-Net; a training that was stopped goes on from its last checkpoint."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.nnunet.environment import all_cores, check_device, logged, nnunet_environment, say
from bmseg.nnunet.inputs import configuration_of, raw_dataset_json
from bmseg.nnunet.models import FINAL, LATEST, Fold, fold_folder
from bmseg.nnunet.plan import plans_of, schedule_of
from bmseg.nnunet.preprocess import preprocessed_hash
from bmseg.profiles import Profile
from bmseg.provenance import file_hash, value_hash, versions
from bmseg.records import read_record, write_record
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path

#: Beside the checkpoints: what they were trained from.
INPUTS = "bmseg_inputs.json"
_LINES_OFF_TERMINAL = 10


def train(
    workspace: Workspace,
    profile: Profile,
    *,
    fold: Fold = 0,
    epochs: int | None = None,
    iterations: int | None = None,
    seed: int,
    restart: bool = False,
) -> None:
    """Train one fold, or go on with it when an earlier call was stopped.

    Parameters
    ----------
    workspace : Workspace
        Planned and preprocessed.
    profile : Profile
    fold : int or "all"
        A fold of splits_final.json; "all" trains on every training exam.
    epochs, iterations : int or None
        Instead of the profile's own epochs, and steps in each. The profile ``full`` then trains by
        ``nnUNetTrainerScheduled`` in place of nnU-Net's own ``nnUNetTrainer``, and its folder says so.
    seed : int
    restart : bool
        Delete what an earlier training of this fold left and start anew.

    Raises
    ------
    InputError
        When data set, plans, fold or device are not there, or the fold holds a training from other
        inputs.
    WorkError
        When nnU-Net fails.
    """
    given = _with_schedule(profile, epochs, iterations)
    trainer_name = given.trainer
    raw_dataset_json(workspace)
    plans = plans_of(workspace)
    if given.configuration not in plans["configurations"]:
        raise InputError(
            f"plans: found no configuration '{given.configuration}', expected the one of --profile "
            f"{given.name}; plan with this profile ('bmseg plan')"
        )
    folder = fold_folder(workspace, given, trainer_name, fold)
    inputs = _inputs(workspace, given, plans, fold, seed)
    if not restart:
        _check_inputs(folder, inputs)
        if (folder / FINAL).is_file() and not _validation_missing(folder, given):
            say(f"training: fold {fold} is already trained from the same inputs; --restart trains it anew")
            return
    with nnunet_environment(workspace, given.device, workers=0 if given.device == "cpu" else None):
        device = check_device(given)
        if restart and folder.is_dir():
            shutil.rmtree(folder)
            say(f"training: the earlier one of fold {fold} was deleted")
        write_record(folder / INPUTS, {"inputs": inputs, "versions": versions()})
        with logged(folder / "bmseg_train.log", "training"), all_cores(device):
            _run(workspace, given, plans, fold, seed, device)


def _with_schedule(profile: Profile, epochs: int | None, iterations: int | None) -> Profile:
    for name, value in (("epochs", epochs), ("iterations", iterations)):
        if value is not None and value < 1:
            raise InputError(f"{name}: found {value}, expected at least 1")
    if epochs is None and iterations is None:
        return profile
    return replace(
        profile,
        trainer=profile.trainer_with_schedule,
        epochs=epochs or profile.epochs,
        iterations=iterations or profile.iterations,
    )


def _inputs(
    workspace: Workspace, profile: Profile, plans: dict[str, Any], fold: Fold, seed: int
) -> dict[str, Any]:
    """Everything that decides what the network becomes."""
    splits = workspace.preprocessed_dataset / "splits_final.json"
    shared = {name: value for name, value in plans.items() if name != "configurations"}
    configuration = configuration_of(plans, profile.configuration)
    configuration.pop("bmseg", None)
    return {
        "plans": value_hash([shared, configuration]),
        "dataset.json": file_hash(workspace.preprocessed_dataset / "dataset.json"),
        "exams of the fold": value_hash(_exams_of(splits, fold)),
        "preprocessed exams": preprocessed_hash(workspace, plans, profile.configuration),
        "trainer": profile.trainer,
        **schedule_of(profile),
        "seed": seed,
    }


def _exams_of(splits: Path, fold: Fold) -> Any:
    if fold == "all":
        return "all"
    try:
        folds = json.loads(splits.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise InputError(f"{splits}: cannot be read, expected nnU-Net's folds; plan again") from None
    # nnU-Net itself takes a random split for a fold that does not exist.
    if not 0 <= fold < len(folds):
        raise InputError(f"fold: found {fold}, expected 0 to {len(folds) - 1} or 'all' ({splits})")
    return folds[fold]


def _check_inputs(folder: Path, inputs: dict[str, Any]) -> None:
    """Refuse to go on with, or to call finished, a training from other inputs."""
    if not any((folder / name).is_file() for name in (FINAL, LATEST)):
        return
    before = read_record(folder / INPUTS).get("inputs")
    if before is None:
        raise InputError(
            f"{folder}: found a training that bmseg did not start, expected none; predict with it, or "
            "--restart deletes it and trains anew"
        )
    differ = [name for name in {**before, **inputs} if before.get(name) != inputs.get(name)]
    if differ:
        found = ", ".join(_difference(name, before.get(name), inputs.get(name)) for name in differ)
        raise InputError(f"{folder}: found a training from other inputs ({found}); --restart trains anew")


def _difference(name: str, before: Any, now: Any) -> str:
    if isinstance(before, str) and len(before) == 64:
        return f"{name} changed"
    return f"{name} {before}, now {now}"


def _validation_missing(folder: Path, profile: Profile) -> bool:
    return profile.validate and not (folder / "validation" / "summary.json").is_file()


def _run(
    workspace: Workspace, profile: Profile, plans: dict[str, Any], fold: Fold, seed: int, device: Any
) -> None:
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    from bmseg.trainers.scheduled import SCHEDULE, seed_everything

    folder = fold_folder(workspace, profile, profile.trainer, fold)
    checkpoint = next((folder / name for name in (FINAL, LATEST) if (folder / name).is_file()), None)
    plans = copy.deepcopy(plans)
    if profile.trainer != "nnUNetTrainer":
        plans["configurations"][profile.configuration][SCHEDULE] = {**schedule_of(profile), "seed": seed}
    dataset_json = read_record(workspace.preprocessed_dataset / "dataset.json")
    trainer_class = recursive_find_trainer_class_by_name(profile.trainer)
    trainer = trainer_class(
        plans={**plans, "continue_training": checkpoint is not None},
        configuration=profile.configuration,
        fold=fold,
        dataset_json=dataset_json,
        device=device,
    )
    seed_everything(seed)
    if profile.trainer == "nnUNetTrainer":
        _write_checkpoints_whole(trainer)
    if checkpoint is not None:
        trainer.load_checkpoint(str(checkpoint))
    if checkpoint is None or checkpoint.name == LATEST:
        if checkpoint is not None:
            say(f"training: goes on after epoch {trainer.current_epoch} of {trainer.num_epochs}")
        with _progress(trainer):
            trainer.run_training()
    if profile.validate:
        # nnU-Net scores whatever lies there, predictions of exams that no longer exist included.
        shutil.rmtree(folder / "validation", ignore_errors=True)
        say(f"validation: predicting the validation exams of fold {fold}")
        trainer.perform_actual_validation()


def _write_checkpoints_whole(trainer: Any) -> None:
    """Let nnU-Net's own trainer move each checkpoint into place when it is complete, as bmseg's do."""
    save = trainer.save_checkpoint

    def save_checkpoint(filename: str) -> None:
        with atomic_path(Path(filename)) as temporary:
            save(str(temporary))

    trainer.save_checkpoint = save_checkpoint


@contextmanager
def _progress(trainer: Any) -> Iterator[None]:
    """Show each epoch: a bar on a terminal, a line now and then elsewhere."""
    import matplotlib as mpl

    end, value = trainer.on_epoch_end, trainer.logger.get_value
    every = max(1, trainer.num_epochs // _LINES_OFF_TERMINAL)
    bar = tqdm(
        total=trainer.num_epochs, initial=trainer.current_epoch, desc="training", unit="epoch", disable=None
    )

    def on_epoch_end() -> None:
        # nnU-Net draws its figure in a style of its own and leaves it set for every later figure.
        with mpl.rc_context():
            end()
        seconds = value("epoch_end_timestamps", -1) - value("epoch_start_timestamps", -1)
        dice = " ".join(f"{one:.2f}" for one in value("dice_per_class_or_region", -1))
        facts = f"loss {value('train_losses', -1):.3f}, pseudo Dice {dice}"
        bar.set_postfix_str(facts, refresh=False)
        bar.update()
        done = trainer.current_epoch
        if bar.disable and (done % every == 0 or done == trainer.num_epochs):
            say(f"epoch {done}/{trainer.num_epochs}: {facts}, {seconds:.1f} s")

    trainer.on_epoch_end = on_epoch_end
    with bar:
        yield
