"""Trainers whose loss dwells on the worst tenth of pixels, beside Dice."""

from __future__ import annotations

from nnunetv2.training.nnUNetTrainer.variants.loss.nnUNetTrainerTopkLoss import nnUNetTrainerDiceTopK10Loss

from bmseg.trainers.quick import nnUNetTrainerQuick
from bmseg.trainers.scheduled import nnUNetTrainerScheduled


class nnUNetTrainerTopK(nnUNetTrainerScheduled):  # noqa: N801 (nnU-Net's users know trainers by this form)
    """nnU-Net's own trainer of Dice and top-k loss, under a schedule of the plans."""

    _build_loss = nnUNetTrainerDiceTopK10Loss._build_loss


class nnUNetTrainerQuickTopK(nnUNetTrainerTopK, nnUNetTrainerQuick):  # noqa: N801
    """`nnUNetTrainerQuick` with Dice and top-k loss."""
