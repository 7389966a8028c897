"""Exams preprocessed for nnU-Net, made whole or not at all, and checked before they are trusted."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.methods.variants import Masks
from bmseg.nnunet.environment import say
from bmseg.nnunet.teachers import check_preprocessed, has_several, preprocess_masks, teaching_hash
from bmseg.nnunet.training import configuration_of, training_hash
from bmseg.outputs.provenance import read_record, value_hash, versions, write_record
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path


def preprocess(
    workspace: Workspace,
    plans: dict[str, Any],
    name: str,
    dataset_json: dict[str, Any],
    exams: dict[str, dict[str, Any]],
    raw: str,
) -> None:
    """Preprocess the training exams, of hash `raw`, for a configuration of the plans.

    They are made beside their place, then put there.
    """
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    configuration = manager.get_configuration(name)
    folder = workspace.preprocessed_dataset / configuration.data_identifier
    wanted = _preprocessing_inputs(plans, configuration.configuration, raw)
    record = read_record(_record_of(folder))
    if record.get("made_from") != wanted or record.get("files") != _sizes(folder):
        _preprocess_exams(workspace, folder, manager, configuration, dataset_json, exams, wanted)
    else:
        say(f"preprocessing: kept for {name}, exams and plans are the same")
    preprocess_masks(workspace, manager, configuration, dataset_json, wanted["plans"])


def _preprocess_exams(
    workspace: Workspace,
    folder: Path,
    manager: Any,
    configuration: Any,
    dataset_json: dict[str, Any],
    exams: dict[str, dict[str, Any]],
    wanted: dict[str, str],
) -> None:
    """nnU-Net's own preprocessed exams, and the masks that it scores its validation against."""
    unfinished = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    preprocessor = configuration.preprocessor_class(verbose=False)
    for exam, files in tqdm(exams.items(), desc="preprocessing", unit="exam", disable=None):
        preprocessor.run_case_save(
            str(unfinished / exam), files["images"], files["label"], manager, configuration, dataset_json
        )
    _record_of(folder).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    unfinished.replace(folder)
    masks = workspace.preprocessed_dataset / "gt_segmentations"
    shutil.rmtree(masks, ignore_errors=True)
    for files in exams.values():
        with atomic_path(masks / Path(files["label"]).name) as temporary:
            shutil.copyfile(files["label"], temporary)
    write_record(_record_of(folder), {"made_from": wanted, "files": _sizes(folder), "versions": versions()})


def _preprocessing_inputs(
    plans: Mapping[str, Any], configuration: Mapping[str, Any], raw: str
) -> dict[str, str]:
    """What preprocessed exams depend on: not the network, its patch or its batch."""
    parts = {
        name: value
        for name, value in configuration.items()
        if name in ("data_identifier", "preprocessor_name", "spacing", "use_mask_for_norm")
        or name.startswith(("normalization", "resampling"))
    }
    shared = ("transpose_forward", "image_reader_writer", "foreground_intensity_properties_per_channel")
    return {"training_exams": raw, "plans": value_hash([parts, {name: plans[name] for name in shared}])}


def _record_of(folder: Path) -> Path:
    # Beside the folder: nnU-Net takes the endings of the files inside for the format of the exams.
    return folder.with_name(f"bmseg_{folder.name}.json")


def _sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in sorted(folder.glob("*"))}


def preprocessing_hash(
    workspace: Workspace, plans: Mapping[str, Any], configuration: str, raw: str = ""
) -> str:
    """What exams of a configuration, preprocessed now, would be made from.

    `raw` is `training_hash` of the workspace, where it is known already.
    """
    wanted = configuration_of(plans, configuration)
    return value_hash(_preprocessing_inputs(plans, wanted, raw or training_hash(workspace)))


def preprocessed_hash(
    workspace: Workspace, plans: Mapping[str, Any], configuration: str, raw: str = ""
) -> str:
    """What the preprocessed exams of a configuration were made from, after a check that all are there.

    `raw` is `training_hash` of the workspace, where it is known already.

    InputError when they are not there, incomplete, or made from other exams than the raw data set's.
    """
    wanted = configuration_of(plans, configuration)
    folder = workspace.preprocessed_dataset / wanted["data_identifier"]
    record = read_record(_record_of(folder))
    if not record or record["files"] != _sizes(folder):
        raise InputError(
            f"{folder}: found no complete set of preprocessed exams, expected one; plan first "
            f"('{command('plan', workspace=workspace.root)}')"
        )
    if value_hash(record["made_from"]) != preprocessing_hash(workspace, plans, configuration, raw):
        raise InputError(
            f"{folder}: found exams preprocessed from another data set or plan, expected the present one; "
            f"plan again ('{command('plan', workspace=workspace.root)}')"
        )
    return value_hash(record["made_from"])


def masks_hash(
    workspace: Workspace, plans: Mapping[str, Any], configuration: str, masks: Masks, *, preprocessed: bool
) -> str:
    """What masks that teach beside nnU-Net's own are; "" where the training reader's do.

    InputError when there are none such, or, with `preprocessed`, they are not preprocessed as they are now.
    """
    found = teaching_hash(workspace, masks)
    if found and preprocessed:
        check_masks(workspace, plans, configuration)
    return found


def check_masks(workspace: Workspace, plans: Mapping[str, Any], configuration: str) -> None:
    """Refuse (InputError) readers' masks that are not preprocessed, or as they were before."""
    if has_several(workspace):
        wanted = configuration_of(plans, configuration)
        folder = workspace.preprocessed_dataset / wanted["data_identifier"]
        check_preprocessed(workspace, folder, _preprocessing_inputs(plans, wanted, "")["plans"])
