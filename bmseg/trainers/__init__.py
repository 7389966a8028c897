"""nnU-Net trainer classes; nnU-Net's own commands find them through ``nnUNet_extTrainer``.

Importing one imports nnU-Net and torch.
"""

#: Dotted paths of trainers that no method has: on trial (``python -m benchmarks.level3``).
ON_TRIAL = (
    "bmseg.trainers.losses.nnUNetTrainerFocal",
    "bmseg.trainers.losses.nnUNetTrainerQuickFocal",
    "bmseg.trainers.losses.nnUNetTrainerQuickTopK",
    "bmseg.trainers.losses.nnUNetTrainerTopK",
    "bmseg.trainers.nyul.nnUNetTrainerNyul",
    "bmseg.trainers.nyul.nnUNetTrainerQuickNyul",
    "bmseg.trainers.sampling.nnUNetTrainerByLevel",
    "bmseg.trainers.sampling.nnUNetTrainerQuickByLevel",
    "bmseg.trainers.thresholds.nnUNetTrainerOrdinalThresholds",
    "bmseg.trainers.thresholds.nnUNetTrainerQuickOrdinalThresholds",
)
