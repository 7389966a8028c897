"""Dice and top-k loss: nnU-Net's own, at every resolution."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch", reason="torch is not installed: pip install 'bmseg[train]'")
pytest.importorskip("nnunetv2", reason="nnU-Net is not installed: pip install 'bmseg[train]'")

from nnunetv2.training.loss.compound_losses import DC_and_topk_loss

from bmseg.trainers.topk import nnUNetTrainerQuickTopK, nnUNetTrainerTopK
from tests.bmseg.trainers.built import built


@pytest.mark.parametrize("trainer", [nnUNetTrainerTopK, nnUNetTrainerQuickTopK])
def test_the_loss_is_nnunets_at_every_resolution(
    trainer: type, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made = built(trainer, tmp_path, {"background": 0, "level1": 1, "level2": 2, "level3": 3})
    capsys.readouterr()
    deep = trainer is nnUNetTrainerTopK
    made._get_deep_supervision_scales = lambda: [[1, 1], [0.5, 0.5]] if deep else None
    loss = made._build_loss()
    assert made.enable_deep_supervision is deep
    inner = loss.loss if deep else loss
    assert type(inner) is DC_and_topk_loss
    assert inner.ce.k == 10
