"""Trainers that no method has yet: found by name, and they train."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmseg.methods import Method
from bmseg.nnunet import Training, train
from bmseg.nnunet.environment import nnunet_environment, trainer_class
from bmseg.trainers import ON_TRIAL
from bmseg.workspace import Workspace
from tests.bmseg.nnunet.tiny import PROFILE, RECIPE, fold_of, losses

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")


def test_nnunets_search_finds_them(planned_once: Workspace) -> None:
    with nnunet_environment(planned_once, "cpu"):
        found = [trainer_class(path.rpartition(".")[2]) for path in ON_TRIAL]
    assert [f"{one.__module__}.{one.__name__}" for one in found] == [*ON_TRIAL]


def test_each_learns_otherwise(planned: Workspace) -> None:
    short = replace(PROFILE, epochs=1, iterations=2)
    found = []
    for trainer in ("quick.nnUNetTrainerQuick", "sampling.nnUNetTrainerQuickByLevel",
                    "losses.nnUNetTrainerQuickFocal", "losses.nnUNetTrainerQuickTopK"):  # fmt: skip
        recipe = replace(RECIPE, trainer=f"bmseg.trainers.{trainer}")
        training = Training.of(Method("tried", "", {"quick": recipe}), short)
        train(planned, training, seed=1)
        found += losses(fold_of(planned, training))
    assert np.isfinite(found).all()
    assert len({round(loss, 6) for loss in found}) == 4
