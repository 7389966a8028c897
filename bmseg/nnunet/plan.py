"""Fingerprint, plans and preprocessing, in this process and safe to interrupt.

nnU-Net's commands do the same through pools of processes whose start takes longer than the work on a
small machine. What is written here is what they write; they may be used before or after. Preprocessed exams
are made whole or not at all, and checked before they are trusted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from bmseg.errors import InputError
from bmseg.methods import Method, methods
from bmseg.methods.profiles import Profile
from bmseg.nnunet.environment import logged, nnunet_environment, say, threads_for_processes
from bmseg.nnunet.preprocess import preprocess
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
from bmseg.outputs.provenance import read_record, write_record
from bmseg.wording import command
from bmseg.workspace import Workspace
from dataset_conversion.files import write_if_changed
from evaluation.statistics.words import plural

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
    known = [*methods().values()] if planned is None else [*planned]
    recipes = [method.recipes[profile.name] for method in known if profile.name in method.recipes]
    plans = _plans(workspace, profile, known)
    # Most configurations share what is preprocessed for nnU-Net's own.
    names = ["2d", *(recipe.configuration for recipe in recipes)]
    by_folder = {configuration_of(plans, name)["data_identifier"]: name for name in reversed(names)}
    for name in by_folder.values():
        preprocess(workspace, plans, name, dataset_json, exams, raw)


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
            f"{raw / 'labelsTr'}: found {plural(len(exams), 'mask')}, expected numTraining = "
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
    with threads_for_processes():  # it lists the files by twelve
        planner = planner_class(workspace.dataset_folder)
    # Kept in memory: nnU-Net would write a file that a kill can cut short.
    planner.save_plans = lambda plans: None  # noqa: ARG005
    plans: dict[str, Any] = planner.plan_experiment()
    recursive_fix_for_json_export(plans)
    return plans
