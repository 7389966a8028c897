"""Fingerprint, plans and preprocessing, in this process and safe to interrupt.

nnU-Net's commands do the same through pools of processes whose start takes longer than the work on a
small machine. What is written here is what they write; they may be used before or after. Preprocessed exams
are made whole or not at all, and checked before they are trusted.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.methods import Method, methods
from bmseg.methods.profiles import Profile
from bmseg.nnunet.environment import logged, nnunet_environment, say
from bmseg.nnunet.teachers import check_preprocessed, preprocess_masks, teaching_hash
from bmseg.nnunet.training import (
    PLANS,
    SCHEDULE,
    Training,
    configuration_of,
    raw_dataset_json,
    training_hash,
    visible_files,
)
from bmseg.outputs import locked
from bmseg.outputs.provenance import read_record, value_hash, versions, write_record
from bmseg.study.rules import Masks
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.files import atomic_path, write_if_changed

#: What the fingerprint was made from.
FINGERPRINT = "bmseg_fingerprint.json"

#: nnU-Net samples 1e8 voxels, 2.4 GB; only CT normalisation uses them, and 1e5 serve it as well.
FINGERPRINT_VOXELS = 100_000


def plan(workspace: Workspace, profile: Profile, planned: Iterable[Method] | None = None) -> None:
    """Fingerprint the training exams, plan nnU-Net's experiment and preprocess it.

    Each piece that is already there, made from the same exams, is kept. Methods with a configuration of
    their own (`bmseg.methods`), by default all known ones, get it from nnU-Net's ``2d``.

    Raises
    ------
    InputError
        When there is no finished data set, an image or mask is missing, or no mask holds a level.
    WorkError
        When nnU-Net fails.
    """
    folder = workspace.preprocessed_dataset
    _training_files(workspace, raw_dataset_json(workspace))
    # Nobody converts other exams meanwhile: what is planned from is what is on record.
    with locked(folder / ".lock", f"plans in {workspace.root}"), workspace.data_held():
        dataset_json = raw_dataset_json(workspace)
        exams = _training_files(workspace, dataset_json)
        with (
            nnunet_environment(workspace, profile.device, workers=1),
            logged(folder / "bmseg_plan.log", "plan"),
        ):
            _plan(workspace, profile, planned, dataset_json, exams)


def _plan(
    workspace: Workspace,
    profile: Profile,
    planned: Iterable[Method] | None,
    dataset_json: dict[str, Any],
    exams: dict[str, dict[str, Any]],
) -> None:
    folder, raw = workspace.preprocessed_dataset, training_hash(workspace)
    record = folder / FINGERPRINT
    wanted = {"training_exams": raw, "voxels": FINGERPRINT_VOXELS}
    if read_record(record) == wanted and (folder / "dataset_fingerprint.json").is_file():
        say("fingerprint: kept, the training exams are the same")
    else:
        _fingerprint(folder, dataset_json, exams)
        write_record(record, wanted)
    plans = _plans(workspace, profile, methods().values() if planned is None else planned)
    _preprocess(workspace, plans, dataset_json, exams, raw)


def plans_of(workspace: Workspace) -> dict[str, Any]:
    """nnU-Net's plans of the data set; InputError when it was not planned."""
    path = workspace.preprocessed_dataset / f"{PLANS}.json"
    plans = read_record(path)
    if "configurations" not in plans:
        first = command("plan", workspace=workspace.root)
        raise InputError(f"{path}: found no plans, expected nnU-Net's; plan first ('{first}')")
    return plans


