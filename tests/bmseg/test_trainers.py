from __future__ import annotations

import os
import random
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

import torch

from bmseg.nnunet.environment import EXTERNAL_TRAINERS, nnunet_environment
from bmseg.nnunet.plan import schedule_of
from bmseg.profiles import QUICK
from bmseg.trainers import nnUNetTrainerQuick, nnUNetTrainerScheduled
from bmseg.trainers.quick import DEFAULTS
from bmseg.trainers.scheduled import seed_everything
from bmseg.workspace import Workspace

SHAPE = {"batch_size": 2, "patch_size": [32, 32], "data_identifier": "nnUNetPlans_2d", "batch_dice": True}


def plans(**schedule: Any) -> dict[str, Any]:
    configuration: dict[str, Any] = {**SHAPE, "architecture": {}}
    if schedule:
        configuration["bmseg"] = schedule
    return {
        "dataset_name": "Dataset501_Tiny",
        "plans_name": "nnUNetPlans",
        "configurations": {"2d_quick": configuration},
        "label_manager": "LabelManager",
        "continue_training": False,
    }


def build(trainer: type, workspace: Workspace, capsys: Any, **schedule: Any) -> Any:
    dataset_json = {"labels": {"background": 0, "level1": 1}, "channel_names": {"0": "water"}}
    with nnunet_environment(workspace, "cpu", workers=0):
        made = trainer(plans(**schedule), "2d_quick", 0, dataset_json, torch.device("cpu"))
    capsys.readouterr()
    return made


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, "Dataset501_Tiny")


@pytest.mark.parametrize("name", ["nnUNetTrainerQuick", "nnUNetTrainerScheduled"])
def test_nnunets_own_search_finds_the_trainers(workspace: Workspace, name: str) -> None:
    from nnunetv2.utilities.find_objects import recursive_find_trainer_class_by_name

    before = list(sys.path)
    with nnunet_environment(workspace, "cpu"):
        found = recursive_find_trainer_class_by_name(name)
    assert found.__name__ == name
    assert found.__module__.startswith("bmseg.trainers.")  # not dropped again, so it can be pickled
    assert sys.path == before


def test_the_shim_folder_is_shipped_as_a_package() -> None:
    assert (EXTERNAL_TRAINERS / "__init__.py").is_file()
    assert (EXTERNAL_TRAINERS / "bmseg_trainers.py").is_file()


def test_the_schedule_stands_in_the_plans(workspace: Workspace, capsys: Any) -> None:
    made = build(nnUNetTrainerScheduled, workspace, capsys, epochs=7, iterations=3, seed=5)
    assert (made.num_epochs, made.num_iterations_per_epoch, made.seed) == (7, 3, 5)
    assert made.num_val_iterations_per_epoch == 50  # nnU-Net's own


def test_without_a_schedule_the_trainer_is_nnunets(workspace: Workspace, capsys: Any) -> None:
    made = build(nnUNetTrainerScheduled, workspace, capsys)
    assert (made.num_epochs, made.num_iterations_per_epoch, made.initial_lr) == (1000, 250, 1e-2)
    assert made.save_every == 50


def test_quick_has_a_schedule_of_its_own_without_one_in_the_plans(workspace: Workspace, capsys: Any) -> None:
    made = build(nnUNetTrainerQuick, workspace, capsys)
    assert made.num_epochs == DEFAULTS["epochs"]
    assert made.enable_deep_supervision is False


def test_quicks_defaults_are_the_quick_profile() -> None:
    assert schedule_of(QUICK) == DEFAULTS


def test_a_short_training_has_something_to_resume_from(workspace: Workspace, capsys: Any) -> None:
    assert build(nnUNetTrainerScheduled, workspace, capsys, epochs=10).save_every == 1
    assert build(nnUNetTrainerScheduled, workspace, capsys, epochs=400).save_every == 20


def test_a_failed_save_leaves_the_earlier_checkpoint(
    workspace: Workspace, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = build(nnUNetTrainerQuick, workspace, capsys)
    target = Path(made.output_folder) / "checkpoint_latest.pth"
    target.write_bytes(b"earlier")
    made.network = torch.nn.Linear(1, 1)
    made.optimizer = torch.optim.AdamW(made.network.parameters())

    def half(_: Any, filename: str) -> None:
        Path(filename).write_bytes(b"ha")
        raise OSError("disk full")

    monkeypatch.setattr(torch, "save", half)
    with pytest.raises(OSError, match="disk full"):
        made.save_checkpoint(str(target))
    assert target.read_bytes() == b"earlier"
    assert [path.name for path in target.parent.glob(".partial*")] == []


def test_seeds_of_epochs_differ_and_repeat() -> None:
    def draw(seed: int, epoch: int) -> tuple[float, float, float]:
        seed_everything(seed, epoch)
        return random.random(), float(np.random.rand()), float(torch.rand(1))

    assert draw(1, 2) == draw(1, 2)
    assert len({draw(1, 2), draw(1, 3), draw(2, 2)}) == 3


def test_augmentation_keeps_the_patch_and_the_labels() -> None:
    transforms = nnUNetTrainerQuick.get_training_transforms((32, 48), (-0.2, 0.2), None, (1,), False)
    labels = torch.zeros((1, 40, 56), dtype=torch.int16)
    labels[:, 10:20, 10:30] = 2
    for seed in range(10):
        seed_everything(seed)
        made = transforms(image=torch.rand((1, 40, 56)), segmentation=labels.clone())
        assert made["image"].shape == made["segmentation"].shape == (1, 32, 48)
        assert set(made["segmentation"].unique().tolist()) <= {0, 2}


def test_the_environment_is_restored(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("nnUNet_raw", "elsewhere")
    monkeypatch.delenv("nnUNet_results", raising=False)
    with nnunet_environment(workspace, "cpu", workers=0):
        assert os.environ["nnUNet_raw"] == str(workspace.nnunet_raw)
        assert os.environ["nnUNet_results"] == str(workspace.nnunet_results)
        assert os.environ["nnUNet_compile"] == "f"
        assert os.environ["nnUNet_n_proc_DA"] == "0"
    assert os.environ["nnUNet_raw"] == "elsewhere"
    assert "nnUNet_results" not in os.environ
