"""Trainers whose loss dwells on what is hard: the focal loss, or the worst tenth of pixels."""

from __future__ import annotations

from typing import Any

import torch
from nnunetv2.training.loss.robust_ce_loss import RobustCrossEntropyLoss
from nnunetv2.training.nnUNetTrainer.variants.loss.nnUNetTrainerTopkLoss import nnUNetTrainerDiceTopK10Loss
from torch.nn import functional

from bmseg.trainers.quick import nnUNetTrainerQuick
from bmseg.trainers.scheduled import nnUNetTrainerScheduled

#: Of the focal loss; the value that its authors found best.
GAMMA = 2.0


class FocalLoss(RobustCrossEntropyLoss):  # type: ignore[misc]
    """Cross-entropy times (1 - p)^`GAMMA`, p the probability of the drawn label; mean over pixels.

    Lin et al., ICCV 2017, "Focal loss for dense object detection" (not opened), without its class weights;
    `torchvision.ops.sigmoid_focal_loss`, which was, is the same for two labels.
    """

    def forward(self, scores: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Of scores (batch, labels, rows, columns) and labels (batch, rows, columns)."""
        entropy = functional.cross_entropy(
            scores, target.long(), ignore_index=self.ignore_index, reduction="none"
        )
        focal = (1 - torch.exp(-entropy)) ** GAMMA * entropy
        return focal.sum() / (target != self.ignore_index).sum().clamp(min=1)


class _DiceAndFocal(nnUNetTrainerScheduled):
    """Comes before a trainer among the bases: nnU-Net's Dice loss, with the focal loss as its other part."""

    def _build_loss(self) -> Any:
        loss: Any = super()._build_loss()
        of_one_resolution = loss.loss if self.enable_deep_supervision else loss
        of_one_resolution.ce = FocalLoss(ignore_index=of_one_resolution.ce.ignore_index)
        return loss


class _DiceAndTopK(nnUNetTrainerScheduled):
    """The same with the cross-entropy of the worst tenth of pixels, as nnU-Net's own variant has it."""

    _build_loss = nnUNetTrainerDiceTopK10Loss._build_loss


class nnUNetTrainerFocal(_DiceAndFocal):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """nnU-Net's defaults with Dice and focal loss."""


class nnUNetTrainerQuickFocal(_DiceAndFocal, nnUNetTrainerQuick):  # noqa: N801
    """`nnUNetTrainerQuick` with Dice and focal loss."""


class nnUNetTrainerTopK(_DiceAndTopK):  # noqa: N801
    """nnU-Net's defaults with Dice and top-k loss, under a schedule of the plans."""


class nnUNetTrainerQuickTopK(_DiceAndTopK, nnUNetTrainerQuick):  # noqa: N801
    """`nnUNetTrainerQuick` with Dice and top-k loss."""
