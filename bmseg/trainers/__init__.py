"""nnU-Net trainer classes; nnU-Net's own commands find them through ``nnUNet_extTrainer``.

Importing this package imports nnU-Net and torch.
"""

from bmseg.trainers.quick import nnUNetTrainerQuick
from bmseg.trainers.scheduled import nnUNetTrainerScheduled

__all__ = ["nnUNetTrainerQuick", "nnUNetTrainerScheduled"]
