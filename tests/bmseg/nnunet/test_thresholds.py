"""Thresholds in a trained network: its masks are those that the thresholds would have cut."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bmseg.methods import Method
from bmseg.nnunet import Training, predict, train
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from tests.bmseg.nnunet.tiny import ORDINAL, PROFILE, checkpoint, fold_of

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

_TRAINER = "bmseg.trainers.thresholds.nnUNetTrainerQuickOrdinalThresholds"
CUT = Method("tiny_cut", "", {"quick": replace(ORDINAL.recipes["quick"], trainer=_TRAINER)})
# So few steps teach what 0.5 does not cut well.
SHORT = replace(PROFILE, epochs=4, iterations=6)


def test_masks_and_record(planned: Workspace) -> None:
    plain, cut = (Training.of(method, SHORT) for method in (ORDINAL, CUT))
    for training in (plain, cut):
        train(planned, training, seed=1)
    folder = fold_of(planned, cut)
    record = json.loads((folder / "bmseg_thresholds.json").read_text(encoding="utf-8"))
    splits = json.loads((planned.preprocessed_dataset / "splits_final.json").read_text(encoding="utf-8"))
    assert record["chosen_on"] == splits[0]["val"]
    assert [*record["regions"]] == ["level1 or more", "level2 or more"]
    assert json.loads((folder / "bmseg_training.json").read_text(encoding="utf-8"))["thresholds"] == record
    thresholds = np.array([one["threshold"] for one in record["regions"].values()])
    assert (thresholds != 0.5).any()

    # Nothing but the last bias differs.
    before, after = (checkpoint(fold_of(planned, one))["network_weights"] for one in (plain, cut))
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    (bias,) = moved
    assert bias.startswith("decoder.seg_layers.")
    step = (before[bias] - after[bias]).numpy()
    np.testing.assert_allclose(step, np.log(thresholds / (1 - thresholds)), atol=1e-6)

    exams = predict(planned, plain, probabilities=True)
    predict(planned, cut)
    n_differing = n_moved = 0
    for path in exams:
        maps: Any = np.load(path.with_name(path.name.replace(".nii.gz", ".npz")))["probabilities"]
        above = maps.transpose(0, 3, 2, 1) > thresholds[:, None, None, None]
        expected = np.where(above[1], 2, above[0])
        mask = read_volume(planned.predictions("tiny_cut") / path.name).array
        n_differing += int((mask != expected).sum())
        n_moved += int((mask != read_volume(path).array).sum())
    # nnU-Net adds tiles up in half precision.
    assert n_moved > 100
    assert n_differing <= 0.01 * n_moved


def test_nobody_held_out_leaves_the_middle(planned: Workspace) -> None:
    train(planned, Training.of(CUT, replace(SHORT, epochs=1, iterations=1)), fold="all", seed=1)
    folder = fold_of(planned, Training.of(CUT, PROFILE), "all")
    assert not (folder / "bmseg_thresholds.json").exists()
    assert "no exam is held out" in "".join(path.read_text() for path in folder.glob("training_log*.txt"))
