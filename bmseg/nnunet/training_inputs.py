"""Everything that decides what a network becomes, so that nothing is trusted that was made from less."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bmseg.errors import InputError
from bmseg.nnunet.inputs import configuration_of, exams_of_fold, raw_dataset_json
from bmseg.nnunet.models import RECORD, check_inputs, is_finished
from bmseg.nnunet.plan import plans_of
from bmseg.nnunet.preprocess import preprocessed_hash, preprocessing_hash
from bmseg.nnunet.training import SCHEDULE, Fold, Training
from bmseg.outputs.provenance import file_hash, value_hash
from bmseg.outputs.records import read_record
from bmseg.wording import command
from bmseg.workspace import Workspace


def training_inputs(
    workspace: Workspace, training: Training, fold: Fold, *, seed: int, deterministic: bool
) -> dict[str, Any]:
    """What a fold would be trained from now: hashes and values by name.

    Raises
    ------
    InputError
        When data set, plans, preprocessed exams or fold are not there, or determinism is asked of a GPU.
    """
    check_deterministic(training, deterministic)
    raw_dataset_json(workspace)
    plans = plans_of(workspace)
    if training.configuration not in plans["configurations"]:
        raise InputError(
            f"plans: found no configuration '{training.configuration}', expected the one of method "
            f"{training.method.name} under --profile {training.profile.name}; plan with this profile "
            f"('{command('plan', '--profile', training.profile.name, workspace=workspace.root)}')"
        )
    return {
        **_from_plans(workspace, plans, training, fold),
        "preprocessed exams": preprocessed_hash(workspace, plans, training.configuration),
        "trainer": training.trainer,
        **training.schedule,
        "seed": seed,
        "deterministic": deterministic,
    }


def data_inputs(workspace: Workspace, training: Training, fold: Fold) -> dict[str, Any]:
    """The part of `training_inputs` that comes from data set and plans; preprocessed exams may be gone."""
    plans = plans_of(workspace)
    return {
        **_from_plans(workspace, plans, training, fold),
        "preprocessed exams": preprocessing_hash(workspace, plans, training.configuration),
    }


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
            f"--deterministic: found --profile {training.profile.name} (a GPU), expected one that trains on "
            "the CPU"
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
