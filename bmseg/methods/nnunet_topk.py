"""nnU-Net whose cross-entropy is that of the worst tenth of pixels, beside Dice: nnU-Net's own variant.

A sparse highest level is few pixels among many that are soon right: ``python -m benchmarks.level3`` says what
this gains there.
"""

from dataclasses import replace

from bmseg.methods.nnunet import QUICK
from bmseg.methods.registry import Method, Recipe

METHOD = Method(
    name="nnunet_topk",
    title="nnU-Net top-k",
    summary="nnU-Net's 2d configuration, Dice and cross-entropy of the worst tenth of pixels",
    recipes={
        "quick": replace(QUICK, trainer="bmseg.trainers.topk.nnUNetTrainerQuickTopK"),
        "full": Recipe(
            configuration="2d",
            trainer="nnUNetTrainerDiceTopK10Loss",
            trainer_with_schedule="bmseg.trainers.topk.nnUNetTrainerTopK",
        ),
    },
)
