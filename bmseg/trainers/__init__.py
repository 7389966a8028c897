"""nnU-Net trainer classes; nnU-Net's own commands find them through ``nnUNet_extTrainer``.

Importing one imports nnU-Net and torch.
"""

#: Dotted paths of trainers that no method has: on trial (``python -m benchmarks.level3``).
ON_TRIAL = (
    "bmseg.trainers.thresholds.nnUNetTrainerOrdinalThresholds",
    "bmseg.trainers.thresholds.nnUNetTrainerQuickOrdinalThresholds",
)
