"""Trained models in a workspace: which folds are finished, and everything that decides what they become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.methods.variants import SEED, variant_of_word
from bmseg.nnunet.plan import plans_of
from bmseg.nnunet.preprocess import masks_hash, preprocessed_hash, preprocessing_hash
from bmseg.nnunet.training import SCHEDULE, Fold, Training, configuration_of, exams_of_fold, raw_dataset_json
from bmseg.outputs.provenance import file_hash, read_record, value_hash
from bmseg.wording import command
from bmseg.workspace import Workspace

FINAL = "checkpoint_final.pth"
LATEST = "checkpoint_latest.pth"

#: Beside the checkpoints: what they are trained from, how far, and what the finished training took.
INPUTS = "bmseg_inputs.json"
PROGRESS = "bmseg_progress.json"
RECORD = "bmseg_training.json"

#: Among the inputs of a training, of one that others than the training reader taught.
TEACHING = "readers' masks"


@dataclass(frozen=True)
class TrainedModel:
    """A model whose folds are trained to the end and predict together; `folder` is nnU-Net's."""

    training: Training
    folder: Path
    folds: tuple[Fold, ...]

    def checkpoints(self) -> dict[str, str]:
        """Fold to the SHA-256 of its checkpoint, as `trained_model` has checked it against the record."""
        return recorded_checkpoints(self.folder, self.folds)

    def taught_by(self) -> list[str]:
        """The readers whose masks taught it, where these are others than the training reader alone."""
        records = [read_record(self.folder / f"fold_{fold}" / RECORD) for fold in self.folds]
        return list(dict.fromkeys(reader for record in records for reader in record.get("taught_by", [])))


def recorded_checkpoints(folder: Path, folds: Sequence[Fold]) -> dict[str, str]:
    """Fold to the SHA-256 of its checkpoint, of those whose training has left a record."""
    records = {str(fold): read_record(folder / f"fold_{fold}" / RECORD) for fold in folds}
    return {fold: record["checkpoint_sha256"] for fold, record in records.items() if record}


def is_finished(folder: Path) -> bool:
    """Whether the training in a fold's folder was finished; InputError when its checkpoint was replaced."""
    record = read_record(folder / RECORD)
    final = folder / FINAL
    if not record or not final.is_file():
        return False
    if record.get("checkpoint_sha256") != file_hash(final):
        raise InputError(
            f"{final}: found another checkpoint than the recorded training ended with, expected the same; "
            "--restart trains anew"
        )
    return True


def check_inputs(folder: Path, inputs: dict[str, Any]) -> None:
    """Refuse to trust a fold that was trained from other `training_inputs`, or has none on record."""
    if not any((folder / name).is_file() for name in (FINAL, LATEST)):
        return
    before = read_record(folder / INPUTS).get("inputs")
    if before is None:
        raise InputError(
            f"{folder}: found a training that bmseg did not start, expected none; predict with it by "
            "nnU-Net's own command, or --restart deletes it and trains anew"
        )
    # Of the training reader's masks nothing is said; nothing at all where what is there now is not known.
    names = dict.fromkeys([*inputs, *(name for name in [TEACHING] if inputs and name in before)])
    differ = [name for name in names if before.get(name) != inputs.get(name)]
    if differ:
        found = ", ".join(_difference(name, before.get(name), inputs.get(name)) for name in differ)
        raise InputError(f"{folder}: found a training from other inputs ({found}); --restart trains anew")


def trained_model(
    workspace: Workspace, training: Training, folds: Sequence[Fold] | None = None
) -> TrainedModel:
    """The model of a method under a profile; where several schedules were trained, the newest.

    By default with every fold that was begun, or "all" where there is no other. InputError when there is no
    trained model, or a fold is missing or not finished.
    """
    folders = dict.fromkeys(way.model_folder(workspace) for way in training.ways)
    found = {path: folder for folder in folders for path in folder.glob(f"fold_*/{FINAL}")}
    wanted = ", ".join(str(fold) for fold in folds) if folds else "one at least"
    profile = training.profile.name
    train = ["train", training.name, *([] if profile == "quick" else ["--profile", profile])]
    if not found:
        begun = any(any(folder.glob(f"fold_*/{LATEST}")) for folder in folders)
        state = "a training that was stopped" if begun else "no trained model"
        advice = "train again to finish it" if begun else "train first"
        raise InputError(
            f"{training.model_folder(workspace)}: found {state}, expected a finished fold ({wanted}); "
            f"{advice} ('{command(*train, workspace=workspace.root)}')"
        )
    folder = found[max(found, key=lambda path: path.stat().st_mtime)]
    chosen = tuple(folds or _begun(folder))
    unfinished = [fold for fold in chosen if not is_finished(folder / f"fold_{fold}")]
    if unfinished:
        names = [str(fold) for fold in unfinished]
        finish = command(*train, "--folds", ",".join(names), workspace=workspace.root)
        raise InputError(
            f"{folder}: fold {', '.join(names)}: found no finished training, expected one; finish it "
            f"('{finish}') or name the folds to predict with (--folds)"
        )
    return TrainedModel(training, folder, chosen)


def _begun(folder: Path) -> list[Fold]:
    names = [path.name.removeprefix("fold_") for path in folder.glob("fold_*") if path.is_dir()]
    return sorted(int(name) for name in names if name.isdecimal()) or ["all"]


