"""Each kind of method trained for a few steps, and what it predicts."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bmseg.nnunet import Training, predict
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from tests.bmseg.nnunet.conftest import trained_from
from tests.bmseg.nnunet.tiny import (
    ORDINAL,
    PROFILE,
    SPEC,
    TEST_EXAMS,
    UNET,
    checkpoint,
    copied,
    fold_of,
    losses,
)
from tests.support.once import made_once

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

LONGER = replace(PROFILE, epochs=12, iterations=6)
OF_UNET, OF_ORDINAL = Training.of(UNET, LONGER), Training.of(ORDINAL, LONGER)


@pytest.fixture(scope="session")
def both_once(planned_once: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    def make(root: Path) -> None:
        trained_from(planned_once, root / "unet", 0, training=OF_UNET)
        trained_from(Workspace(root / "unet", SPEC.folder_name), root / "both", 0, training=OF_ORDINAL)

    return Workspace(made_once(tmp_path_factory, "methods", make) / "both", SPEC.folder_name)


@pytest.mark.parametrize("training", [OF_UNET, OF_ORDINAL])
def test_training_lowers_the_loss(both_once: Workspace, training: Training) -> None:
    found = losses(fold_of(both_once, training))
    assert len(found) == LONGER.epochs
    assert np.mean(found[-3:]) < 0.8 * np.mean(found[:3])


@pytest.mark.parametrize("training", [OF_UNET, OF_ORDINAL])
def test_masks_hold_levels_on_the_grid_of_the_image(
    both_once: Workspace, training: Training, tmp_path: Path
) -> None:
    workspace = copied(both_once, tmp_path / "workspace")
    predict(workspace, training)
    folder = workspace.predictions(training.method.name)
    levels: set[int] = set()
    for path in sorted(folder.glob("*.nii.gz")):
        image = read_volume(workspace.raw_dataset / "imagesTs" / path.name.replace(".nii", "_0000.nii"))
        mask = read_volume(path)
        assert mask.grid.difference(image.grid) is None
        assert np.issubdtype(mask.array.dtype, np.integer)
        levels |= {int(level) for level in np.unique(mask.array)}
    assert {0, 1} <= levels <= {0, 1, 2}
    assert len(list(folder.glob("*.nii.gz"))) == TEST_EXAMS


def test_the_unet_predicts_each_tile_once_without_mirroring(
    both_once: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bmseg.networks.unet import UNet

    workspace, seen = copied(both_once, tmp_path / "workspace"), []
    forward = UNet.forward

    def noted(self: UNet, x: Any) -> Any:
        seen.extend(x.clone())
        return forward(self, x)

    monkeypatch.setattr(UNet, "forward", noted)
    shutil.rmtree(workspace.predictions("tiny_unet"), ignore_errors=True)
    predict(workspace, OF_UNET)
    # Slices of 36 x 40 are two tiles of 32 high and two wide.
    slices = 5 * TEST_EXAMS
    assert len(seen) == 4 * slices
    assert not any(torch.equal(one, other.flip(-1)) for one in seen for other in seen)
    assert checkpoint(fold_of(workspace, OF_UNET))["inference_allowed_mirroring_axes"] is None


def test_the_unets_parameters_are_counted(both_once: Workspace) -> None:
    def convolutions(*layers: tuple[int, int, int]) -> int:
        return sum((edge * edge * before + 1) * after for edge, before, after in layers)

    down = convolutions((3, 1, 4), (3, 4, 4), (3, 4, 8), (3, 8, 8), (3, 8, 16), (3, 16, 16))
    up = convolutions((2, 16, 8), (3, 16, 8), (3, 8, 8), (2, 8, 4), (3, 8, 4), (3, 4, 4), (1, 4, 3))
    record = json.loads((fold_of(both_once, OF_UNET) / "bmseg_training.json").read_text())
    assert record["parameters"] == down + up
    assert record["method"] == "tiny_unet"


def test_the_ordinal_models_own_files_hold_the_regions(both_once: Workspace) -> None:
    """nnU-Net's commands read them; the data set itself keeps its levels."""
    model = json.loads((OF_ORDINAL.model_folder(both_once) / "dataset.json").read_text())
    assert model["labels"] == {"background": 0, "level1 or more": [1, 2], "level2 or more": [2]}
    raw = json.loads((both_once.raw_dataset / "dataset.json").read_text())
    assert raw["labels"] == {"background": 0, "level1": 1, "level2": 2}
    weights = checkpoint(fold_of(both_once, OF_ORDINAL))["network_weights"]
    assert weights["decoder.seg_layers.1.bias"].shape == (2,)
