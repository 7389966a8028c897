"""A trainer as nnU-Net builds it, without data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bmseg.nnunet.environment import nnunet_environment
from bmseg.workspace import Workspace


def built(trainer: type, root: Path, labels: dict[str, int], schedule: dict[str, Any] | None = None) -> Any:
    import torch

    configuration: dict[str, Any] = {
        "batch_size": 2,
        "patch_size": [32, 48],
        "data_identifier": "nnUNetPlans_2d",
        "batch_dice": True,
        "architecture": {},
    }
    plans = {
        "dataset_name": "Dataset501_Tiny",
        "plans_name": "nnUNetPlans",
        "configurations": {"2d_tiny": {**configuration, **({"bmseg": schedule} if schedule else {})}},
        "label_manager": "LabelManager",
        "continue_training": False,
    }
    dataset_json = {"labels": labels, "channel_names": {"0": "water"}}
    with nnunet_environment(Workspace(root, "Dataset501_Tiny"), "cpu", workers=0):
        return trainer(plans, "2d_tiny", 0, dataset_json, torch.device("cpu"))