def _difference(name: str, before: Any, now: Any) -> str:
    is_hash = isinstance(before, str) and len(before) == 64
    return f"{name} changed" if is_hash else f"{name} {before}, now {now}"


def trained_seeds(workspace: Workspace, training: Training, n: int | None = None) -> list[Training]:
    """The usual network of a method and those of its other seeds, of which some fold is trained to the end.

    The usual one first, then by seed; the first `n` of them. InputError when there are fewer than `n`.
    """
    training = training.in_study(workspace)
    variants = filter(None, map(variant_of_word, workspace.variants()))
    seeds = (one.seed for one in variants if one.masks == training.masks and one.seed is not None)
    networks = [training, *(replace(training, seed=seed) for seed in sorted(seeds))]
    found = [
        each
        for each in networks
        if any(any(way.model_folder(workspace).glob(f"fold_*/{FINAL}")) for way in each.ways)
    ]
    if n is not None and len(found) < n:
        names = ", ".join(each.name for each in found) or "none"
        more = command("train", training.name, "--seeds", n, workspace=workspace.root)
        raise InputError(f"seeds: found {names} trained, expected {n} networks; train them ('{more}')")
    return found[:n] or [training]


def seed_of(workspace: Workspace, training: Training, fold: Fold, given: int | None = None) -> int:
    """The seed with which a network is trained: its own, or the given one, or the usual one.

    InputError when another is given than its own, or its own is that of the method's usual network: the two
    would be one.
    """
    if training.seed is None:
        return SEED if given is None else given
    if given not in (None, training.seed):
        raise InputError(f"seed: {training.name}: found {given}, expected {training.seed} or none")
    usual = replace(training.in_study(workspace), seed=None)
    for folder in dict.fromkeys(way.fold_folder(workspace, fold) for way in usual.ways):
        if (read_record(folder / INPUTS).get("inputs") or {}).get("seed") == training.seed:
            raise InputError(
                f"seed: {training.name}: found the seed of {usual.name} ({folder}), expected another: two "
                "networks of one seed are the same network"
            )
    return training.seed


def training_inputs(
    workspace: Workspace, training: Training, fold: Fold, *, seed: int, deterministic: bool
) -> dict[str, Any]:
    """What a fold would be trained from now: hashes and values by name.

    InputError when data set, plans, preprocessed exams or fold are not there, or determinism is asked of a
    GPU.
    """
    check_deterministic(training, deterministic)
    training = training.in_study(workspace)
    raw_dataset_json(workspace)
    plans = plans_of(workspace)
    if training.configuration not in plans["configurations"]:
        raise InputError(
            f"plans: found no configuration '{training.configuration}', expected the one of method "
            f"{training.name} under --profile {training.profile.name}; plan with this profile "
            f"('{command('plan', '--profile', training.profile.name, workspace=workspace.root)}')"
        )
    return {
        **_from_plans(workspace, plans, training, fold),
        "preprocessed exams": preprocessed_hash(workspace, plans, training.configuration),
        **_teaching(workspace, plans, training, preprocessed=True),
        "trainer": training.trainer,
        **training.schedule,
        "seed": seed,
        "deterministic": deterministic,
    }


def data_inputs(workspace: Workspace, training: Training, fold: Fold, raw: str = "") -> dict[str, Any]:
    """The part of `training_inputs` that comes from data set and plans; preprocessed exams may be gone.

    `raw` is of `bmseg.nnunet.preprocess.preprocessing_hash`.
    """
    plans, training = plans_of(workspace), training.in_study(workspace)
    return {
        **_from_plans(workspace, plans, training, fold),
        "preprocessed exams": preprocessing_hash(workspace, plans, training.configuration, raw),
        **_teaching(workspace, plans, training, preprocessed=False),
    }


def _teaching(
    workspace: Workspace, plans: dict[str, Any], training: Training, *, preprocessed: bool
) -> dict[str, str]:
    """What masks other than the training reader's teach; nothing where these do."""
    found = masks_hash(workspace, plans, training.configuration, training.taught, preprocessed=preprocessed)
    return {TEACHING: found} if found else {}


def is_trained(folder: Path, training: Training, inputs: dict[str, Any]) -> bool:
    """Whether a fold is trained from given inputs, and validated where the profile says so.

    `inputs` are those of `training_inputs`; InputError when the fold holds a training from others.
    """
    check_inputs(folder, inputs)
    finished = is_finished(folder)
    if not (finished and training.profile.validate):
        return finished
    validated = read_record(folder / RECORD).get("validated")
    return bool(validated) and (folder / "validation" / "summary.json").is_file()


def check_deterministic(training: Training, deterministic: bool) -> None:
    """Refuse determinism under the profile of a GPU."""
    if deterministic and training.profile.device != "cpu":
        raise InputError(
            f"deterministic: found profile {training.profile.name} (a GPU), expected one that trains on the "
            "CPU"
        )


def _from_plans(
    workspace: Workspace, plans: dict[str, Any], training: Training, fold: Fold
) -> dict[str, Any]:
    shared = {name: value for name, value in plans.items() if name != "configurations"}
    configuration = configuration_of(plans, training.configuration)
    configuration.pop(SCHEDULE, None)
    folder = workspace.preprocessed_dataset
    return {
        "plans": value_hash([shared, configuration]),
        "dataset.json": file_hash(folder / "dataset.json"),
        "exams of the fold": value_hash(exams_of_fold(folder / "splits_final.json", fold)),
    }
