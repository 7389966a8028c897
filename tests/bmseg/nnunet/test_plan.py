"""Fingerprint, plans and preprocessing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmseg.errors import InputError
from bmseg.methods import get_method, methods
from bmseg.methods.profiles import FULL, QUICK
from bmseg.nnunet import plan, train
from bmseg.nnunet.preprocess import preprocessed_hash
from bmseg.nnunet.training import configuration_of
from bmseg.status.learned import plan as stage_of_plan
from bmseg.status.learned import trained_on
from bmseg.status.stage import LIMIT, Bytes, Stage
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import (
    METHOD,
    METHODS,
    PROFILE,
    SPEC,
    TRAINING,
    TRAINING_EXAMS,
    UNET,
    write_exams,
)

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def plans_in(workspace: Workspace) -> dict[str, Any]:
    return json.loads((workspace.preprocessed_dataset / "nnUNetPlans.json").read_text())


def test_without_a_data_set(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"dataset\.json: found no finished data set") as caught:
        plan(Workspace(tmp_path, SPEC.folder_name), PROFILE)
    assert "\n" not in str(caught.value)


def test_a_missing_image(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SPEC.folder_name)
    write_exams(workspace)
    (workspace.raw_dataset / "imagesTr" / "knee_0_0000.nii.gz").unlink()
    with pytest.raises(InputError, match=r"knee_0_0000\.nii\.gz: no such file"):
        plan(workspace, PROFILE, METHODS)


def test_a_missing_mask(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path, SPEC.folder_name)
    write_exams(workspace)
    (workspace.raw_dataset / "labelsTr" / "knee_0.nii.gz").unlink()
    with pytest.raises(InputError, match=r"found 5 masks, expected numTraining = 6"):
        plan(workspace, PROFILE, METHODS)


def test_the_plans_hold_nnunets_2d_and_ours(planned_once: Workspace) -> None:
    plans = plans_in(planned_once)
    small = configuration_of(plans, "2d_tiny")
    assert plans["configurations"]["2d"]["architecture"]["arch_kwargs"]["features_per_stage"][0] == 32
    assert small["architecture"]["arch_kwargs"]["features_per_stage"] == [4, 8, 16]
    assert small["batch_size"] == 2
    assert small["patch_size"] == [32, 32]
    assert small["data_identifier"] == plans["configurations"]["2d"]["data_identifier"]
    assert plans["experiment_planner_used"] == "ExperimentPlanner"


def test_each_configuration_holds_its_methods_schedule(planned_once: Workspace) -> None:
    plans = plans_in(planned_once)
    budget = {"epochs": 3, "iterations": 3, "validation_iterations": 1, "foreground": 0.66}
    assert configuration_of(plans, "2d_tiny")["bmseg"] == {**budget, "learning_rate": 3e-3}
    # The same budget; the learning rate is the trainer's own.
    assert configuration_of(plans, "2d_tiny_unet")["bmseg"] == budget


def test_residual_encoders_are_planned_by_nnunets_own_planners(planned: Workspace) -> None:
    presets = {"L": get_method("nnunet_resenc"), "M": get_method("nnunet_resenc_m")}
    plan(planned, FULL, presets.values())
    plans, found = plans_in(planned), {}
    for preset, method in presets.items():
        name = f"2d_resenc_{preset.lower()}"
        assert method.recipe("full").configuration == name
        found[preset] = configuration_of(plans, name)
        kept = found[preset]["architecture"]
        assert kept["network_class_name"].endswith(".ResidualEncoderUNet")
        stages = kept["arch_kwargs"]["n_stages"]
        assert kept["arch_kwargs"]["n_blocks_per_stage"] == [1, 3, 4, 6, 6, 6, 6][:stages]
        # What is trained on is preprocessed once for all.
        assert found[preset]["data_identifier"] == plans["configurations"]["2d"]["data_identifier"]
    assert plans["experiment_planner_used"] == "ExperimentPlanner"


def test_every_known_method_is_planned_by_default(planned: Workspace) -> None:
    plan(planned, QUICK)
    plans = plans_in(planned)
    recipes = [method.recipes.get("quick") for method in methods().values()]
    for recipe in filter(None, recipes):
        assert plans["configurations"][recipe.configuration]["bmseg"]["epochs"] == QUICK.epochs
    # Slices of 36 x 40 leave room for four resolutions of the five.
    unet = configuration_of(plans, "2d_unet_quick")["architecture"]
    assert unet["network_class_name"] == "bmseg.networks.unet.UNet"
    assert unet["arch_kwargs"]["features_per_stage"] == [16, 32, 64, 128]


def test_the_fingerprint_is_nnunets(planned_once: Workspace) -> None:
    from nnunetv2.imageio.simpleitk_reader_writer import SimpleITKIO

    found = json.loads((planned_once.preprocessed_dataset / "dataset_fingerprint.json").read_text())
    raw = planned_once.raw_dataset
    images = sorted((raw / "imagesTr").glob("*.nii.gz"))
    labels = sorted((raw / "labelsTr").glob("*.nii.gz"))
    foreground = []
    for place, (image, label) in enumerate(zip(images, labels, strict=True)):
        pixels, properties = SimpleITKIO().read_images([str(image)])
        mask, _ = SimpleITKIO().read_seg(str(label))
        assert found["shapes_after_crop"][place] == list(pixels.shape[1:]) == [5, 36, 40]
        assert found["spacings"][place] == pytest.approx(properties["spacing"]) == [3.5, 0.9, 0.9]
        foreground.append(pixels[0][mask[0] > 0])
    statistics = found["foreground_intensity_properties_per_channel"]["0"]
    assert statistics["mean"] == pytest.approx(np.mean([one.mean() for one in foreground]), rel=0.01)


def test_planning_again_keeps_everything(planned: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    folder = planned.preprocessed_dataset
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.[bj]*") if path.is_file()}
    plan(planned, PROFILE, METHODS)
    after = {path: path.stat().st_mtime_ns for path in before}
    copied_by_nnunet = {folder / "dataset.json", folder / "splits_final.json"}
    assert {path for path in before if before[path] != after[path]} <= copied_by_nnunet
    shown = capsys.readouterr().err
    assert "fingerprint: kept" in shown
    assert "preprocessing: kept" in shown


def test_plans_keep_configurations_of_others(planned: Workspace) -> None:
    path = planned.preprocessed_dataset / "nnUNetPlans.json"
    plans = plans_in(planned)
    plans["configurations"]["2d_mine"] = {"inherits_from": "2d", "batch_size": 3}
    path.write_text(json.dumps(plans))
    plan(planned, PROFILE, [METHOD])
    assert plans_in(planned)["configurations"]["2d_mine"]["batch_size"] == 3
    assert UNET.recipe("quick").configuration in plans_in(planned)["configurations"]


def test_preprocessing_cut_short_is_not_trusted(planned: Workspace) -> None:
    folder = planned.preprocessed_dataset / "nnUNetPlans_2d"
    (folder / "knee_2.b2nd").unlink()
    with pytest.raises(InputError, match=r"found no complete set of preprocessed exams, .*plan first"):
        train(planned, TRAINING, seed=0)
    plan(planned, PROFILE, METHODS)
    assert len(list(folder.glob("knee_?.b2nd"))) == TRAINING_EXAMS


def test_what_a_killed_preprocessing_leaves_is_removed(planned: Workspace) -> None:
    folder = planned.preprocessed_dataset / "nnUNetPlans_2d"
    folder.rename(folder.with_name(".partial-nnUNetPlans_2d"))
    plan(planned, PROFILE, METHODS)
    assert len(list(folder.glob("knee_?.b2nd"))) == TRAINING_EXAMS
    assert not folder.with_name(".partial-nnUNetPlans_2d").exists()


def test_exams_changed_after_preprocessing(planned: Workspace) -> None:
    mask = planned.raw_dataset / "labelsTr" / "knee_0.nii.gz"
    shutil.copyfile(planned.raw_dataset / "labelsTr" / "knee_1.nii.gz", mask)
    with pytest.raises(InputError, match=r"preprocessed from another data set or plan, .*plan again"):
        train(planned, TRAINING, seed=0)
    plan(planned, PROFILE, METHODS)
    assert preprocessed_hash(planned, plans_in(planned), "2d_tiny")
    copied = planned.preprocessed_dataset / "gt_segmentations" / mask.name
    assert copied.read_bytes() == mask.read_bytes()


def test_status_says_what_of_a_plan_is_not_there_or_is_of_other_exams(planned: Workspace) -> None:
    def found(limit: int = LIMIT) -> Stage:
        may = Bytes(limit)
        return stage_of_plan(planned, trained_on(planned, may))

    assert found().state == found(0).state == "there"
    assert found(0).unseen[0].startswith("training exams, if they are those that were planned from (")
    exam = planned.preprocessed_dataset / "nnUNetPlans_2d" / "knee_2.b2nd"
    kept = exam.read_bytes()
    exam.unlink()
    assert (found().state, found().why) == ("unfinished", "preprocessed exams are missing")
    exam.write_bytes(kept)
    labels = planned.raw_dataset / "labelsTr"
    (labels / "knee_0.nii.gz").write_bytes((labels / "knee_1.nii.gz").read_bytes())
    assert (found().state, found().why) == ("stale", "the training exams are others now")
    assert found().command.startswith("bmseg plan ")
