"""nnU-Net with its residual encoder, preset L: what its authors recommend as the baseline of today.

Isensee et al., MICCAI 2024, "nnU-Net Revisited" (not opened; the presets are those of nnU-Net's own planners,
which were). Preset L is made for a GPU of 24 GB; `bmseg.methods.nnunet_resenc_m` for one of about 10.
"""

from functools import partial

from bmseg.methods.configurations import small_residual
from bmseg.methods.nnunet import QUICK
from bmseg.methods.registry import Method, Recipe


def planned(preset: str) -> Recipe:
    """nnU-Net's own 2d plan of a preset, M or L, under its own schedule."""
    return Recipe(
        configuration=f"2d_resenc_{preset.lower()}",
        trainer="nnUNetTrainer",
        trainer_with_schedule="bmseg.trainers.scheduled.nnUNetTrainerScheduled",
        planner=f"nnUNetPlannerResEnc{preset}",
    )


METHOD = Method(
    name="nnunet_resenc",
    title="nnU-Net ResEnc",
    summary="nnU-Net's 2d configuration with its residual encoder, preset L",
    recipes={
        # The method nnunet with another encoder, and nothing else.
        "quick": Recipe(
            configuration="2d_resenc_quick",
            trainer=QUICK.trainer,
            configure=partial(
                small_residual, blocks=(1, 2, 2, 2), features=(16, 32, 64, 96), patch=(128, 128), batch=4
            ),
            learning_rate=QUICK.learning_rate,
        ),
        "full": planned("L"),
    },
)
