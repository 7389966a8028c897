"""Exams in which the reader was unsure of most slices: each kind of method is trained and predicts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from bmseg.nnunet import Training, plan, predict, train
from bmseg.workspace import Workspace
from dataset_conversion.images import read_volume
from tests.bmseg.nnunet.conftest import FIGURE
from tests.bmseg.nnunet.tiny import CORES, METHODS, PROFILE, SPEC, checkpoint, fold_of, losses, write_exams

pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

BRIEF = replace(PROFILE, epochs=2)


@pytest.fixture(scope="module")
def unsure(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("unsure"), SPEC.folder_name)
    write_exams(workspace, unsure=255)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(CORES, lambda: 1)
        plan(workspace, BRIEF, METHODS)
    return workspace


def test_masks_that_are_trained_on_have_nnunets_label(unsure: Workspace) -> None:
    described = json.loads((unsure.raw_dataset / "dataset.json").read_text())
    assert described["labels"] == {"background": 0, "level1": 1, "level2": 2, "ignore": 3}
    for path in (unsure.raw_dataset / "labelsTr").glob("*.nii.gz"):
        mask = read_volume(path).array
        assert set(np.unique(mask)) == {0, 1, 2, 3}
        assert sorted((mask == 3).mean(axis=(0, 1))) == [0, 0, 1, 1, 1]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_each_method_learns_from_the_rest_and_is_always_sure(
    unsure: Workspace, method: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FIGURE, lambda *_: None)
    training = Training.of(method, BRIEF)  # type: ignore[arg-type]
    train(unsure, training, seed=1)
    assert np.isfinite(losses(fold_of(unsure, training))).all()
    weights = checkpoint(fold_of(unsure, training))["network_weights"]
    assert all(bool(one.isfinite().all()) for one in weights.values())
    predict(unsure, training)
    for path in unsure.predictions(training.method.name).glob("*.nii.gz"):
        assert set(np.unique(read_volume(path).array)) <= {0, 1, 2}
