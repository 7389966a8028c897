"""nnU-Net (Isensee et al., Nature Methods 2021;18:203) with its 2-D configuration.

Under ``full`` it is nnU-Net as its authors wrote it: plan, schedule and trainer. Under ``quick`` it is a
small network of the same kind, made to learn within minutes on two CPU cores.
"""

from functools import partial

from bmseg.methods.configurations import small_nnunet
from bmseg.methods.registry import Method, Recipe

#: Chosen on the synthetic cohort.
QUICK = Recipe(
    configuration="2d_quick",
    trainer="bmseg.trainers.quick.nnUNetTrainerQuick",
    configure=partial(small_nnunet, features=(16, 32, 64, 96), patch=(128, 128), batch=4),
    learning_rate=3e-3,
)

METHOD = Method(
    name="nnunet",
    title="nnU-Net",
    summary="nnU-Net's 2d configuration, its own plan and schedule",
    recipes={
        "quick": QUICK,
        "full": Recipe(
            configuration="2d",
            trainer="nnUNetTrainer",
            trainer_with_schedule="bmseg.trainers.scheduled.nnUNetTrainerScheduled",
        ),
    },
)