def _training_files(workspace: Workspace, dataset_json: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """nnU-Net's own mapping: exam to ``images`` and ``label``, as strings."""
    raw, ending = workspace.raw_dataset, dataset_json["file_ending"]
    channels = [int(number) for number in dataset_json["channel_names"]]
    exams: dict[str, dict[str, Any]] = {}
    for label in visible_files(raw / "labelsTr", ending):
        exam = label.name.removesuffix(ending)
        images = [raw / "imagesTr" / f"{exam}_{number:04d}{ending}" for number in channels]
        if missing := [image for image in images if not image.is_file()]:
            raise InputError(f"{missing[0]}: no such file, expected an image beside {label}; convert again")
        exams[exam] = {"images": [str(image) for image in images], "label": str(label)}
    if len(exams) != dataset_json.get("numTraining"):
        raise InputError(
            f"{raw / 'labelsTr'}: found {len(exams)} masks, expected numTraining = "
            f"{dataset_json.get('numTraining')} of dataset.json; convert again"
        )
    return exams


def _fingerprint(folder: Path, dataset_json: dict[str, Any], exams: dict[str, dict[str, Any]]) -> None:
    """Write what nnU-Net's DatasetFingerprintExtractor writes, from fewer voxels and without a pool."""
    from nnunetv2.experiment_planning.dataset_fingerprint.fingerprint_extractor import (
        DatasetFingerprintExtractor,
    )
    from nnunetv2.imageio.reader_writer_registry import determine_reader_writer_from_dataset_json

    samples = max(1, FINGERPRINT_VOXELS // len(exams))
    first = next(iter(exams.values()))
    reader = determine_reader_writer_from_dataset_json(dataset_json, first["images"][0])
    cases = [
        DatasetFingerprintExtractor.analyze_case(files["images"], files["label"], reader, samples)
        for files in tqdm(exams.values(), desc="fingerprint", unit="exam", disable=None)
    ]
    shapes, spacings, intensities, _, relative_sizes = zip(*cases, strict=True)
    statistics = {}
    for channel in range(len(intensities[0])):
        values = np.concatenate([one[channel] for one in intensities])
        if not values.size:
            raise InputError(
                f"{Path(first['label']).parent}: found no voxel with a level in any "
                "training mask, expected some; check --map-label and the training reader"
            )
        low, median, high = np.percentile(values, (0.5, 50.0, 99.5))
        found = {
            "mean": values.mean(), "median": median, "std": values.std(), "min": values.min(),
            "max": values.max(), "percentile_99_5": high, "percentile_00_5": low,
        }  # fmt: skip
        statistics[str(channel)] = {name: float(value) for name, value in found.items()}
    write_record(
        folder / "dataset_fingerprint.json",
        {
            "spacings": [[float(size) for size in spacing] for spacing in spacings],
            "shapes_after_crop": [[int(size) for size in shape] for shape in shapes],
            "foreground_intensity_properties_per_channel": statistics,
            "median_relative_size_after_cropping": float(np.median(relative_sizes)),
        },
    )


def _plans(workspace: Workspace, profile: Profile, planned: Iterable[Method]) -> dict[str, Any]:
    """Plan with nnU-Net's default planner, add the methods' own configurations, write atomically."""
    path = workspace.preprocessed_dataset / f"{PLANS}.json"
    before = read_record(path).get("configurations", {})
    plans = _planned_by("ExperimentPlanner", workspace)
    plans["configurations"] = {**before, **plans["configurations"]}
    for method in planned:
        recipe = method.recipes.get(profile.name)
        if recipe is None:
            continue
        if recipe.planner is not None:
            theirs = _planned_by(recipe.planner, workspace)["configurations"]["2d"]
            own = {name: theirs[name] for name in ("batch_size", "patch_size", "architecture")}
            plans["configurations"][recipe.configuration] = {"inherits_from": "2d", **own}
        elif recipe.configure is not None:
            own = recipe.configure(plans["configurations"]["2d"])
            own[SCHEDULE] = Training(method, profile).schedule
            plans["configurations"][recipe.configuration] = own
    write_if_changed(path, json.dumps(plans, indent=4) + "\n")
    return plans


def _planned_by(name: str, workspace: Workspace) -> dict[str, Any]:
    """The plans of one of nnU-Net's planners; nothing is written."""
    import nnunetv2
    from nnunetv2.utilities.find_class_by_name import recursive_find_python_class
    from nnunetv2.utilities.json_export import recursive_fix_for_json_export

    room = "nnunetv2.experiment_planning"
    planner_class = recursive_find_python_class(
        str(Path(nnunetv2.__path__[0]) / "experiment_planning"), name, room
    )
    if planner_class is None:
        raise InputError(f"planner: found '{name}', expected one of nnU-Net's experiment planners")
    # The planner copies the folds only where there are none, and else insists that they are equal.
    (workspace.preprocessed_dataset / "splits_final.json").unlink(missing_ok=True)
    planner = planner_class(workspace.dataset_folder)
    # Kept in memory: nnU-Net would write a file that a kill can cut short.
    planner.save_plans = lambda plans: None  # noqa: ARG005
    plans: dict[str, Any] = planner.plan_experiment()
    recursive_fix_for_json_export(plans)
    return plans


def _preprocess(
    workspace: Workspace,
    plans: dict[str, Any],
    dataset_json: dict[str, Any],
    exams: dict[str, dict[str, Any]],
    raw: str,
) -> None:
    """Preprocess the training exams, of hash `raw`, for ``2d`` beside their place, then put them there."""
    from nnunetv2.utilities.plans_handling.plans_handler import PlansManager

    manager = PlansManager(plans)
    configuration = manager.get_configuration("2d")
    folder = workspace.preprocessed_dataset / configuration.data_identifier
    wanted = _preprocessing_inputs(plans, configuration.configuration, raw)
    record = read_record(_record_of(folder))
    if record.get("made_from") != wanted or record.get("files") != _sizes(folder):
        _preprocess_exams(workspace, folder, manager, configuration, dataset_json, exams, wanted)
    else:
        say("preprocessing: kept, exams and plans are the same")
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
        wanted = configuration_of(plans, configuration)
        folder = workspace.preprocessed_dataset / wanted["data_identifier"]
        check_preprocessed(workspace, folder, _preprocessing_inputs(plans, wanted, "")["plans"])
    return found
