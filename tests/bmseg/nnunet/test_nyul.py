"""A method with a normalisation of its own: planned, preprocessed beside nnU-Net's, trained, predicted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bmseg.methods import Method
from bmseg.nnunet import Training, plan, predict, train
from bmseg.workspace import Workspace
from dataset_conversion.images import Volume, read_volume, write_volume
from tests.bmseg.nnunet.tiny import METHOD, PROFILE, RECIPE, TEST_EXAMS, TRAINING

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def configured(parent: Any) -> dict[str, Any]:
    assert RECIPE.configure is not None
    own = {"normalization_schemes": ["NyulNormalization"], "data_identifier": "nnUNetPlans_2d_nyul"}
    return RECIPE.configure(parent) | own


NYUL = Method(
    "tiny_nyul",
    "",
    {
        "quick": replace(
            RECIPE,
            configuration="2d_tiny_nyul",
            trainer="bmseg.trainers.nyul.nnUNetTrainerQuickNyul",
            configure=configured,
        )
    },
)


def test_landmarks_stand_in_the_plans_and_reach_prediction(
    planned: Workspace, capsys: pytest.CaptureFixture[str]
) -> None:
    from bmseg.nnunet.environment import nnunet_environment
    from bmseg.trainers.nyul import standard_landmarks
    from bmseg.untrusted.named_classes import check_classes

    before = {
        path.name: path.stat().st_mtime_ns
        for path in (planned.preprocessed_dataset / "nnUNetPlans_2d").iterdir()
    }
    plan(planned, PROFILE, [METHOD, NYUL])
    plans = json.loads((planned.preprocessed_dataset / "nnUNetPlans.json").read_text(encoding="utf-8"))
    images = [read_volume(path).array for path in sorted((planned.raw_dataset / "imagesTr").glob("*.nii.gz"))]
    found = plans["foreground_intensity_properties_per_channel"]["0"]["nyul_landmarks"]
    np.testing.assert_allclose(found, standard_landmarks(images))
    ours = planned.preprocessed_dataset / "nnUNetPlans_2d_nyul"
    assert {path.name for path in ours.iterdir()} == before.keys()

    nyul = Training.of(NYUL, PROFILE)
    for training in (TRAINING, nyul):
        train(planned, training, seed=1)
    masks = [read_volume(path).array for path in predict(planned, nyul)]
    assert len(masks) == TEST_EXAMS
    assert any(mask.any() for mask in masks)
    # Twice as bright, as another scanner may have them.
    for path in (planned.raw_dataset / "imagesTs").glob("*.nii.gz"):
        volume = read_volume(path)
        write_volume(path, Volume(2 * volume.array, volume.affine))
    again = [read_volume(path).array for path in predict(planned, nyul)]
    assert all(map(np.array_equal, masks, again))
    with nnunet_environment(planned, "cpu"):
        check_classes(plans, "2d_tiny_nyul", nyul.trainer, "plans.json")

    capsys.readouterr()
    plan(planned, PROFILE, [METHOD, NYUL])
    shown = capsys.readouterr().err
    assert shown.count("preprocessing: kept") == 2
