"""nnU-Net on nested regions: any level, at least level 2, and so on, instead of one label a level.

A sparse highest level shares what is learned for the levels below it; each region has a sigmoid of its own.
"""

from dataclasses import replace

from bmseg.methods.nnunet import QUICK
from bmseg.methods.registry import Method, Recipe

METHOD = Method(
    name="nnunet_ordinal",
    title="nnU-Net ordinal",
    summary="nnU-Net's 2d configuration on nested regions: level 1 or more, 2 or more, 3",
    recipes={
        "quick": replace(QUICK, trainer="bmseg.trainers.ordinal.nnUNetTrainerQuickOrdinal"),
        "full": Recipe(configuration="2d", trainer="bmseg.trainers.ordinal.nnUNetTrainerOrdinal"),
    },
)
